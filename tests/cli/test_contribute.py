"""``hubkit contribute``: what it prints, writes and ends with. What it checks: tests/workflows/test_contribution."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthetic_records import record

from hubkit.workflows import contribution
from hubkit.workflows.contribution import Offer, Outcome
from hubkit.workflows.local_checks import Check
from hubkit.workflows.pull_request import pull_request

Run = Callable[..., Any]


@pytest.fixture
def index(home: Path, tmp_path: Path) -> Path:
    root = tmp_path / "adapters_index"
    root.mkdir()
    return root


@pytest.fixture
def finding(tmp_path: Path) -> Path:
    file = tmp_path / "finding.jsonl"
    file.write_bytes(record("finding-sw").line())
    return file


def test_a_finding(run: Run, finding: Path, index: Path) -> None:
    ended = run("contribute", str(finding))
    assert ended.code == 0, ended.err
    (path,) = index.rglob("*.jsonl")
    assert "ok       index\n" in ended.out and f"The record was added to {path}\n" in ended.out
    assert "# finding-sw 1.0.0: Swahili (sw)\n\nAdds **finding-sw 1.0.0**" in ended.out
    assert "is there already, in" in run("contribute", str(finding)).out


def test_the_text_goes_to_a_file(run: Run, finding: Path, index: Path, tmp_path: Path) -> None:
    ended = run("contribute", str(finding), "--output", "text.md")
    assert ended.code == 0
    assert (tmp_path / "text.md").read_text("utf-8").startswith("Adds **finding-sw 1.0.0**")
    assert "Adds **" not in ended.out and "its title: finding-sw 1.0.0: Swahili (sw)" in ended.out


def test_a_dry_run_writes_nothing(run: Run, finding: Path, index: Path, tmp_path: Path) -> None:
    ended = run("contribute", str(finding), "--dry-run", "--output", "text.md")
    assert ended.code == 0 and "Adds **finding-sw" in ended.out
    assert not list(index.rglob("*.jsonl")) and not (tmp_path / "text.md").exists()


def test_json(run: Run, finding: Path, index: Path) -> None:
    ended = run("contribute", str(finding), "--json", "--quiet")
    said = json.loads(ended.out)
    assert (ended.code, ended.err, said["passed"], said["title"]) == (0, "", True, "finding-sw 1.0.0: Swahili (sw)")
    assert said["record"] == json.loads(finding.read_bytes()) and said["body"].startswith("Adds **")
    assert [check["name"] for check in said["checks"]] == ["licences", "index"]


def test_what_is_refused_ends_with_3(run: Run, finding: Path, index: Path) -> None:
    (index / "notes.txt").write_text("")
    ended = run("contribute", str(finding))
    assert ended.code == 3
    assert "REFUSED  index\n" in ended.out and "notes.txt: does not belong in an index" in ended.out
    assert ended.out.endswith("Nothing was published or written.\n") and not list(index.rglob("*.jsonl"))
    assert json.loads(run("contribute", str(finding), "--json").out)["body"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nowhere"], 4, "There is no nowhere"),
        (["finding.jsonl", "--index", "nowhere"], 4, "no folder"),
        ([], 2, "Missing argument 'PATH'"),
        (["finding.jsonl", "--sign", "missing.pem"], 2, "does not exist"),
    ],
)
def test_bad_requests(arguments: list[str], code: int, says: str, run: Run, finding: Path, index: Path) -> None:
    ended = run("contribute", *arguments)
    assert ended.code == code and says in ended.err


def test_what_is_asked_reaches_the_workflow(
    run: Run, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Offer] = []
    shown = record("lang-rw")

    def offer(offered: Offer, say: Callable[[str], None]) -> Outcome:
        asked.append(offered)
        say("uploaded")
        made = Outcome(index, [Check("files", (), ("a note",))], shown)
        made.pull_request = pull_request(shown, made.checks, published=not offered.dry_run)
        return made

    monkeypatch.setattr(contribution, "offer", offer)
    (tmp_path / "key.pem").write_text("")
    ended = run(
        "contribute", "x", "--repo", "a/b", "--core", "c", "--sign", "key.pem", "--index", "adapters_index", "--dry-run"
    )
    assert asked == [Offer(Path("x"), "a/b", Path("adapters_index"), "c", Path("key.pem"), True)]
    assert ended.err == "  uploaded\n" and "         a note\n" in ended.out and "not published yet" in ended.out
