from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_records import CODES, OTHER_CORE, metric, record, write_index

from hubkit.errors import NotFoundError
from hubkit.registry.index import Index, Indexes
from hubkit.registry.index_edit import yank
from hubkit.registry.search import Hit, Query, Searcher, evidence_words
from hubkit.registry.search_index import build, query_words, search_path

SERVES = [{"bcp47": tag, "iso639_3": CODES[tag]} for tag in ("rw", "sw", "lg")]


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return write_index(
        tmp_path / "index",
        [
            record("lang-rw", "1.0.0", metrics=[metric(0.3)]),
            record("lang-rw", "1.1.0", metrics=[metric(0.12)], family="bantu"),
            record("lang-sw", metrics=[metric(0.02)], license="MIT", method="lora"),
            record("lang-sw-news", metrics=[metric(0.15)], train={"datasets": [{"id": "news wire", "license": "MIT"}]}),
            record("lang-zu", metrics=[metric(-0.01)]),
            record("lang-de", core=OTHER_CORE, metrics=[metric(0.2)]),
            record("fam-bantu", languages=SERVES),
            record("task-news", languages=SERVES[:1]),
            record("finding-lg"),
        ],
    )


@pytest.fixture
def find(index):
    def search(text="", **fields):
        with Searcher(Indexes((index,))) as searcher:
            return [hit.name for hit in searcher.search(Query(text, **fields))]

    return search


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("swahili", ["lang-sw-news", "lang-sw", "fam-bantu"]),
        ("Kiswahili", ["lang-sw-news", "lang-sw", "fam-bantu"]),  # its own name
        ("KINYARWANDA", ["lang-rw", "fam-bantu", "task-news"]),
        ("ikinyarwanda", ["lang-rw", "fam-bantu", "task-news"]),
        ("kinyar", ["lang-rw", "fam-bantu", "task-news"]),  # the beginning of a word
        ("swahili news", ["lang-sw-news", "lang-sw", "task-news", "fam-bantu"]),
        ("news", ["lang-sw-news", "task-news"]),
        ("wire", ["lang-sw-news"]),
        ("lang-sw", ["lang-sw", "lang-sw-news"]),
        ("isizulu", ["lang-zu"]),
        ("Deutsch", ["lang-de"]),
        ("", ["lang-de", "lang-sw-news", "lang-rw", "lang-sw", "fam-bantu", "finding-lg", "task-news", "lang-zu"]),
        ("klingon", []),
        ("!!!", []),
        ("' OR 1=1 --", []),
        ('"', []),
        ("%", []),
        ("*", []),
    ],
)
def test_words(find, text, names):
    found = find(text)
    assert sorted(found) == sorted(names)
    assert found[:1] == names[:1]


def test_names_come_before_families_and_evidence_decides_between_equals(find):
    assert find("bantu")[0] == "fam-bantu"
    assert set(find("bantu")) >= {"lang-rw", "lang-sw", "lang-zu", "finding-lg"}
    assert find("bantu").index("lang-sw-news") < find("bantu").index("lang-sw") < find("bantu").index("lang-zu")


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"language": "sw"}, {"lang-sw", "lang-sw-news", "fam-bantu"}),
        (
            {"family": "Bantu"},
            {"lang-rw", "lang-sw", "lang-sw-news", "lang-zu", "fam-bantu", "task-news", "finding-lg"},
        ),
        ({"family": "germanic"}, {"lang-de"}),
        ({"kind": "family"}, {"fam-bantu"}),
        ({"kind": "finding"}, {"finding-lg"}),
        ({"method": "lora"}, {"lang-sw"}),
        ({"license": "mit"}, {"lang-sw"}),
        ({"core": "other"}, {"lang-de"}),
        ({"core": OTHER_CORE[:20]}, {"lang-de"}),
        ({"core": "b" * 10}, set()),
        ({"min_gain": 0.1}, {"lang-rw", "lang-sw-news", "lang-de"}),
        ({"min_gain": -1.0}, {"lang-rw", "lang-sw", "lang-sw-news", "lang-zu", "lang-de", "finding-lg"}),
        ({"language": "sw", "kind": "language", "min_gain": 0.1}, {"lang-sw-news"}),
        ({"text": "news", "kind": "task"}, {"task-news"}),
    ],
)
def test_conditions(find, fields, names):
    assert set(find(**fields)) == names


def test_limit_and_an_unknown_family(find):
    assert len(find(limit=2)) == 2
    with pytest.raises(NotFoundError, match="No language family"):
        find(family="Bantuu")


def test_the_newest_version_that_may_be_installed(index):
    def version(**fields):
        with Searcher(Indexes((index,))) as searcher:
            return [(hit.version, hit.gain) for hit in searcher.search(Query("lang-rw", kind="language", **fields))]

    assert version() == [("1.1.0", 0.12)]
    write_index(index.root, [record("lang-rw", "2.0.0rc1"), record("lang-rw", "1.5.0", core=OTHER_CORE)])
    assert version() == [("1.1.0", 0.12), ("1.5.0", None)]  # one a core; no pre-release beside a release
    yank(index.root, "lang-rw", "1.1.0", "bad")
    assert version(min_gain=0.0) == [("1.0.0", 0.3)]
    yank(index.root, "lang-rw", "1.0.0", "bad")
    assert version() == [("2.0.0rc1", None), ("1.5.0", None)]


