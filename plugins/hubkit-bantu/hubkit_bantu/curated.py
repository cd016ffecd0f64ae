"""Which of hubkit's sources are any good for which language, by count (``curated.tsv``).

A part of a source is kept when little of it is English: ``copied`` is the share of the words (of four letters or more)
that stand in the English side too. What is over :data:`LARGEST_COPIED` are lists of names and file formats that nobody
translated. ``benchmarks/curate.py`` counts again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from hubkit_bantu.tables import base, rows

if TYPE_CHECKING:
    from hubkit.corpora.source import Pair

LARGEST_COPIED = 0.1
FEWEST_PAIRS = 60  # of a part with a row of its own; the others are counted together
REST = "rest"
_WORD = re.compile(r"[^\W\d_]{4,}")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a source in one language: pairs after cleaning, sentences (4 to 30 English words), share of copies."""

    tag: str
    source: str
    name: str  # a module of LibreOffice; else "all"
    pairs: int
    sentences: int
    copied: float

    @property
    def kept(self) -> bool:
        """Whether it is worth training on."""
        return self.copied < LARGEST_COPIED


def part_of(source: str, key: str) -> str:
    """The part of ``source`` that the pair with this key belongs to."""
    return key.partition(":")[0] if source == "libreoffice" else "all"


def parts(tag: str) -> tuple[Part, ...]:
    """What hubkit's sources have in a language; ``()`` when that is nothing, or was not counted."""
    return tuple(part for part in _parts() if part.tag == tag)


def languages() -> tuple[str, ...]:
    """Tags of the languages that have text, sorted."""
    return tuple(sorted({part.tag for part in _parts()}))


def sources(tag: str) -> tuple[str, ...]:
    """Names of the sources that have a part which is kept."""
    return tuple(dict.fromkeys(part.source for part in parts(tag) if part.kept))


def dropped(tag: str) -> frozenset[tuple[str, str]]:
    """(source, part) of what is not kept."""
    return frozenset((part.source, part.name) for part in parts(tag) if not part.kept)


def sentences(tag: str) -> int:
    """How many sentences the kept parts of a language, or of the one that it is a variety of, have."""
    return sum(part.sentences for part in parts(base(tag)) if part.kept)


def copied(pairs: Iterable[Pair]) -> float:
    """The share of the words of the texts that stand in their English sides."""
    found = total = 0
    for pair in pairs:
        english = {word.casefold() for word in _WORD.findall(pair.english)}
        words = [word.casefold() for word in _WORD.findall(pair.text)]
        found += sum(word in english for word in words)
        total += len(words)
    return found / max(1, total)


@lru_cache(maxsize=1)
def _parts() -> tuple[Part, ...]:
    return tuple(
        Part(
            row["tag"], row["source"], row["part"], int(row["pairs"]), int(row["sentences"]), float(row["copied"])
        )
        for row in rows("curated")
    )  # fmt: skip
