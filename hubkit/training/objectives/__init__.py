"""Built-in training objectives, one file each."""