def test_only_changes_are_read(index):
    assert (build(index).read, build(index).files) == (8, 8)
    _settle(index)
    assert build(index).read == 0
    write_index(index.root, [record("lang-zu", "1.1.0")])
    assert build(index).read == 1
    index.path("lang-zu").unlink()
    assert (build(index).read, build(index).files) == (0, 7)
    assert build(index, force=True).read == 7


def _settle(index):
    """Make every time so old that a change would show, and let that be seen."""
    for path in (index.root, *index.root.rglob("*")):
        os.utime(path, (1e9, 1e9))
    build(index)


def test_a_change_right_after_is_seen(index, find):
    """A second change within the clock's resolution, of the same size, in the same file."""
    line = record("lang-zu", "1.0.0", method="lora").line()
    other = record("lang-zu", "1.0.0", method="ia3x").line()
    index.path("lang-zu").write_bytes(line)
    now = time.time_ns()
    os.utime(index.path("lang-zu"), ns=(now, now))
    assert "lang-zu" in find(method="lora")
    with index.path("lang-zu").open("r+b") as handle:
        handle.write(other)
    os.utime(index.path("lang-zu"), ns=(now, now))
    assert "lang-zu" in find(method="ia3x")


def test_a_broken_file_is_left_out_and_told(index, find):
    index.path("lang-zu").write_bytes(b"\xff\n")
    index.path("lang-rw").write_bytes(record("lang-lg").line())
    index.path("lang-de").write_bytes(b"[" * 100_000 + b"\n")
    with Searcher(Indexes((index,))) as searcher:
        assert len(searcher.warnings) == 3
        assert "lang-zu.jsonl" in " ".join(searcher.warnings)
        assert {hit.name for hit in searcher.search(Query())} & {"lang-zu", "lang-rw", "lang-lg", "lang-de"} == set()
    index.path("lang-zu").write_bytes(record("lang-zu").line())
    assert "lang-zu" in find()


def test_a_damaged_search_index_is_made_anew(index, find):
    assert find("zulu") == ["lang-zu"]
    search_path(index).write_bytes(b"no database" * 1000)
    assert find("zulu") == ["lang-zu"]
    search_path(index).write_bytes(search_path(index).read_bytes()[:5000])
    assert find("zulu") == ["lang-zu"]


def test_the_first_index_owns_a_name(index, tmp_path):
    tap = write_index(tmp_path / "tap", [record("lang-rw", "9.0.0", owner="evil"), record("lang-rn")])
    with Searcher(Indexes((index, tap))) as searcher:
        found = {hit.name: (hit.version, hit.origin) for hit in searcher.search(Query(kind="language"))}
    assert found["lang-rw"] == ("1.1.0", "index")
    assert found["lang-rn"] == ("1.0.0", "tap")


def test_a_further_finder_cannot_take_a_name(index):
    asked = []

    def finder(query):
        asked.append(query)
        fields = dict.fromkeys(("family", "gain", "conclusion"))
        values = {"version": "9.0.0", "kind": "language", "languages": ("rw",), "method": "lora", "core": "e5-small"}
        values |= {"fingerprint": "", "license": "MIT", "evidence": 0, "size": 1, "published": "", "origin": "hub"}
        return [Hit(name, **values, **fields) for name in ("lang-rw", "lang-xx")]

    with Searcher(Indexes((index,))) as searcher:
        found = {hit.name: hit.origin for hit in searcher.search(Query("kinyarwanda"), [finder])}
    assert found["lang-rw"] == "index" and found["lang-xx"] == "hub"
    assert asked == [Query("kinyarwanda")]


def test_evidence_in_words(index):
    with Searcher(Indexes((index,))) as searcher:
        shown = {hit.name: evidence_words(hit) for hit in searcher.search(Query())}
    assert shown == {
        "lang-de": "+0.200", "lang-sw-news": "+0.150", "lang-rw": "+0.120", "lang-sw": "+0.020?", "lang-zu": "-0.010",
        "fam-bantu": "-", "task-news": "-", "finding-lg": "+0.000?",
    }  # fmt: skip


@given(st.text(max_size=40))
def test_any_text_can_be_searched(tmp_path_factory, text):
    root = tmp_path_factory.getbasetemp() / "any-text"
    index = Index(root, "x") if root.exists() else write_index(root, [record("lang-rw")])
    with Searcher(Indexes((index,))) as searcher:
        searcher.search(Query(text))
    assert len(query_words(text)) <= 16


def _build(root: str) -> int:
    return build(Index(Path(root), "x")).files


def test_processes_build_one_search_index_together(index, own_home):
    with multiprocessing.get_context("fork").Pool(3) as pool:
        assert pool.map(_build, [str(index.root)] * 3) == [8, 8, 8]
