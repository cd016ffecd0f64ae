"""Compact tables of messages, built once from an archive in one pass and kept in ``settings().cache/corpora``.

A table is ``{key: message}`` for one code; the file is a zip of JSON, named by the archive's sha256 and the version of
the code that built it, so a new archive or a new reader never meets an old table.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from hubkit.corpora.packages import record
from hubkit.durable import locked, written_file
from hubkit.settings import settings

Table = dict[str, str]
Build = Callable[[Path], Iterable[tuple[str, Table]]]


class Tables:
    """The tables of one or more archives, read on demand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with zipfile.ZipFile(path) as store:
            self.codes = frozenset(name.removesuffix(".json") for name in store.namelist())

    def read(self, code: str) -> Table:
        """The table of ``code``; empty when there is none."""
        if code not in self.codes:
            return {}
        with zipfile.ZipFile(self.path) as store:
            table: Table = json.loads(store.read(f"{code}.json"))
        return table


def tables(source: str, version: int, archive: Path, build: Build) -> Tables:
    """The tables of ``archive`` as ``build`` reads it, from the cache when they are there and whole."""
    path = settings().cache / "corpora" / f"{source}-{version}-{record(archive)['sha256'][:16]}.zip"
    with locked(path.with_suffix(".lock"), f"the cache of {source}", wait=True):
        if not _whole(path):
            _write(path, build(archive))
    return Tables(path)


def _whole(path: Path) -> bool:
    """The directory of a zip lies at its end, so a cut-off file has none; every member carries its own CRC."""
    return path.is_file() and zipfile.is_zipfile(path)


def _write(path: Path, found: Iterable[tuple[str, Table]]) -> None:
    with (
        written_file(path) as aside,
        zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as store,
    ):
        for code, table in found:
            store.writestr(f"{code}.json", json.dumps(table, ensure_ascii=False))
