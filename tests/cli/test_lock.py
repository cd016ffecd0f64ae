"""``hubkit lock``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthetic_records import record, write_index

from hubkit.core.checkpoint import catalogue
from hubkit.registry.index_edit import yank

Run = Callable[..., Any]
CORE = catalogue()["e5-small"]["fingerprint"]


def version(name: str, number: str, *below: tuple[str, str], **fields: Any) -> Any:
    return record(name, number, below, core=CORE, **fields)


@pytest.fixture(autouse=True)
def index(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUBKIT_INDEX", str(tmp_path / "index"))
    records = [
        version("lang-rw", "1.0.0", ("fam-bantu", ">=1")),
        version("lang-sw", "1.0.0", ("fam-bantu", ">=1")),
        version("task-topic", "1.0.0", ("lang-sw", ">=1")),
        version("fam-bantu", "1.0.0"),
    ]
    return write_index(tmp_path / "index", records).root


def keys(path: Path) -> list[str]:
    return [f"{each['name']}=={each['version']}" for each in json.loads(path.read_text())["adapters"]]


def test_lock_languages_and_adapters(run: Run, tmp_path: Path) -> None:
    ended = run("lock", "rw", "sw", "task-topic")
    assert (ended.code, ended.err) == (0, "")
    assert keys(tmp_path / "hubkit.lock") == [
        "fam-bantu==1.0.0", "lang-rw==1.0.0", "lang-sw==1.0.0", "task-topic==1.0.0",
    ]  # fmt: skip
    lines = ended.out.splitlines()
    assert lines[0] == "fam-bantu 1.0.0  org/fam-bantu@00000000"
    assert lines[-1] == "hubkit.lock written: 4 adapters for e5-small"


def test_the_order_of_requests_and_running_again_change_nothing(run: Run, tmp_path: Path) -> None:
    run("lock", "rw", "task-topic", "-o", "a.lock")
    run("lock", "task-topic", "lang-rw", "-o", "b.lock")
    assert (tmp_path / "a.lock").read_bytes() == (tmp_path / "b.lock").read_bytes()
    before = (tmp_path / "a.lock").stat()
    assert "a.lock is as it was" in run("lock", "-o", "a.lock").out
    assert (tmp_path / "a.lock").stat().st_mtime_ns == before.st_mtime_ns


def test_upgrade(run: Run, index: Path, tmp_path: Path) -> None:
    run("lock", "rw", "sw")
    write_index(index, [version("lang-rw", "1.1.0"), version("lang-sw", "1.1.0"), version("fam-bantu", "1.1.0")])
    assert "is as it was" in run("lock").out
    ended = run("lock", "-P", "sw")
    assert "~ lang-sw 1.0.0" in ended.out and "→ 1.1.0" in ended.out and "~ lang-rw" not in ended.out
    assert keys(tmp_path / "hubkit.lock") == ["fam-bantu==1.0.0", "lang-rw==1.0.0", "lang-sw==1.1.0"]
    run("lock", "--upgrade")
    assert keys(tmp_path / "hubkit.lock") == ["lang-rw==1.1.0", "lang-sw==1.1.0"]


def test_locked(run: Run, index: Path, tmp_path: Path) -> None:
    assert run("lock", "rw", "--locked").code == 4
    run("lock", "rw")
    before = (tmp_path / "hubkit.lock").read_bytes()
    assert run("lock", "rw", "--locked").code == 0
    assert run("lock", "--locked").code == 0
    write_index(index, [version("lang-rw", "1.1.0")])
    assert run("lock", "--locked").code == 0
    ended = run("lock", "rw", "sw", "--locked")
    assert ended.code == 1 and "would change: + request lang-sw" in ended.err
    assert (tmp_path / "hubkit.lock").read_bytes() == before
    assert run("lock", "--locked", "--upgrade").code == 2


def test_dry_run_writes_nothing(run: Run, tmp_path: Path) -> None:
    assert "would be written" in run("lock", "rw", "--dry-run").out
    assert not (tmp_path / "hubkit.lock").exists()


def test_a_yanked_version_is_kept_with_a_warning(run: Run, index: Path) -> None:
    run("lock", "rw")
    yank(index, "lang-rw", "1.0.0", "wrong on ARM")
    ended = run("lock")
    assert ended.code == 0 and "is as it was" in ended.out
    assert "Warning: lang-rw==1.0.0 was yanked: wrong on ARM" in ended.err
    ended = run("lock", "--upgrade")
    assert ended.code == 4 and "was yanked: wrong on ARM" in ended.err


def test_explain_and_json(run: Run, index: Path) -> None:
    write_index(index, [version("lang-rw", "2.0.0", requires={"hubkit": ">=99"})])
    assert "  not lang-rw 2.0.0 needs hubkit >=99" in run("lock", "rw", "--explain").out
    found = json.loads(run("lock", "rw", "--json").out)
    assert found["changed"] is False and found["rejected"][0]["version"] == "2.0.0"
    assert [each["name"] for each in found["lock"]["adapters"]] == ["fam-bantu", "lang-rw"]


def test_cores(run: Run, index: Path, tmp_path: Path) -> None:
    write_index(index, [record("lang-zu", "1.0.0", core="sha256:" + "e" * 64)])
    ended = run("lock", "zu")
    assert ended.code == 4 and "was made for core other sha256:eeee" in ended.err
    assert run("lock", "zu", "--core", "any").code == 0
    assert json.loads((tmp_path / "hubkit.lock").read_text())["core"]["id"] == "other"
    assert run("lock", "rw", "--core", "no-such-core").code == 4


def test_offline(run: Run, home: Path) -> None:
    ended = run("lock", "rw", "--offline")
    assert ended.code == 4 and "is not in the cache" in ended.err
    for name in ("lang-rw", "fam-bantu"):
        (home / "adapters" / name / "1.0.0").mkdir(parents=True)
    assert run("lock", "rw", "--offline").code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["lg"], 4),
        (["rw>=2"], 4),
        (["no such language"], 4),
        (["rw=newest"], 2),
        (["lаng-rw"], 2),
        ([], 4),
        (["--nope"], 2),
    ],
)
def test_bad_requests(run: Run, arguments: list[str], code: int, tmp_path: Path) -> None:
    ended = run("lock", *arguments)
    assert ended.code == code and ended.err
    assert not (tmp_path / "hubkit.lock").exists()


def test_a_damaged_lock_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hubkit.lock").write_text("{}")
    assert run("lock", "rw").code == 3
    assert (tmp_path / "hubkit.lock").read_text() == "{}"


def test_diff(run: Run) -> None:
    run("lock", "rw", "-o", "a.lock")
    run("lock", "sw", "-o", "b.lock")
    ended = run("lock", "diff", "a.lock", "b.lock")
    assert ended.code == 0
    assert [line.split(" (")[0] for line in ended.out.splitlines()] == [
        "- request lang-rw", "+ request lang-sw", "- lang-rw 1.0.0", "+ lang-sw 1.0.0",
    ]  # fmt: skip
    assert run("lock", "diff", "a.lock", "a.lock").out == ""
    assert json.loads(run("lock", "diff", "a.lock", "b.lock", "--json").out)[0] == {
        "what": "request", "before": "lang-rw", "after": None,
    }  # fmt: skip
    assert run("lock", "diff", "a.lock", "missing.lock").code == 4
