"""All that the dictionaries know of a language: pairs of words, and what to put in place of a word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit_lexicon.bilingual import Bilingual
from hubkit_lexicon.folder import own_dictionaries
from hubkit_lexicon.freedict import packaged
from hubkit_lexicon.held_out import HeldOut
from hubkit_lexicon.settings import Settings, folder, read_settings

if TYPE_CHECKING:
    from hubkit.languages import Language

MAX_WORDS = 3  # of a headword or of what takes its place; longer ones are explanations
_ARTICLE = re.compile(r"^(?:to|an?|the)\s+(?=\w)", re.IGNORECASE)  # "to run" is looked for as "run"


@dataclass(frozen=True, slots=True)
class Choice:
    """A translation that may take a word's place, and the licence and place of its entry."""

    text: str
    license: str
    place: str


Lookup = Mapping[str, tuple[Choice, ...]]
"""A word or phrase, case folded, with single spaces → what may take its place, in the order of the dictionaries."""


def dictionaries_of(language: Language, path: Path | None = None, settings: Settings | None = None) -> list[Bilingual]:
    """The user's dictionaries of ``language`` and English, and FreeDict's where it is not kept for tests.

    Raises :class:`HeldOut` where there is nothing but what is kept for tests.
    """
    settings = settings or read_settings(path)
    found = list(own_dictionaries(path or folder(), language, settings))
    if settings.packages:
        try:
            further = packaged(language)
        except HeldOut:
            if not found:
                raise
            further = None
        found += [further] if further is not None else []
    return found


def into_english(dictionaries: Iterable[Bilingual]) -> dict[str, tuple[Choice, ...]]:
    """English word → words of the language."""
    return _lookup((each, t.english, t.word, t.place) for each in dictionaries for t in each.translations())


def into_text(dictionaries: Iterable[Bilingual]) -> dict[str, tuple[Choice, ...]]:
    """Word of the language → English words."""
    return _lookup(
        (each, t.word, _ARTICLE.sub("", t.english), t.place) for each in dictionaries for t in each.translations()
    )


def _lookup(rows: Iterable[tuple[Bilingual, str, str, str]]) -> dict[str, tuple[Choice, ...]]:
    found: dict[str, dict[str, Choice]] = {}
    for dictionary, word, text, place in rows:
        key = _ARTICLE.sub("", word).casefold()
        if key and len(key.split()) <= MAX_WORDS and len(text.split()) <= MAX_WORDS and key != text.casefold():
            found.setdefault(key, {}).setdefault(text, Choice(text, dictionary.license, place))
    return {key: tuple(choices.values()) for key, choices in found.items()}
