"""``hubkit index``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthetic_records import content, record, write_index

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def root(home: Path, tmp_path: Path) -> Path:
    """``./adapters_index`` with one record, which is the index that the commands maintain."""
    return write_index(tmp_path / "adapters_index", [record("lang-rw")]).root


@pytest.fixture
def committed(root: Path) -> Path:
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)
    return root


def put(tmp_path: Path, **fields: Any) -> str:
    path = tmp_path / "record.json"
    path.write_text(json.dumps(content(**fields), indent=2))
    return str(path)


def test_add(run: Run, root: Path, tmp_path: Path) -> None:
    path = put(tmp_path, version="1.1.0")
    ended = run("index", "add", path, "--dry-run")
    assert ended.code == 0 and "lang-rw==1.1.0 could be added to" in ended.out
    assert (root / "rw" / "__" / "lang-rw.jsonl").read_bytes().count(b"\n") == 1
    assert "lang-rw==1.1.0 added to" in run("index", "add", path).out
    assert "is there already" in run("index", "add", path).out
    (row,) = json.loads(run("index", "add", path, "--json").out)
    assert row["was_there"] is True
    assert (root / "rw" / "__" / "lang-rw.jsonl").read_bytes().count(b"\n") == 2


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"version": "1.0.0", "license": "MIT"}, 1),
        ({"name": "lang-RW", "languages": [{"bcp47": "rw", "iso639_3": "kin"}]}, 1),
        ({"version": "one"}, 3),
        ({"url": "https://evil.example"}, 3),
        ({"name": "../../evil"}, 3),
    ],
)
def test_what_cannot_be_added(run: Run, root: Path, tmp_path: Path, fields: dict[str, Any], code: int) -> None:
    before = sorted(root.rglob("*"))
    assert run("index", "add", put(tmp_path, **fields)).code == code
    assert sorted(root.rglob("*")) == before


def test_where_the_index_is(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("index", "validate", "--index", str(tmp_path / "missing")).code == 4
    monkeypatch.chdir(tmp_path / "adapters_index")
    ended = run("index", "validate")
    assert ended.code == 4 and "--index" in ended.err
    monkeypatch.setenv("HUBKIT_INDEX", str(tmp_path / "adapters_index"))
    assert run("index", "validate").code == 0


def test_validate(run: Run, root: Path) -> None:
    ended = run("index", "validate")
    assert (ended.code, ended.out) == (0, f"{root}: no problem\n")
    write_index(root, [record("lang-sw", "1.0.0", [("fam-gone", "")])])
    ended = run("index", "validate", "--quiet")
    assert ended.code == 3
    assert "lang-sw==1.0.0: Cannot resolve: no index has fam-gone" in ended.out and "1 problems" in ended.out
    found = json.loads(run("index", "validate", "--json").out)
    assert [problem["where"] for problem in found["problems"]] == ["lang-sw==1.0.0"]


def test_check(run: Run, committed: Path) -> None:
    assert run("index", "check").code == 0
    write_index(committed, [record("lang-rw", "1.1.0")])
    assert run("index", "check", "--base", "HEAD").code == 0
    (committed / "rw" / "__" / "lang-rw.jsonl").write_bytes(record("lang-rw", license="MIT").line())
    ended = run("index", "check")
    assert ended.code == 3 and "was changed in license: only yanked may change" in ended.out
    write_index(committed, [record("lang-rw", "1.2.0", owner="new")])
    assert "belongs to org" in run("index", "check").out
    assert "belongs to org" not in run("index", "check", "--new-owner").out
    assert run("index", "check", "--base", "nowhere").code == 4
    assert run("index", "check", "--all").code == 2


def test_check_outside_git(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    ended = run("index", "check")
    assert ended.code == 1 and "in no git repository" in ended.err


def test_check_with_download_says_what_is_wrong(run: Run, committed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubkit.registry.index_checks import Problem

    asked = []

    def check_records(records: Any, below: Any, cores: Any, say: Any) -> list[Problem]:
        asked.append(([each.key for each in records], cores))
        return [Problem("lang-sw==1.0.0", "is not as declared")]

    monkeypatch.setattr("hubkit.workflows.check_record.check_records", check_records)
    write_index(committed, [record("lang-sw")])
    ended = run("index", "check", "--download", "--core", "./tiny")
    assert ended.code == 3 and "is not as declared" in ended.out
    run("index", "check", "--download", "--all")
    assert asked == [(["lang-sw==1.0.0"], ("./tiny",)), (["lang-rw==1.0.0", "lang-sw==1.0.0"], ())]


def test_yank(run: Run, committed: Path) -> None:
    ended = run("index", "yank", "lang-rw==1.0.0", "--reason", "wrong on ARM")
    assert ended.code == 0 and "lang-rw 1.0.0 is yanked" in ended.out
    assert b'"yanked":"wrong on ARM"' in (committed / "rw" / "__" / "lang-rw.jsonl").read_bytes()
    assert run("index", "check").code == 0
    assert run("index", "yank", "lang-rw==2.0.0", "--reason", "x").code == 4
    assert run("index", "yank", "lang-rw", "--reason", "x").code == 2
    assert run("index", "yank", "lang-rw==1.0.0").code == 2
    assert run("index", "yank", "lang-rw==1.0.0", "--reason", "see https://evil.example").code == 2


def test_build(run: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"{root}: 1 names, 1 read" in run("index", "build").out
    assert json.loads(run("index", "build", "--json").out)["files"] == 1
    assert "1 names, 1 read" in run("index", "build", "--force").out
    monkeypatch.setenv("HUBKIT_INDEX", str(root))
    assert run("index", "build", "--all").out.count("names,") == 2
    (root / "rw" / "__" / "lang-rw.jsonl").write_bytes(b"\xff\n")
    ended = run("index", "build")
    assert ended.code == 0 and "Warning:" in ended.err and "lang-rw.jsonl" in ended.err


def test_schema(run: Run) -> None:
    published = Path(__file__).parents[2] / "adapters_index" / "schema.json"
    assert json.loads(run("index", "schema").out) == json.loads(published.read_text("utf-8"))
