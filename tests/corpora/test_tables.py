from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hubkit.corpora.tables import Table, tables

Stored = Callable[[Path], Path]


@pytest.fixture
def archive(tmp_path: Path, stored: Stored) -> Path:
    path = tmp_path / "p.tgz"
    path.write_bytes(b"archive")
    return stored(path)


class Builder:
    """Counts how often the tables are built."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, archive: Path) -> Iterator[tuple[str, Table]]:
        self.calls += 1
        yield "rw", {"key": "ijambo 語"}
        yield "empty", {}


def test_built_once_and_read_by_code(archive: Path) -> None:
    build = Builder()
    for _ in range(2):
        found = tables("source", 1, archive, build)
        assert found.codes == {"rw", "empty"}
        assert (found.read("rw"), found.read("empty"), found.read("zu")) == ({"key": "ijambo 語"}, {}, {})
    assert build.calls == 1


def test_another_reader_or_archive_builds_anew(archive: Path, stored: Stored) -> None:
    build = Builder()
    tables("source", 1, archive, build)
    tables("source", 2, archive, build)
    archive.write_bytes(b"another")
    tables("source", 2, stored(archive), build)
    assert build.calls == 3


def test_a_cut_off_cache_is_built_anew(archive: Path) -> None:
    build = Builder()
    path = tables("source", 1, archive, build).path
    path.write_bytes(path.read_bytes()[:-10])
    assert tables("source", 1, archive, build).read("rw")
    assert build.calls == 2


def test_a_failing_build_leaves_no_cache(archive: Path, home: Path) -> None:
    def build(archive: Path) -> Iterator[tuple[str, Table]]:
        yield "rw", {}
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        tables("source", 1, archive, build)
    assert not list(home.rglob("*.zip"))
