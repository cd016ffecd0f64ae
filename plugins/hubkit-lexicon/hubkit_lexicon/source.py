"""The source ``lexicon``: dictionary entries as pairs of a word, or a phrase, with its English."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.corpora.source import Domain, Pair

from hubkit_lexicon.lexicon import dictionaries_of

if TYPE_CHECKING:
    from hubkit.languages import Language


class LexiconSource:
    """Every translation of every entry; each pair has the licence of its dictionary."""

    name = "lexicon"
    license = "GPL-2.0-or-later AND CC-BY-SA-3.0"
    domain: Domain = "lexicon"
    origin = "Debian packages dict-freedict-eng-*, and your own dictionaries in HUBKIT_LEXICON"

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def pairs(self, language: Language) -> list[Pair]:
        """All entries of ``language`` with their English; ``[]`` without a dictionary.

        Raises :class:`hubkit_lexicon.held_out.HeldOut` for what is kept for tests, and
        :class:`hubkit.errors.UsageError` for a file of the user's that is no dictionary.
        """
        return [
            Pair(word, english, self.name, place, dictionary.license)
            for dictionary in dictionaries_of(language, self._folder)
            for word, english, place in dictionary.translations()
        ]
