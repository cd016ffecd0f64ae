"""The source ``lexicon-mix``: sentences of the other sources with words replaced by the dictionary, an augmentation.

A pair (text, English) gives up to two: the English sentence with words of the language in it, and the text with English
words in it, both with the original English sentence as their English side. So whatever is taken out of training because
its English meets a suite takes what was made of it along.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.corpora.cleaning import sentences
from hubkit.corpora.gather import gather, sources
from hubkit.corpora.source import Domain, Pair, Source
from hubkit.errors import NotFoundError
from hubkit.plugins import registered

from hubkit_lexicon.lexicon import Lookup, dictionaries_of, into_english, into_text
from hubkit_lexicon.replacement import replaced
from hubkit_lexicon.settings import Direction, Settings, read_settings

if TYPE_CHECKING:
    from hubkit.languages import Language

OURS = ("lexicon", "lexicon-mix")
MIN_WORDS, MAX_WORDS = 4, 30  # of the English side: what training takes for a sentence
_working: ContextVar[bool] = ContextVar("hubkit_lexicon_mix", default=False)


class LexiconMix:
    """Made from the sentences of ``asked``, by default of all other sources, or those that ``lexicon.toml`` names."""

    name = "lexicon-mix"
    license = "of the sentence and of the dictionary, both"
    domain: Domain = "mixed"
    origin = "sentences of the other sources, with words replaced by the dictionaries of the source lexicon"

    def __init__(
        self, asked: Sequence[Source] | None = None, folder: Path | None = None, settings: Settings | None = None
    ) -> None:
        self._asked, self._folder, self._settings = asked, folder, settings

    def pairs(self, language: Language) -> list[Pair]:
        """The mixed sentences of ``language``; ``[]`` without a dictionary or without sentences.

        Raises as the source ``lexicon`` does, and :class:`hubkit.corpora.source.SourceUnavailable` when no other source
        can be asked.
        """
        if _working.get():  # another source that asks all sources asks this one, which asked it
            return []
        settings = self._settings or read_settings(self._folder)
        dictionaries = dictionaries_of(language, self._folder, settings)
        if not dictionaries:
            return []
        lookups: dict[Direction, Lookup] = {"english": into_english(dictionaries), "text": into_text(dictionaries)}
        return list(self._mixed(self._sentences(language, settings), lookups, settings))

    def _sentences(self, language: Language, settings: Settings) -> list[Pair]:
        token = _working.set(True)
        try:
            asked = list(self._asked) if self._asked is not None else _others(settings)
            return sentences(gather(language, asked).all(), MIN_WORDS, MAX_WORDS)
        except NotFoundError:  # no source has text
            return []
        finally:
            _working.reset(token)

    def _mixed(self, pairs: Sequence[Pair], lookups: dict[Direction, Lookup], settings: Settings) -> Iterator[Pair]:
        for pair in pairs:
            for direction in settings.into:
                sentence = pair.english if direction == "english" else pair.text
                key = "\0".join((str(settings.seed), direction, pair.source, pair.key, pair.text, pair.english))
                mixed = replaced(sentence, lookups[direction], settings.share, key)
                if mixed is None or mixed.text in (pair.text, pair.english):
                    continue
                licenses = {pair.license, *(choice.license for _, choice in mixed.replaced)}
                first = mixed.replaced[0][1].place.partition(":")[0]
                place = f"{direction}:{pair.source}:{pair.key} with {first}"
                yield Pair(mixed.text, pair.english, self.name, place, " AND ".join(sorted(licenses)))


def _others(settings: Settings) -> list[Source]:
    """The sources that ``lexicon.toml`` names, else all that have sentences and are not this plugin's."""
    if settings.sources is not None:
        return sources(settings.sources)
    names = [name for name in registered("sources") if name not in OURS]
    return [source for source in sources() if source.name in names and source.domain != "lexicon"]
