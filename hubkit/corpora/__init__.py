"""Parallel text: sources (one file each), fetching, cleaning, overlap checks, and gathering them for a language."""
