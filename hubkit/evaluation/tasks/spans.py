"""Spans of tagged words, as the CoNLL evaluation counts them.

Tjong Kim Sang & De Meulder 2003: a span is right when its first word, its last word and its type are. A span begins at
``B-X``, and at ``I-X`` after ``O`` or after another type, as in the script ``conlleval``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """Words ``first`` … ``last`` (both included) and their type."""

    first: int
    last: int
    kind: str


def spans(tags: Sequence[str]) -> set[Span]:
    """The spans of a sentence's IOB2 tags."""
    found: set[Span] = set()
    begun: tuple[int, str] | None = None
    for place, tag in enumerate([*tags, "O"]):
        prefix, _, kind = tag.partition("-")
        goes_on = prefix == "I" and begun is not None and begun[1] == kind
        if begun is not None and not goes_on:
            found.add(Span(begun[0], place - 1, begun[1]))
            begun = None
        if prefix in "BI" and not goes_on:
            begun = (place, kind)
    return found


def counts(gold: Sequence[str], found: Sequence[str]) -> tuple[int, int, int]:
    """True positives, false positives and misses among the spans of one sentence."""
    true, guessed = spans(gold), spans(found)
    right = len(true & guessed)
    return right, len(guessed) - right, len(true) - right


def only(tags: Sequence[str], kinds: set[str]) -> list[str]:
    """The tags with those of other types as ``O``."""
    return [tag if tag.partition("-")[2] in kinds else "O" for tag in tags]
