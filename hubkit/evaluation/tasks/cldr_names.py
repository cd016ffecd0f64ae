"""Names of emoji and symbols in CLDR that the source ``cldr`` keeps out of training, by concept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit.corpora.cldr import Cldr
from hubkit.evaluation.lexicon import Lexicon
from hubkit.evaluation.task import Level

if TYPE_CHECKING:
    from hubkit.languages import Language


class CldrNames:
    """About a fifth of the named concepts; :func:`hubkit.corpora.cldr.held_out` says which."""

    name = "cldr-names"
    level: Level = "standard"

    def load(self, language: Language) -> Lexicon | None:
        """The held-out names of ``language``; ``None`` when CLDR names none."""
        source = Cldr()
        pairs = [(pair.text, pair.english) for pair in source.held_out_pairs(language)]
        translated = [(text, english) for text, english in pairs if text.casefold() != english.casefold()]
        if not translated:
            return None
        distinct = tuple(dict.fromkeys(translated))
        return Lexicon(self.name, source.origin, source.license, language.tag, distinct)
