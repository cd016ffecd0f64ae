from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubkit.core import Core

Run = Callable[..., Any]
NOUNS = ("boat", "rain", "road", "cat", "song", "hill", "lamp", "bread", "river", "door")


@pytest.fixture
def plan(home: Path, bert: Core, tmp_path: Path) -> Path:
    for name, verb in (("train", "finds"), ("dev", "leaves")):
        english = [f"the {one} {verb} a {other}" for one in NOUNS for other in NOUNS if one < other]
        lines = [f"{' '.join(word[::-1] for word in text.split())}\t{text}\n" for text in english]
        (tmp_path / f"{name}.tsv").write_text("".join(lines))
    content = {
        "core": str(bert.folder), "base": {"batch_size": 8}, "arms": {"plain": {}, "slow": {"learning_rate": 1e-4}},
        "control": "plain", "languages": ["rw"], "budget": "2steps", "sources": [], "relatives": False,
        "extra_data": {"rw": ["train.tsv"]}, "development": {"rw": ["dev.tsv"]}, "controls": False, "strengths": [1.0],
    }  # fmt: skip
    path = tmp_path / "plan.yaml"
    path.write_text(json.dumps(content))
    return path


def test_a_dry_run_lists_the_cells_and_trains_nothing(run: Run, plan: Path) -> None:
    ended = run("ablate", str(plan), "--dry-run", "--quiet")
    assert ended.code == 0
    assert ended.out.splitlines()[-1].startswith("2 of 2 cells to run: about ")
    assert "     slow/right/rw/0  2 steps" in ended.out.splitlines()
    assert not plan.with_suffix(".json").exists()


def test_it_prints_the_table_and_writes_the_results_beside_the_plan(run: Run, plan: Path) -> None:
    ended = run("ablate", str(plan), "--quiet")
    assert (ended.code, ended.err) == (0, "")
    assert "over plain" in ended.out
    text = plan.with_suffix(".json").read_text()
    written = json.loads(text)
    assert len(text.splitlines()) > len(written["rows"]) and '\n{"test": "development", ' in text
    assert [cell["steps"] for cell in written["cells"]] == [2, 2]
    again = run("ablate", str(plan), "--quiet", "--json", "--out", str(plan.parent / "other.json"))
    assert json.loads(again.out)["rows"] == written["rows"]
    listed = json.loads(run("ablate", str(plan), "--dry-run", "--json").out)
    assert all(cell["finished"] for cell in listed["cells"]) and listed["seconds left"] == 0


def test_a_wrong_plan_is_one_paragraph(run: Run, plan: Path) -> None:
    plan.write_text("arms: {plain: {}}\ncontrols: true\ncontol: plain\nlanguages: [rw]\nbudget: 2steps\n")
    ended = run("ablate", str(plan))
    assert ended.code == 2
    assert "Did you mean control" in ended.err
    plan.write_text("arms: [")
    assert run("ablate", str(plan)).code == 2
    assert run("ablate", "no-such-plan.yaml").code == 4
