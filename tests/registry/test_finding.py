"""Findings that lie in the index alone: no repository, no files, a hash of the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from synthetic_records import content, metric, record, write_index

from hubkit.errors import HubkitError, VerificationError
from hubkit.registry.index import Index
from hubkit.registry.index_checks import validate
from hubkit.registry.index_edit import add_record
from hubkit.registry.record import Record, parse_record
from hubkit.workflows.check_record import check_records

REPORT = "sha256:" + "d" * 64


def alone(**fields: Any) -> Record:
    """A finding without files."""
    value = {**content("finding-rw"), "source": None, "files": [], "report": REPORT, **fields}
    return parse_record(json.dumps({key: each for key, each in value.items() if each is not None}).encode(), "here")


def test_it_is_a_record_like_others() -> None:
    found = alone()
    assert found.source is None and found.owner == "" and found.size == 0 and found.report == REPORT
    assert parse_record(found.line().rstrip(b"\n"), "again") == found
    assert b"source" not in found.line()
    with pytest.raises(VerificationError, match="has no files"):
        _ = found.repository


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"report": None}, "names the report"),
        ({"conclusion": None}, "a finding has metrics"),
        ({"metrics": []}, "a finding has metrics"),
        ({"files": [{"path": "README.md", "sha256": "c" * 64, "size": 1}]}, "files need a source"),
    ],
)
def test_what_it_needs(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(VerificationError, match=why):
        alone(**fields)


def test_an_adapter_needs_its_source() -> None:
    with pytest.raises(VerificationError, match="files need a source"):
        record("lang-rw", source=None)


def test_an_index_takes_it_and_is_valid(tmp_path: Path) -> None:
    index = tmp_path / "index"
    index.mkdir()
    add_record(index, alone())
    add_record(index, alone(version="1.0.1", metrics=[metric(0.01)]))
    assert [each.version for each in Index(index, "x").versions("finding-rw")] == ["1.0.1", "1.0.0"]
    assert validate(Index(index, "x")) == []
    with pytest.raises(HubkitError, match="belongs to no account, this version comes from org"):
        add_record(index, record("finding-rw", "1.1.0"))


def test_the_nightly_check_has_nothing_to_fetch() -> None:
    said: list[str] = []
    assert check_records([alone()], lambda record: (record,), say=said.append) == []
    assert said == ["finding-rw==1.0.0: as declared"]


def test_the_search_finds_it(tmp_path: Path) -> None:
    from hubkit.registry.index import Indexes
    from hubkit.registry.search import Query, Searcher

    index = write_index(tmp_path / "index", [alone()])
    with Searcher(Indexes((index,))) as searcher:
        hits = searcher.search(Query("kinyarwanda"))
    assert [(hit.name, hit.repo_id, hit.conclusion) for hit in hits] == [("finding-rw", "", "no adapter needed")]
