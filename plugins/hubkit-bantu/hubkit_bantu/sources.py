"""hubkit's own sources as one: without the parts that are no good, and in one spelling.

    hubkit add-language rw --source bantu

It fetches nothing itself. Installed, it is asked like every other source; where its text differs from the original in
more than case and punctuation, both are trained on, unless ``--source bantu`` asks for it alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.corpora.source import Domain, Pair, Source, SourceUnavailable

from hubkit_bantu import curated, orthography, segmentation

if TYPE_CHECKING:
    from hubkit.languages import Language


@dataclass(slots=True)
class BantuText:
    """The kept parts of hubkit's sources in a Bantu language.

    ``normal`` writes them in the normal spelling; ``variants`` adds further spellings as pairs of their own, and
    ``marked`` a copy with a space after every class prefix that the text itself shows to be one. Without ``keep`` no
    part is left out.
    """

    normal: bool = True
    variants: bool = False
    marked: bool = False
    keep: bool = True
    name: str = "bantu"
    license: str = "GPL-2.0-or-later AND MPL-2.0 AND Unicode-3.0 AND BSD-3-Clause"
    domain: Domain = "mixed"
    origin: str = "hubkit's own sources, curated and in normal spelling"

    def pairs(self, language: Language) -> list[Pair]:
        """All pairs of ``language``; ``[]`` for one that is not in the table of what was counted.

        Raises :class:`SourceUnavailable` when a source is needed and none could be asked.
        """
        dropped = curated.dropped(language.tag) if self.keep else frozenset()
        found, problems = [], []
        asked = _sources(language.tag)
        for source in asked:
            try:
                pairs = source.pairs(language)
            except SourceUnavailable as error:
                problems.append(error)
                continue
            wanted = (pair for pair in pairs if (source.name, curated.part_of(source.name, pair.key)) not in dropped)
            found += [self._own(pair, language.tag) for pair in wanted]
        if problems and not found:
            raise problems[0]
        return [*found, *self._further(found, language.tag)]

    def _own(self, pair: Pair, tag: str) -> Pair:
        text = orthography.normalise(pair.text, tag) if self.normal else pair.text
        return Pair(text, pair.english, self.name, f"{pair.source}:{pair.key}", pair.license)

    def _further(self, found: list[Pair], tag: str) -> Iterator[Pair]:
        if self.variants:
            for pair in found:
                for number, text in enumerate(orthography.variants(pair.text, tag), start=1):
                    yield Pair(text, pair.english, self.name, f"{pair.key}#variant{number}", pair.license)
        if self.marked:
            stems = segmentation.Stems((pair.text for pair in found), tag)
            for pair in found:
                if (text := segmentation.mark(pair.text, tag, " ", stems)) != pair.text:
                    yield Pair(text, pair.english, self.name, f"{pair.key}#marked", pair.license)


def _sources(tag: str) -> list[Source]:
    """hubkit's sources that have something in the language."""
    from hubkit.corpora.gather import sources

    names = dict.fromkeys(part.source for part in curated.parts(tag))
    return sources(names) if names else []
