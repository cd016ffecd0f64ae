"""Sentence vectors on disk, by the system that gave them and the sentence: one SQLite file for a core.

Nothing is lost when the file is removed. Several processes may use it at once.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Encode = Callable[[list[str]], npt.ArrayLike]  # n sentences → vectors (n, d)

_READ_AT_ONCE = 500
_ENCODED_AT_ONCE = 512  # so that an interrupted run keeps most of its work
_TOLERANCE = (
    1e-4  # of a probe's vector: the same system on another number of threads is nearer, a retrained one farther
)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS systems (id INTEGER PRIMARY KEY, label TEXT NOT NULL, probes BLOB NOT NULL);
"""


class VectorCache:
    """Remembers vectors; those that are not known are encoded and kept."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = _opened(path)
        except sqlite3.DatabaseError:  # damaged: it holds nothing that cannot be computed again
            path.unlink(missing_ok=True)
            self._database = _opened(path)

    def system(self, label: str, probes: npt.ArrayLike) -> int:
        """The number of the system that has this label and gives ``probes`` (n, d) for probe sentences.

        What a system is cannot be read off its name: one that answers otherwise is another one.
        """
        vectors = np.ascontiguousarray(probes, np.float32)
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for number, kept in self._database.execute("SELECT id, probes FROM systems WHERE label = ?", (label,)):
                known = np.frombuffer(kept, np.float32)
                if known.size == vectors.size and np.allclose(known, vectors.ravel(), rtol=0, atol=_TOLERANCE):
                    return int(number)
            row = self._database.execute(
                "INSERT INTO systems (label, probes) VALUES (?, ?)", (label, vectors.tobytes())
            ).lastrowid
        assert row is not None
        return row

    def vectors(self, system: int, sentences: Sequence[str], encode: Encode) -> Vectors:
        """Vectors (n, d) of ``sentences`` in their order; ``encode`` gives those that are not known."""
        keys = [_key(system, sentence) for sentence in sentences]
        known = self._read(sorted(set(keys)))
        missing = {key: text for key, text in zip(keys, sentences, strict=True) if key not in known}
        names = sorted(missing, key=lambda key: len(missing[key]))  # alike in length, so that little is padding
        for start in range(0, len(names), _ENCODED_AT_ONCE):
            some = names[start : start + _ENCODED_AT_ONCE]
            fresh = np.asarray(encode([missing[key] for key in some]), np.float32)
            known.update(zip(some, fresh, strict=True))
            with self._database:
                rows = ((key, known[key].tobytes()) for key in some)
                self._database.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
        return np.stack([known[key] for key in keys]) if keys else np.empty((0, 0), np.float32)

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        found = {}
        for start in range(0, len(keys), _READ_AT_ONCE):
            some = keys[start : start + _READ_AT_ONCE]
            query = f"SELECT key, vector FROM vectors WHERE key IN ({','.join('?' * len(some))})"
            for key, vector in self._database.execute(query, some):
                found[bytes(key)] = np.frombuffer(vector, np.float32)
        return found

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=60)
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(_SCHEMA)
    return database


def _key(system: int, sentence: str) -> bytes:
    return hashlib.sha256(f"{system}\0{sentence}".encode("utf-8", "surrogatepass")).digest()[:16]
