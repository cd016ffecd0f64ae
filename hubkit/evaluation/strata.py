"""Labels of items by which a metric is broken down."""

from __future__ import annotations

from collections.abc import Sequence

LENGTHS: tuple[tuple[str, float], ...] = (("short", 40), ("medium", 120), ("long", float("inf")))
"""Length classes and the number of characters of the English side that each ends before."""


def length_classes(english: Sequence[str]) -> tuple[str, ...]:
    """The length class of each sentence by its characters: the same in every language, as the English is."""
    return tuple(next(name for name, end in LENGTHS if len(sentence) < end) for sentence in english)
