"""The suite ``tatoeba``: up to 1,000 sentences in 112 languages, the test set of LASER (Artetxe & Schwenk 2019, TACL).

It comes in no package, so the user has its folder; docs/tasks.md says how to get it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task import Level
from hubkit.evaluation.tasks.folder import FolderSuite
from hubkit.evaluation.tasks.own_data import own_folder

if TYPE_CHECKING:
    from hubkit.languages import Language


class Tatoeba:
    """Everyday sentences from tatoeba.org, line-aligned: ``tatoeba.swh-eng.swh`` and ``tatoeba.swh-eng.eng``.

    ``path`` is their folder; the default is ``tatoeba/`` in ``HUBKIT_SUITES``.
    """

    name = "tatoeba"
    level: Level = "standard"

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def load(self, language: Language) -> ParallelSuite | None:
        """The sentences in ``language``; ``None`` without the folder, or when it has none of it.

        Raises :class:`hubkit.errors.NotFoundError` when ``path`` is not there, and :class:`hubkit.errors.UsageError`
        that names a bad file.
        """
        folder = own_folder(self.name, self._path)
        found = None if folder is None else FolderSuite(folder).load(language)
        if found is None:
            return None
        return replace(
            found,
            name=self.name,
            origin="Tatoeba test set of LASER, sentences of tatoeba.org as of 2018-11-17",
            license="CC-BY-2.0-FR",
            domain="prose",
            keys=tuple(_keys(found.english)),
        )


def _keys(english: Sequence[str]) -> Iterator[str]:
    """The hash of the English sentence, which the languages share, numbered where it is repeated."""
    seen: Counter[str] = Counter()
    for sentence in english:
        seen[sentence] += 1
        digest = hashlib.sha256(sentence.encode()).hexdigest()[:16]
        yield digest if seen[sentence] == 1 else f"{digest}.{seen[sentence]}"
