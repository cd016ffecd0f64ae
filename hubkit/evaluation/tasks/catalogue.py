"""A suite from the gettext catalogues (.mo) of a Debian package that nothing is trained on."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.corpora.archives import members
from hubkit.corpora.catalogues import messages
from hubkit.corpora.cleaning import clean, sentences
from hubkit.corpora.codes import codes, normal
from hubkit.corpora.markup import without_placeholders
from hubkit.corpora.packages import fetch_debian, record
from hubkit.corpora.source import Domain, Pair, SourceUnavailable
from hubkit.corpora.tables import Table, tables
from hubkit.evaluation.retrieval import folded
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task import Level

if TYPE_CHECKING:
    from hubkit.languages import Language

LIMIT = 1000  # sentences of one language
FEWEST = 20  # with fewer, a language has no suite
WORDS = (4, 60)  # of the English side: labels are no sentences
READER = 1  # raise it when what _read keeps changes
_SCRIPTS = {"latin": "Latn", "cyrillic": "Cyrl", "devanagari": "Deva", "arabic": "Arab", "roman": "Latn"}


class CatalogueSuite:
    """Sentences of the catalogues in ``package``, at most :data:`LIMIT` a language.

    A key is the hash of the English sentence, so that languages share keys and the same sentences are chosen in each.
    """

    def __init__(self, name: str, packages: Sequence[str], license: str, domain: Domain, level: Level) -> None:
        self.name, self.level = name, level
        self._packages, self._license, self._domain = packages, license, domain

    def load(self, language: Language) -> ParallelSuite | None:
        """The sentences in ``language``; ``None`` when there are fewer than :data:`FEWEST`. Fetches the package once.

        Raises :class:`hubkit.corpora.source.SourceUnavailable` where no package can be had.
        """
        archive = self._archive()
        found = tables(self.name, READER, archive, _read)
        code = next((code for code in codes(language, self.name) if code in found.codes), None)
        if code is None:
            return None
        rows = _chosen(self._pairs(found.read(code)), language)
        if len(rows) < FEWEST:
            return None
        noted = record(archive)
        return ParallelSuite(
            name=self.name,
            origin=f"Debian package {noted['package']} {noted['version']}",
            license=self._license,
            domain=self._domain,
            language=language.tag,
            texts=tuple(pair.text for pair in rows),
            english=tuple(pair.english for pair in rows),
            keys=tuple(_key(pair.english) for pair in rows),
        )

    def _archive(self) -> Path:
        for package in self._packages:
            if (archive := fetch_debian(package)) is not None:
                return archive
        raise SourceUnavailable(
            f"The suite {self.name} cannot be had: no package {' or '.join(self._packages)} is offered here.",
            "Add the main archive of Debian to this machine's package sources, or leave the suite out.",
        )

    def _pairs(self, table: Table) -> Iterator[Pair]:
        for original, message in table.items():
            text, english = message.rpartition("^")[2], original.rpartition("^")[2]  # Wesnoth: female^She attacks.
            if (plain := without_placeholders(text, english)) is not None:
                yield Pair(plain[0], plain[1], self.name, _key(plain[1]), self._license)


def _chosen(pairs: Iterator[Pair], language: Language) -> list[Pair]:
    """The cleaned sentences whose keys come first; each English side once."""
    kept, _ = clean(pairs, language)
    once = {folded(pair.english): pair for pair in reversed(sentences(kept, *WORDS))}
    return sorted(once.values(), key=lambda pair: _key(pair.english))[:LIMIT]


def _key(english: str) -> str:
    return hashlib.sha256(english.encode()).hexdigest()[:16]


def _read(archive: Path) -> Iterator[tuple[str, Table]]:
    """The messages ``{English: message}`` of every folder ``XX/LC_MESSAGES``; the first one of an English side."""
    found: defaultdict[str, Table] = defaultdict(dict)
    for name, content in members(archive, lambda name: name.endswith(".mo")):
        table = found[_code(Path(name).parents[1].name)]
        for _, english, text in messages(content):
            table.setdefault(english, text)
    yield from sorted(found.items())


def _code(folder: str) -> str:
    """The code of ``sr@latin`` as hubkit spells it."""
    plain, _, variant = folder.partition("@")
    return normal(f"{plain}-{_SCRIPTS.get(variant, variant)}" if variant else plain)
