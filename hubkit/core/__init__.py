"""The frozen shared encoder: where it comes from, what identifies it, and how it is laid out."""

from hubkit.core.checkpoint import Core, load_model, load_tokenizer, open_core

__all__ = ["Core", "load_model", "load_tokenizer", "open_core"]
