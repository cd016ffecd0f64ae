"""A search index beside each index of records: an SQLite file in the cache, brought up to date file by file.

It holds the newest version that may be installed of each adapter and core, the words it can be found by with weights,
and its languages. Only files whose size, time or inode changed are read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from hubkit.errors import HubkitError, VerificationError
from hubkit.registry.index import Index, Seen, read_lines
from hubkit.registry.names import is_record_name
from hubkit.settings import settings

if TYPE_CHECKING:
    from hubkit.languages.table import Row
    from hubkit.registry.record import Record

FORMAT = 1  # in the file's name: another format is another file
_BUSY_SECONDS = 120.0
_SETTLING_NS = 2_000_000_000
_SCHEMA = """
CREATE TABLE folders (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, inode INTEGER) WITHOUT ROWID;
CREATE TABLE files (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, inode INTEGER, problem TEXT) WITHOUT ROWID;
CREATE TABLE entries (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, kind TEXT NOT NULL,
  languages TEXT NOT NULL, family TEXT, method TEXT NOT NULL, core TEXT NOT NULL, fingerprint TEXT NOT NULL,
  license TEXT NOT NULL, gain REAL, evidence INTEGER NOT NULL, conclusion TEXT, size INTEGER NOT NULL,
  published TEXT NOT NULL, repo_id TEXT NOT NULL
);
CREATE INDEX entries_path ON entries (path);
CREATE INDEX entries_rank ON entries (evidence DESC, gain DESC, name);
CREATE TABLE terms (term TEXT, entry INTEGER, weight REAL, PRIMARY KEY (term, entry)) WITHOUT ROWID;
CREATE INDEX terms_entry ON terms (entry);
CREATE TABLE languages (tag TEXT, entry INTEGER, PRIMARY KEY (tag, entry)) WITHOUT ROWID;
CREATE INDEX languages_entry ON languages (entry);
"""
COLUMNS = (
    "name", "version", "kind", "languages", "family", "method", "core", "fingerprint", "license", "gain", "evidence",
    "conclusion", "size", "published", "repo_id",
)  # fmt: skip
MAX_QUERY_WORDS = 16
MAX_NAMED_LANGUAGES = 50  # a family adapter's further languages are found by --language and the family's name
# Weights of words, by what they name; SERVED: a language that an adapter of another kind serves too.
WHOLE_NAME, NAME, LANGUAGE, SERVED, OTHER_NAME, FAMILY, DETAIL = 16.0, 8.0, 6.0, 5.0, 4.0, 2.0, 1.0


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What bringing a search index up to date did: files read, all files, and files that could not be read."""

    read: int
    files: int
    problems: tuple[str, ...]


def search_path(index: Index) -> Path:
    """Where the search index of an index lies."""
    digest = hashlib.sha256(str(index.root).encode()).hexdigest()[:16]
    return settings().cache / "search" / f"{digest}-{FORMAT}.sqlite"


def open_refreshed(
    index: Index, progress: Callable[[str, float], None] | None = None, force: bool = False
) -> tuple[sqlite3.Connection, Refreshed]:
    """The search index, brought up to date; made anew when it is damaged, or with ``force``."""
    path = search_path(index)
    path.parent.mkdir(parents=True, exist_ok=True)
    if force:
        path.unlink(missing_ok=True)
    try:
        return _opened(index, path, progress)
    except sqlite3.OperationalError as error:  # locked, read-only, disk full
        raise HubkitError(f"The search index {path} cannot be used: {error}.", "Try again, or remove it.") from error
    except sqlite3.DatabaseError:
        path.unlink()
        return _opened(index, path, progress)


def _opened(
    index: Index, path: Path, progress: Callable[[str, float], None] | None
) -> tuple[sqlite3.Connection, Refreshed]:
    connection = _connect(path)
    try:
        return connection, refresh(index, connection, progress)
    except BaseException:
        connection.close()
        raise


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -65536")
    if connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'languages_entry'").fetchone() == (0,):
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            for statement in _SCHEMA.split(";")[:-1]:
                connection.execute(statement)
        connection.execute("COMMIT")
    return connection


