"""The suite ``tatoeba``: up to 1,000 sentences in 112 languages, the test set of LASER (Artetxe & Schwenk 2019, TACL).

The user's own folder of it is taken where there is one; else the Hub's files (:mod:`.tatoeba_hub`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task import Level
from hubkit.evaluation.tasks.folder import FolderSuite
from hubkit.evaluation.tasks.own_data import own_folder
from hubkit.evaluation.tasks.tatoeba_hub import REPOSITORY, REVISION, pairs

if TYPE_CHECKING:
    from hubkit.languages import Language

ORIGIN = "Tatoeba test set of LASER, sentences of tatoeba.org as of 2018-11-17"


class Tatoeba:
    """Everyday sentences from tatoeba.org, line-aligned: ``tatoeba.swh-eng.swh`` and ``tatoeba.swh-eng.eng``.

    ``path`` is their folder; the default is ``tatoeba/`` in ``HUBKIT_SUITES``, and without it the dataset on the Hub
    at the commit ``revision``.
    """

    name = "tatoeba"
    level: Level = "standard"

    def __init__(self, path: Path | None = None, revision: str = REVISION) -> None:
        self._path, self._revision = path, revision

    def load(self, language: Language) -> ParallelSuite | None:
        """The sentences in ``language``; ``None`` when there are none. Fetches them once, where there is no folder.

        Raises :class:`hubkit.errors.NotFoundError` when ``path`` is not there, :class:`hubkit.errors.UsageError` that
        names a bad file, and :class:`hubkit.corpora.source.SourceUnavailable` where the Hub's files cannot be had.
        """
        folder = own_folder(self.name, self._path)
        if folder is None:
            return self._from_hub(language)
        found = FolderSuite(folder).load(language)
        return None if found is None else self._suite(language, ORIGIN, found.texts, found.english)

    def _from_hub(self, language: Language) -> ParallelSuite | None:
        if (rows := pairs(language, self._revision)) is None:
            return None
        texts, english = zip(*rows, strict=True)
        return self._suite(language, f"{ORIGIN}; {REPOSITORY} at {self._revision[:7]}", texts, english)

    def _suite(
        self, language: Language, origin: str, texts: tuple[str, ...], english: tuple[str, ...]
    ) -> ParallelSuite:  # fmt: skip
        keys = tuple(_keys(english))
        return ParallelSuite(self.name, origin, "CC-BY-2.0-FR", "prose", language.tag, texts, english, keys)


def _keys(english: Sequence[str]) -> Iterator[str]:
    """The hash of the English sentence, which the languages share, numbered where it is repeated."""
    seen: Counter[str] = Counter()
    for sentence in english:
        seen[sentence] += 1
        digest = hashlib.sha256(sentence.encode()).hexdigest()[:16]
        yield digest if seen[sentence] == 1 else f"{digest}.{seen[sentence]}"
