"""``hubkit info`` of a finding."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthetic_records import record, write_index

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def index(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [record("finding-lg"), record("finding-lg", "1.1.0", conclusion="no measurable gain")]
    write_index(tmp_path / "index", [*records, record("finding-sw", yanked="wrong suite")])
    monkeypatch.setenv("HUBKIT_INDEX", str(tmp_path / "index"))


def test_the_newest_version_is_shown(run: Run) -> None:
    ended = run("info", "finding-lg")
    assert ended.code == 0 and "finding-lg 1.1.0" in ended.out and "no measurable gain" in ended.out
    assert "udhr" in ended.out and "+0.000 [-0.050, 0.050]" in ended.out
    assert "no adapter needed" in run("info", "finding-lg@1.0.0").out
    assert "no adapter needed" in run("info", "finding-lg==1.0.0").out


def test_as_json(run: Run) -> None:
    assert json.loads(run("info", "finding-lg", "--json").out)["version"] == "1.1.0"


def test_a_yanked_one_says_so(run: Run) -> None:
    assert "wrong suite" in run("info", "finding-sw").out


def test_what_is_not_there(run: Run) -> None:
    assert run("info", "finding-zu").code == 4
    assert run("info", "finding-zu@@").code == 2
    assert run("info", "finding-lg@9.9.9").code == 4
