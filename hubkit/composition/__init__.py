"""Recipes: which adapters act together and how, as data; and the arithmetic that makes one adapter of several."""