def refresh(
    index: Index, connection: sqlite3.Connection, progress: Callable[[str, float], None] | None = None
) -> Refreshed:
    """Read what changed since the last time. ``progress`` is called with a name and a fraction."""
    known = _known(connection)
    if known and all(map(_is_as_it_was, known)):
        return Refreshed(0, _count(connection), _problems(connection))
    started = time.time_ns()
    walk = index.walk()
    connection.execute("BEGIN IMMEDIATE")
    try:
        changed = _forget_changed(connection, walk.files)
        for number, file in enumerate(changed):
            if progress is not None and number % 256 == 0:
                progress(file.name, number / len(changed))
            _insert_file(connection, index, file, started)
        connection.execute("DELETE FROM folders")
        rows = (_settled(folder, started) for folder in walk.folders)
        connection.executemany("INSERT INTO folders VALUES (?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    if progress is not None:
        progress("done", 1.0)
    return Refreshed(len(changed), len(walk.files), _problems(connection))


def _known(connection: sqlite3.Connection) -> list[tuple[str, int, int, int]]:
    both = "SELECT path, size, mtime_ns, inode FROM files UNION ALL SELECT path, size, mtime_ns, inode FROM folders"
    return connection.execute(both).fetchall()


def _is_as_it_was(known: tuple[str, int, int, int]) -> bool:
    path, size, mtime_ns, inode = known
    try:
        state = os.lstat(path)
    except OSError:
        return False
    return (state.st_size, state.st_mtime_ns, state.st_ino) == (size, mtime_ns, inode)


def _settled(seen: Seen, now: int) -> Seen:
    """Without a time when that is so recent that a further change could have the same: it is looked at again."""
    return seen if now - seen.mtime_ns > _SETTLING_NS else seen._replace(mtime_ns=0)


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM files").fetchone()[0])


def _problems(connection: sqlite3.Connection) -> tuple[str, ...]:
    rows = connection.execute("SELECT problem FROM files WHERE problem IS NOT NULL ORDER BY path")
    return tuple(str(row[0]) for row in rows)


def _forget_changed(connection: sqlite3.Connection, files: Sequence[Seen]) -> list[Seen]:
    """Remove what came from files that changed or are gone; return those to read."""
    known = {row[0]: row for row in connection.execute("SELECT path, size, mtime_ns, inode FROM files")}
    changed = [file for file in files if known.get(file.path) != file]
    stale = known.keys() - {file.path for file in files} | {file.path for file in changed}
    for path in sorted(stale & known.keys()):
        for (entry,) in connection.execute("SELECT id FROM entries WHERE path = ?", (path,)).fetchall():
            for table in ("terms", "languages"):
                connection.execute(f"DELETE FROM {table} WHERE entry = ?", (entry,))
        connection.execute("DELETE FROM entries WHERE path = ?", (path,))
        connection.execute("DELETE FROM files WHERE path = ?", (path,))
    return changed


def _insert_file(connection: sqlite3.Connection, index: Index, file: Seen, now: int) -> None:
    problem = None
    try:
        for record in offered(read_lines(Path(file.path), index.root), file):
            _insert(connection, file.path, record)
    except HubkitError as error:
        problem = str(error)
    connection.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?)", (*_settled(file, now), problem))


