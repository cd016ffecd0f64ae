"""A dictionary of a language and English: in which direction it goes, its licence, its origin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hubkit_lexicon.dictionary import Dictionary


class Translation(NamedTuple):
    """A word of the language and one of English."""

    word: str
    english: str
    place: str


@dataclass(frozen=True, slots=True)
class Bilingual:
    """``from_english`` says that the headwords are English."""

    dictionary: Dictionary
    from_english: bool
    license: str
    origin: str

    def translations(self) -> Iterator[Translation]:
        """Every pair of words that translate each other, in the order of the dictionary."""
        for entry in self.dictionary.entries:
            for meaning in entry.translations:
                word, english = (meaning, entry.headword) if self.from_english else (entry.headword, meaning)
                yield Translation(word, english, f"{self.dictionary.name}:{entry.place}")
