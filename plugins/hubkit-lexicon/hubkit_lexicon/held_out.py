"""Which dictionaries nothing may be trained on: those that hubkit measures word translation with.

hubkit's task ``freedict`` tests on FreeDict's dictionaries from a language into English. Such a pair is refused here in
both directions, for the one turned round has the same words. Swahili is refused whatever the dictionary calls itself.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from hubkit.corpora.source import SourceUnavailable

from hubkit_lexicon.dictionary import Dictionary

if TYPE_CHECKING:
    from hubkit.languages import Language

SENTENCE = (
    "FreeDict's dictionaries of this language and English are kept for tests (hubkit's task `freedict` measures word "
    "translation on them): nothing may be trained on them, in neither direction."
)
FIX = "Put a dictionary of another origin into the folder of HUBKIT_LEXICON, or do without this source."
_MARK = "freedict"


class HeldOut(SourceUnavailable):  # noqa: N818 - what it is, not that it is an error
    """A dictionary, or all of a language, is kept for tests. hubkit notes it and asks the other sources."""


@lru_cache(maxsize=1)
def facts() -> dict[str, Any]:
    """``data/freedict.json``: codes of languages that are kept for tests, packages that are not, licences."""
    found: dict[str, Any] = json.loads(files("hubkit_lexicon").joinpath("data/freedict.json").read_text("utf-8"))
    return found


def is_kept_for_tests(language: Language) -> bool:
    """Whether hubkit tests on FreeDict's dictionary of ``language``, by its own code or its macrolanguage's."""
    return not _codes(language).isdisjoint(facts()["kept_for_tests"])


def check_language(language: Language) -> None:
    """Raise :class:`HeldOut` for a language that FreeDict's packages may not be used of."""
    if is_kept_for_tests(language):
        raise HeldOut(SENTENCE, FIX)


def check_dictionary(language: Language, dictionary: Dictionary) -> None:
    """Raise :class:`HeldOut` for a user's dictionary that is FreeDict's, of a language that is kept for tests.

    That is known by its name or by what it says about itself; of Swahili no dictionary is taken.
    """
    if not _codes(language).isdisjoint(facts()["always"]):
        raise HeldOut(
            f"{dictionary.name} is a dictionary of Swahili and English, which are kept for tests (hubkit's task "
            "`freedict`): nothing may be trained on it, in neither direction.",
            "Take it out of the folder of HUBKIT_LEXICON.",
        )
    if is_kept_for_tests(language) and _MARK in f"{dictionary.name} {dictionary.about}".casefold():
        raise HeldOut(f"{dictionary.name} is FreeDict's. {SENTENCE}", FIX)


def _codes(language: Language) -> set[str | None]:
    return {language.iso639_3, language.macrolanguage}
