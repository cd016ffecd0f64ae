"""From an adapter to a record and a pull request: what an index refuses is refused here, before anything is sent."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hubserver import HubServer
from hubserver.artifacts import CARD
from made_report import report
from synthetic_records import record

from hubkit.adapter.store import save_adapter
from hubkit.core import Core
from hubkit.errors import NotFoundError, UsageError, VerificationError
from hubkit.registry.index import Index
from hubkit.workflows.contribution import Offer, Outcome, offer

pytest_plugins = ["hubserver.fixtures"]
REPO = "org/hubkit-lang-rw"
Make = Callable[..., Path]


@pytest.fixture
def make(bert: Core, make_adapter: Any, make_manifest: Any, make_golden: Any, tmp_path: Path) -> Make:
    """Write an adapter's folder."""

    def make(name: str = "lang-rw", noise: float = 0.1, card: str = CARD, **changes: Any) -> Path:
        adapter = make_adapter(bert, "lora", name=name)
        folder = tmp_path / "made" / f"{name}-{noise}-{len(changes)}"
        manifest = make_manifest(adapter, bert, **changes)
        save_adapter(folder, adapter, bert, manifest, make_golden(adapter, bert), report(bert, noise), card)
        return folder

    return make


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index in a git repository with a commit."""
    root = tmp_path / "clone" / "adapters_index"
    root.mkdir(parents=True)
    (root / "README.md").write_text("An index.\n")
    for command in (["init"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=b", "commit", "-m", "c"]):
        subprocess.run(["git", "-C", str(root.parent), *command], check=True, capture_output=True)
    return root


Give = Callable[..., Outcome]


@pytest.fixture
def give(bert: Core, index: Path, hub: HubServer, token: str, monkeypatch: pytest.MonkeyPatch) -> Give:
    """Offer something to the index."""
    monkeypatch.setattr("hubkit.registry.hub.BACKOFF", (0.01,))

    def give(path: Path, repo_id: str | None = REPO, **more: Any) -> Outcome:
        return offer(Offer(path, repo_id, index, core=str(bert.folder), **more))

    return give


def refusals(outcome: Outcome) -> dict[str, str]:
    return {check.name: " ".join(check.problems) for check in outcome.checks if not check.passed}


def test_an_adapter_is_checked_published_and_indexed(make: Make, give: Give, hub: HubServer, index: Path) -> None:
    outcome = give(make())
    assert (outcome.passed, refusals(outcome)) == (True, {})
    assert [check.name for check in outcome.checks] == [
        "files", "licences", "index", "golden vectors, tensors, figures, gate",
    ]  # fmt: skip
    head = hub.hub.repos[REPO].head
    (path,) = index.rglob("*.jsonl")
    assert json.loads(path.read_text())["source"] == {"repo_id": REPO, "commit": head.oid}
    assert outcome.added is not None and (outcome.added.path, outcome.added.was_there) == (path, False)
    text = outcome.pull_request
    assert text is not None and text.title == "lang-rw 0.1.0: Kinyarwanda (rw)"
    for part in (
        f"`{REPO}` at `{head.oid}`",
        "`Apache-2.0`",
        "`made` | `R@1 centred`",
        "`tiny` | `made up` | `CC0-1.0`",
    ):
        assert part in text.body
    assert text.body.count("- [x] ") == 4 and "- [ ] " not in text.body
    assert "`R@1 on made cannot be measured here`" in text.body
    assert "has one of them looked at" in text.body


def test_again_it_goes_on_and_repeats_nothing(make: Make, give: Give, hub: HubServer, index: Path) -> None:
    folder = make()
    first = give(folder)
    commits = len(hub.hub.repos[REPO].commits)
    again = give(folder, repo_id=None)
    assert again.passed and again.added is not None and again.added.was_there
    assert again.record == first.record and len(hub.hub.repos[REPO].commits) == commits
    assert len(next(index.rglob("*.jsonl")).read_text().splitlines()) == 1


def test_a_version_with_other_content(make: Make, give: Give, hub: HubServer, index: Path) -> None:
    folder = make()
    assert give(folder).passed
    hub.seen.clear()
    outcome = give(make(noise=0.2, card=CARD + "\nMore.\n"))  # the figures may be the same
    assert "a published version never changes" in refusals(outcome)["index"]
    assert nothing_happened(outcome, hub, index, there=1)


def test_a_dry_run_sends_and_writes_nothing(make: Make, give: Give, hub: HubServer, index: Path) -> None:
    outcome = give(make(), dry_run=True)
    assert outcome.passed and outcome.added is None and outcome.pull_request is not None
    assert "not published yet" in outcome.pull_request.body and "0" * 40 not in outcome.pull_request.body
    assert hub.seen == [] and not list(index.rglob("*.jsonl"))


def nothing_happened(outcome: Outcome, hub: HubServer, index: Path, there: int = 0) -> bool:
    records = sum(len(path.read_text().splitlines()) for path in index.rglob("*.jsonl"))
    return (outcome.pull_request, outcome.added, hub.seen, records) == (None, None, [], there)


def test_files_that_are_not_as_the_manifest_says(make: Make, give: Give, hub: HubServer, index: Path) -> None:
    folder = make()
    (folder / "README.md").write_text("another card")
    outcome = give(folder)
    assert "README.md" in refusals(outcome)["files"] and nothing_happened(outcome, hub, index)


def test_a_card_that_the_hub_would_not_find(make: Make, give: Give, hub: HubServer, index: Path) -> None:
    outcome = give(make(card="# no metadata\n"))
    assert "it has no front matter" in refusals(outcome)["files"] and nothing_happened(outcome, hub, index)


def test_an_adapter_without_a_gain(make: Make, give: Give, hub: HubServer, index: Path) -> None:
    outcome = give(make(noise=3.0))
    assert "does not pass the gate" in refusals(outcome)["golden vectors, tensors, figures, gate"]
    assert nothing_happened(outcome, hub, index)


def test_an_index_that_is_broken(make: Make, give: Give, hub: HubServer, index: Path) -> None:
    (index / "notes.txt").write_text("")
    outcome = give(make())
    assert "notes.txt: does not belong in an index" in refusals(outcome)["index"]
    assert nothing_happened(outcome, hub, index)


def test_a_name_that_belongs_to_somebody_else(make: Make, give: Give, hub: HubServer, index: Path) -> None:
    assert give(make(), repo_id="ann/lang-rw").passed
    hub.seen.clear()
    outcome = give(make(version="0.2.0"))
    assert "lang-rw belongs to ann" in refusals(outcome)["index"] and nothing_happened(outcome, hub, index, there=1)


def test_what_it_stands_on_is_not_there(make: Make, give: Give, hub: HubServer, index: Path) -> None:
    below = [{"name": "fam-bantu", "spec": ">=1", "role": "stack-under"}]
    outcome = give(make(dependencies=below))
    assert "fam-bantu" in refusals(outcome)["index"] and nothing_happened(outcome, hub, index)


def test_a_line_that_was_taken_away_from_the_index(make: Make, give: Give, hub: HubServer, index: Path) -> None:
    assert give(make()).passed
    commit = ["-c", "user.name=a", "-c", "user.email=b", "commit", "-m", "c"]
    for command in (["add", "."], commit):
        subprocess.run(["git", "-C", str(index.parent), *command], check=True, capture_output=True)
    next(index.rglob("*.jsonl")).unlink()
    shona = [{"bcp47": "sn", "iso639_3": "sna", "name": "Shona"}]
    outcome = give(make("lang-sn", card=CARD.replace('"rw"', '"sn"'), languages=shona), repo_id="org/lang-sn")
    assert "none may be taken away" in refusals(outcome)["index"]


def test_licences_are_for_a_human(make: Make, give: Give) -> None:
    data = [{"source": "mine", "origin": "files", "license": "unspecified", "pairs": 2, "languages": ["rw"]}]
    outcome = give(make(training_data=data), dry_run=True)
    (check,) = [check for check in outcome.checks if check.name == "licences"]
    assert outcome.passed and check.notes == ("mine has no stated licence",)
    assert outcome.pull_request is not None and "`mine has no stated licence`" in outcome.pull_request.body


def test_what_others_wrote_is_no_markup(make: Make, give: Give) -> None:
    data = [{"source": "a|b`c", "origin": "<img> ![x](y)", "license": "CC0-1.0", "pairs": 2, "languages": ["rw"]}]
    outcome = give(make(training_data=data), dry_run=True)
    assert outcome.pull_request is not None
    assert "| `a/b'c` | `<img> ![x](y)` | `CC0-1.0` |" in outcome.pull_request.body


def test_a_finding(give: Give, tmp_path: Path, index: Path, hub: HubServer) -> None:
    file = tmp_path / "finding.jsonl"
    file.write_bytes(record("finding-sw").line())
    for was_there in (False, True):
        outcome = give(file, repo_id=None)
        assert outcome.passed and outcome.added is not None and outcome.added.was_there == was_there
    assert Index(index, "x").records("finding-sw")[0].kind == "finding" and hub.seen == []
    assert outcome.pull_request is not None and "a finding about Swahili (sw)" in outcome.pull_request.body


def test_requests_that_cannot_be_met(make: Make, give: Give, tmp_path: Path, index: Path) -> None:
    with pytest.raises(NotFoundError, match=r"There is no .*nowhere"):
        give(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"was not published from here.*--repo ORG/NAME"):
        give(make(), repo_id=None)
    with pytest.raises(VerificationError):
        (tmp_path / "bad.jsonl").write_text("{}\n")
        give(tmp_path / "bad.jsonl")
    with pytest.raises(UsageError, match="has 2 records"):
        (tmp_path / "two.jsonl").write_bytes(record("finding-sw").line() + record("finding-rw").line())
        give(tmp_path / "two.jsonl")


def test_without_git_that_is_said(make: Make, bert: Core, tmp_path: Path, hub: HubServer) -> None:
    (tmp_path / "plain").mkdir()
    outcome = offer(Offer(make(), REPO, tmp_path / "plain", core=str(bert.folder), dry_run=True))
    (check,) = [check for check in outcome.checks if check.name == "index"]
    assert outcome.passed and check.notes[0].startswith("not compared with git: ")
