"""Find adapters by words, language, family, kind, method, core, gain and licence, in all indexes and further places.

Ranked by how many of the words match, by what they match (a name before a language before a family), then by evidence:
a gain beyond its interval, a gain, nothing measured, no gain.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hubkit.errors import NotFoundError
from hubkit.languages import family_of
from hubkit.registry.index import Index, Indexes
from hubkit.registry.search_index import COLUMNS, open_refreshed, query_words

PREFIX_LETTERS = 3  # shorter words match whole words only
PREFIX_WEIGHT = 0.5
DEFAULT_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for. ``language`` is a tag; ``family`` a group of the family tree, or a record's own word for it.

    ``core`` is an id or the beginning of a fingerprint. ``limit`` bounds the hits.
    """

    text: str = ""
    language: str | None = None
    family: str | None = None
    kind: str | None = None
    method: str | None = None
    core: str | None = None
    min_gain: float | None = None
    license: str | None = None
    limit: int = DEFAULT_LIMIT


@dataclass(frozen=True, slots=True)
class Hit:
    """One adapter in its newest version for one core. ``gain`` is over the core; ``evidence`` 2, 1, 0, -1."""

    name: str
    version: str
    kind: str
    languages: tuple[str, ...]
    family: str | None
    method: str
    core: str
    fingerprint: str
    license: str
    gain: float | None
    evidence: int
    conclusion: str | None
    size: int
    published: str
    origin: str  # the index's label, or the finder's name
    words: int = 0  # of the query that match
    score: float = 0.0
    repo_id: str = ""

    @property
    def rank(self) -> tuple[Any, ...]:
        """Sorts the best first."""
        gain = -2.0 if self.gain is None else self.gain
        return -self.words, -round(self.score, 1), -self.evidence, -gain, self.name, self.fingerprint


Finder = Callable[[Query], Sequence[Hit]]
"""A further place to search, such as the Hub's tags: a query → hits with an origin of their own."""


class Searcher:
    """The search indexes of several indexes, brought up to date when it is made; then searches take milliseconds."""

    def __init__(self, indexes: Indexes) -> None:
        self._indexes = indexes
        self._members: list[tuple[Index, sqlite3.Connection]] = []
        self.warnings = list(indexes.warnings)
        for index in indexes.members:
            connection, state = open_refreshed(index)
            self._members.append((index, connection))
            self.warnings += [f"Left out of the search: {problem}" for problem in state.problems]

    def __enter__(self) -> Searcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        for _, connection in self._members:
            connection.close()
        self._members = []

    def search(self, query: Query, finders: Sequence[Finder] = ()) -> list[Hit]:
        """The best hits, those of finders last. A name that an earlier index owns is not taken from a later one.

        Raises :class:`NotFoundError` when nothing is found and there is no family of that name.
        """
        found: list[Hit] = []
        for index, connection in self._members:
            hits = _search(connection, query, index.label)
            found += [hit for hit in hits if self._indexes.owner(hit.name) == index]
        known = {hit.repo_id for hit in found}
        further = [hit for finder in finders for hit in finder(query)]
        further = [hit for hit in further if hit.name not in known and self._indexes.owner(hit.name) is None]
        if not found and query.family is not None:
            family_of(query.family)  # is there such a family?
        ranked = [*sorted(found, key=lambda hit: hit.rank), *sorted(further, key=lambda hit: hit.rank)]
        return ranked[: query.limit]


def _search(connection: sqlite3.Connection, query: Query, origin: str) -> list[Hit]:
    words = query_words(query.text)
    if query.text.strip() and not words:
        return []
    matched, values = _matched(words)
    conditions, more = _conditions(query)
    order = "m.words DESC, round(m.score, 1) DESC, e.evidence DESC, e.gain DESC, e.name, e.fingerprint"
    source = f"({matched}) m JOIN entries e ON e.id = m.entry" if words else "(SELECT 0 words, 0.0 score) m, entries e"
    sql = f"SELECT {', '.join(f'e.{column}' for column in COLUMNS)}, m.words, m.score FROM {source}"
    sql += f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = connection.execute(f"{sql} ORDER BY {order} LIMIT ?", (*values, *more, query.limit))
    return [_hit(row, origin) for row in rows]


def _matched(words: Sequence[str]) -> tuple[str, list[Any]]:
    """SQL for (entry, words, score) of the entries that have any of the words, and its values."""
    parts, values = [], list[Any]()
    for word in words:
        if len(word) < PREFIX_LETTERS:
            parts.append("SELECT entry, weight FROM terms WHERE term = ?")
            values.append(word)
        else:
            best = f"max(CASE WHEN term = ? THEN weight ELSE weight * {PREFIX_WEIGHT} END)"
            parts.append(f"SELECT entry, {best} weight FROM terms WHERE term >= ? AND term < ? GROUP BY entry")
            values += [word, word, word + chr(0x10FFFF)]
    return f"SELECT entry, count(*) words, sum(weight) score FROM ({' UNION ALL '.join(parts)}) GROUP BY entry", values


def _conditions(query: Query) -> tuple[list[str], list[Any]]:
    equal = {"e.kind": query.kind, "e.method": query.method}
    conditions = [f"{column} = ?" for column, value in equal.items() if value is not None]
    values: list[Any] = [value for value in equal.values() if value is not None]
    if query.license is not None:
        conditions.append("e.license = ? COLLATE NOCASE")
        values.append(query.license)
    if query.core is not None:
        conditions.append("(e.core = ? OR substr(e.fingerprint, 1, length(?)) = ?)")
        fingerprint = query.core if query.core.startswith("sha256:") else "no fingerprint"
        values += [query.core, fingerprint, fingerprint]
    if query.min_gain is not None:
        conditions.append("e.gain >= ?")
        values.append(query.min_gain)
    if query.language is not None:
        conditions.append("e.id IN (SELECT entry FROM languages WHERE tag = ?)")
        values.append(query.language)
    if query.family is not None:
        tags = "SELECT entry FROM languages WHERE tag IN (SELECT value FROM json_each(?))"
        conditions.append(f"(e.family = ? COLLATE NOCASE OR e.id IN ({tags}))")
        values += [query.family, json.dumps(family_tags(query.family))]
    return conditions, values


def family_tags(family: str) -> list[str]:
    """Tags of the languages of a group of the family tree; [] when it is a word of records only."""
    try:
        return [language.tag for language in family_of(family)]
    except NotFoundError:
        return []


def _hit(row: Sequence[Any], origin: str) -> Hit:
    values = dict(zip((*COLUMNS, "words", "score"), row, strict=True))
    return Hit(**{**values, "languages": tuple(json.loads(values["languages"])), "origin": origin})


def evidence_words(hit: Hit) -> str:
    """The evidence as a table shows it: ``+0.13`` beyond its interval, ``+0.02?`` within, ``-`` unknown."""
    if hit.gain is None:
        return "-"
    return f"{hit.gain:+.3f}{'' if hit.evidence == 2 or hit.gain < 0 else '?'}"
