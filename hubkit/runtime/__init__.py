"""Inference: adapters at work on unmodified transformers modules, and the encoder that gives sentence vectors."""
