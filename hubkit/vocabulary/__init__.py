"""Tokens that an adapter adds to its core: measuring whether they are needed, learning them, cutting text with them."""
