"""Tatoeba from the Hub: a loopback one that holds the dataset as mteb's lies there."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hubserver import HubServer

from hubkit.corpora.source import SourceUnavailable
from hubkit.errors import VerificationError
from hubkit.evaluation.tasks import tatoeba_hub
from hubkit.evaluation.tasks.tatoeba import Tatoeba
from hubkit.evaluation.tasks.tatoeba_hub import REPOSITORY, REVISION
from hubkit.languages import find

pytest_plugins = ["hubserver.fixtures"]
README = """---
language: [en, sw, uz]
configs:
- config_name: default
  data_files:
  - path: test/*.jsonl.gz
    split: test
- config_name: swh-eng
  data_files:
  - path: test/swh-eng.jsonl.gz
    split: test
- config_name: uzb-eng
  data_files:
  - path: test/uzb-eng.jsonl
    split: test
---
# A set of sentences
"""
ROWS = [("Ndiyo.", "Yes."), ("Hapana.", "No."), ("Naam.", "Yes.")]


def lines(rows: list[tuple[str, str]]) -> bytes:
    fields = [{"sentence1": text, "sentence2": english, "lang": "swh-eng"} for text, english in rows]
    return "".join(json.dumps(row) + "\n" for row in fields).encode()


@pytest.fixture(autouse=True)
def nothing_failed_before() -> Iterator[None]:
    tatoeba_hub._failed.clear()
    yield
    tatoeba_hub._failed.clear()


@pytest.fixture
def revision(hub: HubServer) -> str:
    return put(hub, lines(ROWS))


def put(hub: HubServer, rows: bytes, readme: str = README) -> str:
    files = {"README.md": readme.encode(), "test/swh-eng.jsonl.gz": gzip.compress(rows), "test/uzb-eng.jsonl": rows}
    return hub.hub.put(f"datasets/{REPOSITORY}", files).oid


def test_a_language_is_fetched_once_and_is_what_a_folder_gives(hub: HubServer, revision: str, tmp_path: Path) -> None:
    found = Tatoeba(revision=revision).load(find("sw"))
    assert found is not None and list(zip(found.texts, found.english, strict=True)) == ROWS
    assert found.origin.endswith(f"{REPOSITORY} at {revision[:7]}") and found.license == "CC-BY-2.0-FR"
    for code, side in (("swh", found.texts), ("eng", found.english)):
        (tmp_path / f"tatoeba.swh-eng.{code}").write_text("\n".join(side) + "\n", "utf-8")
    of_folder = Tatoeba(tmp_path).load(find("sw"))
    assert of_folder is not None and of_folder.keys == found.keys
    before = len(hub.seen)
    assert Tatoeba(revision=revision).load(find("sw")) == found and len(hub.seen) == before


def test_a_file_that_is_not_packed(hub: HubServer, revision: str) -> None:
    found = Tatoeba(revision=revision).load(find("uz"))
    assert found is not None and found.language == "uz" and len(found) == len(ROWS)


def test_a_language_that_it_lacks_needs_no_network(hub: HubServer) -> None:
    assert Tatoeba().load(find("rw")) is None and not hub.seen


def test_the_revision_is_pinned(hub: HubServer, revision: str) -> None:
    with pytest.raises(SourceUnavailable, match="HUBKIT_SUITES/tatoeba"):
        Tatoeba().load(find("sw"))
    assert {f"/datasets/{REPOSITORY}/resolve/{REVISION}/README.md"} == {one.path for one in hub.seen}
    asked = len(hub.seen)
    with pytest.raises(SourceUnavailable):
        Tatoeba().load(find("uz"))
    assert len(hub.seen) == asked  # what failed a moment ago is not asked again


def test_without_a_connection(monkeypatch: pytest.MonkeyPatch, hub: HubServer) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SourceUnavailable, match="cannot be had from the Hub"):
        Tatoeba().load(find("sw"))


@pytest.mark.parametrize(
    ("rows", "readme", "said"),
    [
        (lines([("Ndiyo.", " ")]), README, "empty sentence in line 1"),
        (b'{"text": "Ndiyo."}\n', README, "sentence1"),
        (b"", README, "has no rows"),
        (lines(ROWS), "# no front matter\n", "does not say where its files are"),
    ],
)
def test_a_dataset_that_is_laid_out_otherwise(hub: HubServer, rows: bytes, readme: str, said: str) -> None:
    with pytest.raises(VerificationError, match=said):
        Tatoeba(revision=put(hub, rows, readme)).load(find("sw"))