def offered(lines: Sequence[bytes], file: Seen) -> list[Record]:
    """The newest version that is not yanked for each core; a pre-release where there is nothing else.

    Only these are parsed strictly. Raises :class:`VerificationError` for a line that is no record of ``file``'s name.
    """
    from hubkit.registry.record import parse_record

    best: dict[str, tuple[tuple[bool, Version], int]] = {}
    for number, line in enumerate(lines):
        try:
            value = json.loads(line)
            version, core = Version(value["version"]), str(value["core"]["fingerprint"])
            yanked = bool(value.get("yanked"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _no_record(file, number + 1) from error
        order = (not version.is_prerelease, version)
        if not yanked and (core not in best or best[core][0] < order):
            best[core] = (order, number)
    found = []
    for _, number in best.values():
        record = parse_record(lines[number], f"{file.path}, line {number + 1}")
        if record.name != file.name:
            raise _no_record(file, number + 1)
        found.append(record)
    return found


def _no_record(file: Seen, number: int) -> VerificationError:
    what = f"{file.path}, line {number}, is no record of {file.name}."
    return VerificationError(what, "Run `hubkit index validate`.")


def evidence(record: Record) -> int:
    """2: every figure on the first suite gains beyond its interval; 1: the gain is above 0; 0: unknown; -1: not."""
    if record.gain is None:
        return 0
    if all(entry.ci95[0] > 0 for entry in record.metrics if entry.suite == record.metrics[0].suite):
        return 2
    return 1 if record.gain > 0 else -1


def _insert(connection: sqlite3.Connection, path: str, record: Record) -> None:
    tags = [language.bcp47 for language in record.languages]
    values = (
        path, record.name, record.version, record.kind, json.dumps(tags), record.family, record.method, record.core.id,
        record.core.fingerprint, record.license, record.gain, evidence(record), record.conclusion, record.size,
        record.published.isoformat(), record.source.repo_id if record.source else "",
    )  # fmt: skip
    fields = "path, " + ", ".join(COLUMNS)
    marks = ", ".join("?" * len(values))
    entry = connection.execute(f"INSERT INTO entries ({fields}) VALUES ({marks})", values).lastrowid
    words = ((term, entry, weight) for term, weight in terms(record).items())
    connection.executemany("INSERT INTO terms VALUES (?, ?, ?)", words)
    connection.executemany("INSERT OR IGNORE INTO languages VALUES (?, ?)", ((tag, entry) for tag in tags))


def terms(record: Record) -> dict[str, float]:
    """The folded words that find a record, with the weight of the strongest thing that each of them names."""
    found: dict[str, float] = {}

    def add(weight: float, *texts: str | None) -> None:
        for text in texts:
            for word in words_of(text or ""):
                found[word] = max(weight, found.get(word, 0.0))

    add(DETAIL, record.method, *(dataset.id for dataset in record.train.datasets))
    add(FAMILY, record.family)
    own = LANGUAGE if record.kind == "language" else SERVED
    for language in record.languages[:MAX_NAMED_LANGUAGES]:
        add(own, language.bcp47, language.iso639_3, language.glottocode)
        name, native_name, other_names, family = _names_of(language.bcp47)
        add(own, name, native_name)
        add(OTHER_NAME, *other_names)
        add(FAMILY, *family)
    add(NAME, record.name.partition("-")[2])
    return {**found, record.name.lower(): WHOLE_NAME}


def words_of(text: str) -> list[str]:
    """Folded words: no case, accents, hyphens or apostrophes."""
    from hubkit.languages.names import unaccented

    return unaccented(text).split()


def query_words(text: str) -> list[str]:
    """The distinct words of a query; what has the form of an adapter's name is one word."""
    found: dict[str, None] = {}
    for part in text.split():
        found |= dict.fromkeys([part.lower()] if is_record_name(part) else words_of(part))
    return list(found)[:MAX_QUERY_WORDS]


def _names_of(tag: str) -> tuple[str | None, str | None, tuple[str, ...], tuple[str, ...]]:
    """English name, native name, other names, groups of the family tree of a known language."""
    row = _rows().get(tag)
    if row is None:
        return None, None, (), ()
    return row.language.name, row.language.native_name, row.other_names, row.language.family


@lru_cache(maxsize=1)
def _rows() -> dict[str, Row]:
    from hubkit.languages.table import rows

    return {row.language.tag: row for row in rows()}


def build(index: Index, progress: Callable[[str, float], None] | None = None, force: bool = False) -> Refreshed:
    """Bring the search index of ``index`` up to date; with ``force`` make it anew."""
    connection, state = open_refreshed(index, progress, force)
    connection.close()
    return state
