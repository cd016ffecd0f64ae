"""``hubkit search``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthetic_records import metric, record, write_index

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def index(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    records = [
        record("lang-rw", "1.1.0", metrics=[metric(0.12)]),
        record("lang-sw", metrics=[metric(0.02)], license="MIT"),
        record("fam-bantu"),
        record("finding-lg"),
    ]
    monkeypatch.setenv("HUBKIT_INDEX", str(tmp_path / "index"))
    return write_index(tmp_path / "index", records).root


def test_a_table(run: Run) -> None:
    ended = run("search", "Kinyarwanda")
    assert (ended.code, ended.err) == (0, "")
    head, first, *_ = ended.out.splitlines()
    assert head.split() == ["name", "version", "languages", "gain", "method", "core", "licence", "size", "index"]
    assert first.split() == [
        "lang-rw",
        "1.1.0",
        "rw",
        "+0.120",
        "seq_bn",
        "e5-small",
        "Apache-2.0",
        "5.0",
        "kB",
        "index",
    ]


def test_json(run: Run) -> None:
    (hit,) = json.loads(run("search", "--language", "Kiswahili", "--json").out)
    assert (hit["name"], hit["version"], hit["languages"], hit["origin"]) == ("lang-sw", "1.0.0", ["sw"], "index")
    assert (hit["gain"], hit["evidence"], hit["license"]) == (0.02, 1, "MIT")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--family", "bantu"], {"lang-rw", "lang-sw", "fam-bantu", "finding-lg"}),
        (["--kind", "family"], {"fam-bantu"}),
        (["--kind", "finding"], {"finding-lg"}),
        (["--min-gain", "0.1"], {"lang-rw"}),
        (["--license", "MIT"], {"lang-sw"}),
        (["--core", "e5-small", "--method", "lora"], set()),
        (["kinyarwanda", "swahili", "--limit", "1"], {"lang-rw"}),
    ],
)
def test_options(run: Run, arguments: list[str], names: set[str]) -> None:
    ended = run("search", *arguments, "--json")
    assert ended.code == 0
    assert {hit["name"] for hit in json.loads(ended.out)} == names


def test_a_finding_tells_its_conclusion(run: Run) -> None:
    assert "no adapter needed" in run("search", "luganda", "--kind", "finding").out


def test_nothing_found(run: Run) -> None:
    ended = run("search", "isizulu")
    assert (ended.code, ended.out) == (0, "")
    assert "`hubkit add-language zu` trains an adapter for Zulu" in ended.err
    assert "fewer words" in run("search", "xyzzy").err
    assert json.loads(run("search", "xyzzy", "--json").out) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--language", "no such language"], 4),
        (["--family", "Bantuu"], 4),
        (["--kind", "dog"], 2),
        (["--min-gain", "7"], 2),
        (["--limit", "0"], 2),
        (["x\0y"], 2),
        (["x" * 2000], 2),
    ],
)
def test_bad_requests(run: Run, arguments: list[str], code: int) -> None:
    assert run("search", *arguments).code == code


def test_an_index_that_is_not_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_INDEX", "/nowhere/at/all")
    ended = run("search", "rw")
    assert ended.code == 4 and "/nowhere/at/all" in ended.err


def test_a_broken_file_is_a_warning(run: Run, index: Path) -> None:
    (index / "sw" / "__" / "lang-sw.jsonl").write_bytes(b"\xff\n")
    ended = run("search", "kinyarwanda")
    assert ended.code == 0 and "lang-rw" in ended.out
    assert "Warning: Left out of the search" in ended.err and "lang-sw.jsonl" in ended.err
    assert run("search", "kinyarwanda", "--quiet").err == ""


def test_the_hub_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubkit.errors import HubkitError
    from hubkit.registry import discover

    monkeypatch.setattr(discover, "hub_search", lambda *words, **conditions: [result("them/hubkit-lang-rw-x")])
    assert "them/hubkit-lang-rw-x" in run("search", "kinyarwanda", "--hub").out
    assert "them/" not in run("search", "kinyarwanda").out

    def away(*words: Any, **conditions: Any) -> None:
        raise HubkitError("No network.", "Connect.")

    monkeypatch.setattr(discover, "hub_search", away)
    ended = run("search", "kinyarwanda", "--hub")
    assert ended.code == 0 and "lang-rw" in ended.out and "Warning: The Hub was not searched: No network." in ended.err


def result(repo_id: str) -> Any:
    from hubkit.registry.discover import HubResult

    return HubResult(repo_id, "0" * 40, "lang-rw-x", ("rw",), "mit", None, (), 1, 0, None)
