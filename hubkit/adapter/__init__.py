"""One adapter as an artifact: its manifest, its tensors on disk, and the vectors it is known to give."""
