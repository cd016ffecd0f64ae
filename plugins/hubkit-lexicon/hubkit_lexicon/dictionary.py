"""A dictionary as every format gives it: headwords with their translations, and what the file says about itself."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from hubkit.errors import UsageError

_STRESS = re.compile("(?<=[\u0400-\u052f])[\u0300\u0301]")  # зоофи́лия: marked in dictionaries, not in text
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|<[^<>]*>|\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A headword and its translations; ``place`` says where it stands in the file."""

    headword: str
    translations: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Dictionary:
    """What was read from one dictionary. ``about`` is its own title, notes and licence, in its own words."""

    name: str
    entries: tuple[Entry, ...]
    about: str


def bad_file(where: str, what: str, fix: str = "Fetch or write the dictionary again.") -> UsageError:
    """The error of every parser: what is wrong, in which file and where in it."""
    return UsageError(f"{where} {what}.", fix)


def entry(headword: str, translations: list[str], place: str) -> Entry | None:
    """The entry in plain words; ``None`` when nothing is left of one side."""
    word = plain_words(headword)
    meanings = [meaning for meaning in map(plain_words, translations) if meaning]
    return Entry(word, tuple(dict.fromkeys(meanings)), place) if word and meanings else None


def plain_words(text: str) -> str:
    """``text`` without brackets, stress marks and needless spaces; empty when it has no letter."""
    bare = text
    while bare != (fewer := _BRACKETS.sub(" ", bare)):
        bare = fewer
    words = " ".join(_STRESS.sub("", unicodedata.normalize("NFC", bare)).split())
    return words if any(map(str.isalpha, words)) else ""
