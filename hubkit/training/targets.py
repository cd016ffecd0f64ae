"""The frozen core's vectors of English sentences, computed once per core and sentence and kept on disk."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hubkit.settings import settings

if TYPE_CHECKING:
    from hubkit.runtime.encoder import Encoder

_READ_AT_ONCE = 500


class Targets:
    """Teacher vectors of English sentences; those not seen before are encoded by ``frozen`` and remembered."""

    def __init__(self, frozen: Encoder) -> None:
        self.frozen = frozen
        core = frozen.core
        path = settings().cache / "targets" / f"{core.fingerprint.removeprefix('sha256:')[:16]}.sqlite"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=60)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")

    def __call__(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, h) of ``sentences``, in their order."""
        keys = [hashlib.sha256(sentence.encode()).digest()[:16] for sentence in sentences]
        known = self._read(sorted(set(keys)))
        if missing := {key: text for key, text in zip(keys, sentences, strict=True) if key not in known}:
            vectors = np.asarray(self.frozen.encode(list(missing.values()), show_progress_bar=False), np.float32)
            fresh = dict(zip(missing, vectors, strict=True))
            with self._database:
                rows = ((key, vector.tobytes()) for key, vector in fresh.items())
                self._database.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
            known.update(fresh)
        return np.stack([known[key] for key in keys])

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
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
