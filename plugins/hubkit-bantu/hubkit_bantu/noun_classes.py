"""The noun classes of 28 Bantu languages: their prefixes as they are written, and the grammars that they are from.

Classes have the numbers that comparative work on Bantu uses (Maho 1999): a noun of class 1 has its plural in class 2,
7 in 8, and so on; ``1a`` and ``2a`` are the classes of names and kin. A prefix is written with its augment where the
language has one (``umu-``, not ``mu-``), and in the forms that it takes before consonants and before vowels (``iki-``,
``igi-``, ``icy-``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from hubkit_bantu.tables import base, rows


@dataclass(frozen=True, slots=True)
class NounClass:
    """One class of one language. ``plural`` is the class of its plurals, ``reference`` a key of ``references.tsv``."""

    tag: str
    number: str
    prefixes: tuple[str, ...]
    plural: str | None
    reference: str


def languages() -> tuple[str, ...]:
    """Tags of the languages whose classes are known, sorted."""
    return tuple(sorted(_by_tag()))


def classes(tag: str) -> tuple[NounClass, ...]:
    """The classes of a language, or of the one that it is a variety of; ``()`` when they are not in the table."""
    return _by_tag().get(base(tag), ())


def reference(key: str) -> str:
    """The work that a key stands for, in full."""
    return _references()[key]


@lru_cache(maxsize=1)
def _by_tag() -> dict[str, tuple[NounClass, ...]]:
    found: dict[str, list[NounClass]] = {}
    for row in rows("noun_classes"):
        prefixes = tuple(row["prefixes"].split("|"))
        made = NounClass(row["tag"], row["class"], prefixes, row["plural"] or None, row["reference"])
        found.setdefault(made.tag, []).append(made)
    return {tag: tuple(made) for tag, made in found.items()}


@lru_cache(maxsize=1)
def _references() -> dict[str, str]:
    return {row["key"]: row["reference"] for row in rows("references")}
