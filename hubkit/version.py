"""The version of hubkit."""

__version__ = "0.1.0"
