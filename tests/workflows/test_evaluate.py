"""``evaluate`` from end to end on a toy world and a tiny core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hubkit.core import Core
from hubkit.errors import NotFoundError, UsageError, VerificationError
from hubkit.evaluation.report import read_report
from hubkit.evaluation.tasks.udhr import Udhr
from hubkit.plugins import registered
from hubkit.registry.index import Index
from hubkit.registry.index_edit import add_record
from hubkit.registry.record import parse_record
from hubkit.runtime.encoder import Encoder
from hubkit.training.recipe import Recipe
from hubkit.workflows import evaluate as workflow
from hubkit.workflows.add_language import Request, add_language
from hubkit.workflows.evaluate import EvaluateOutcome, EvaluateRequest, evaluate, prepare
from hubkit.workflows.events import Silent
from hubkit.workflows.finding import write_finding

RECIPE = Recipe(method="seq_bn", hyperparameters={"reduction_factor": 4}, batch_size=8)
TASKS = ("udhr", "tokenizer", "drift")


class Watching(Silent):
    def __init__(self) -> None:
        self.phases, self.warnings = list[str](), list[str]()

    def phase(self, title: str) -> None:
        self.phases.append(title)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture(autouse=True)
def toy_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registered tasks that fetch nothing in the toy world."""
    every = registered("tasks")
    few = SimpleNamespace(tasks={name: every[name] for name in TASKS})
    monkeypatch.setattr("hubkit.evaluation.plan.registered", lambda kind: getattr(few, kind))


@pytest.fixture
def trained(bert: Core) -> Core:
    """lang-rw 0.1.0 is installed."""
    add_language(Request("rw", budget="12steps", core=str(bert.folder), recipe=RECIPE, controls=False))
    return bert


def run(core: Core, subject: str = "lang-rw", events: Any = None, **more: Any) -> EvaluateOutcome:
    return evaluate(EvaluateRequest(subject, core=str(core.folder), **more), events)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many sentences encoders were asked since the last time that this was called."""
    real, asked = Encoder.encode, [0]

    def encode(self: Encoder, sentences: Any, **options: Any) -> Any:
        asked[0] += 1 if isinstance(sentences, str) else len(sentences)
        return real(self, sentences, **options)

    def count() -> int:
        found, asked[0] = asked[0], 0
        return found

    monkeypatch.setattr(Encoder, "encode", encode)
    return count


def test_the_whole_report_and_a_second_run_that_encodes_nothing_new(
    trained: Core, counted: Callable[[], int], own_home: Path
) -> None:
    watching = Watching()
    outcome = run(trained, events=watching)
    report = outcome.report
    assert outcome.folder == own_home / "reports" / "lang-rw-0.1.0"
    assert read_report(outcome.folder / "report.json") == report
    assert "<h1>lang-rw 0.1.0</h1>" in (outcome.folder / "report.html").read_text("utf-8")

    assert [system.name for system in report.systems] == ["core", "adapter", "random", "ridge", "wrong-family"]
    assert report.plan is not None and report.plan.level == "standard" and report.plan.stopped is None
    assert set(report.plan.unavailable) == {"previous", "relative", "family", "proxy"}
    assert "no earlier version" in report.plan.unavailable["previous"]
    assert any("previous could not be had" in warning for warning in report.warnings)

    mains = {(result.task, result.view) for result in report.tasks if result.main}
    assert {("udhr", "raw"), ("udhr", "centred"), ("drift", "raw"), ("tokenizer", "raw")} <= mains
    first = report.tasks[0]
    assert first.values["core"] == report.systems[0].raw.mean and first.gain("wrong-family") is not None
    gain = first.gain("core")
    assert gain is not None and gain.p_holm is not None and gain.p_holm >= gain.p
    assert gain.ci95 == report.gains[0].raw.ci95  # one interval for one thing
    assert report.damage is not None and {row.language for row in report.damage.rows} == {"fr", "hi", "ar", "tr", "de"}

    assert report.plan.overlap_checked.endswith("examples that it was trained on, by their hashes")
    assert report.overlap is not None and report.overlap["training"] > 0 and report.overlap["exact"] == 0
    assert report.gate is not None and report.corpus["training: rw"]["sentences"] > 0
    assert "smoke: tasks" in watching.phases and "standard: controls" in watching.phases
    assert report.cost is not None and report.provenance["command"] == "hubkit evaluate lang-rw --level standard"

    counted()
    again = run(trained).report
    assert counted() < 400  # probes, and what the ridge asks of the core through its targets
    assert again.tasks == report.tasks and again.systems == report.systems


def test_a_suite_that_was_trained_on_is_refused_and_a_task_is_left_out(
    trained: Core, tmp_path: Path, toy: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaking, clean = tmp_path / "leaking.tsv", tmp_path / "clean.tsv"
    known = [toy.sentence(number, "the") for number in range(3)]
    new = [toy.sentence(number, "some") for number in range(300, 330)]
    leaking.write_text("".join(f"{toy.foreign(text, 'rw')}\t{text}\n" for text in (*known, *new)))
    clean.write_text("".join(f"{toy.foreign(text, 'rw')}\t{text}\n" for text in new))
    with pytest.raises(
        VerificationError, match=r"leaking cannot judge lang-rw: training texts meet it, \d+ word for word"
    ):
        run(trained, level="smoke", suites=(leaking,))

    load = Udhr().load

    def met(self: Udhr, language: Any) -> Any:
        found = load(language)
        return found and replace(found, texts=(toy.foreign(known[0], "rw"), *found.texts[1:]))

    monkeypatch.setattr(Udhr, "load", met)
    watching = Watching()
    report = run(trained, level="smoke", suites=(clean,), events=watching).report
    assert report.suite.name == "clean" and report.plan is not None and "udhr" in report.plan.skipped
    assert any("udhr is left out" in warning for warning in watching.warnings)
    assert report.overlap is not None and report.overlap["exact"] == 0
    with pytest.raises(VerificationError, match="udhr cannot judge"):
        run(trained, level="smoke", tasks=("udhr",))


def test_it_stops_where_the_smoke_stage_shows_failure(trained: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "failure", lambda results: "on udhr the adapter is worse")
    watching = Watching()
    report = run(trained, events=watching).report
    assert report.plan is not None and report.plan.stopped == "on udhr the adapter is worse"
    assert "standard: controls" not in watching.phases and report.system("wrong-family") is None
    assert {result.task for result in report.tasks} == {"udhr"}
    assert any("stopped after its smoke stage" in warning for warning in report.warnings)


def test_seeds_are_trained_once_and_widen_what_is_said(trained: Core) -> None:
    more = {"tasks": ("udhr",), "controls": (), "seeds": (0, 1, 2)}
    report = run(trained, **more).report
    assert report.seeds == [0, 1, 2] and [score.seed for score in report.seed_scores] == [0, 1, 2]
    assert len({score.raw for score in report.seed_scores} | {score.centred for score in report.seed_scores}) > 1
    spread = report.tasks[0].seeds
    assert spread is not None and spread.seeds == [0, 1, 2] and spread.ci95 is not None
    watching = Watching()
    assert run(trained, events=watching, **more).report.seed_scores == report.seed_scores


def test_a_recipe_a_language_and_the_core(trained: Core) -> None:
    halved = run(trained, "0.5*lang-rw", level="smoke").report
    assert halved.adapter.strength == 0.5 and halved.adapter.name == "0.5*lang-rw" and len(halved.adapter.version) == 8
    tag = run(trained, "Kinyarwanda", level="smoke").report
    assert (tag.adapter.name, tag.adapter.version) == ("lang-rw", "0.1.0")
    alone = run(trained, "core", languages=("rw",), level="smoke").report
    assert alone.conclusion == "not compared" and alone.adapter.method == "none" and not alone.gains
    with pytest.raises(UsageError, match="for no language"):
        run(trained, "core", level="smoke")


def test_two_languages_have_a_mean(trained: Core) -> None:
    report = run(trained, languages=("rw", "tr"), level="smoke", controls=()).report
    assert {result.language for result in report.tasks} == {"rw", "tr", "mul"}
    assert [evaluation.suite.language for evaluation in (report, *report.further)] == ["rw", "tr"]


def test_what_is_not_there(trained: Core, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="No installed lang-xh"):
        run(trained, "lang-xh")
    with pytest.raises(NotFoundError, match="No task has anything in haw"):
        run(trained, languages=("haw",), level="smoke")
    with pytest.raises(NotFoundError, match="does not exist"):
        run(trained, suites=(tmp_path / "nowhere.tsv",))


def test_the_plan_of_a_dry_run(trained: Core) -> None:
    plan = prepare(EvaluateRequest("lang-rw", core=str(trained.folder), level="full")).as_data()
    assert plan["seeds"] == [0, 1, 2] and plan["stages"]["smoke"]["tasks"] == ["udhr (rw)"]
    assert "wrong-family" in plan["stages"]["standard"]["controls"] and "full" in plan["stages"]["full"]["controls"]


def test_a_result_without_gain_becomes_a_finding(trained: Core, tmp_path: Path) -> None:
    outcome = run(trained, level="smoke")
    outcome = EvaluateOutcome(outcome.report.model_copy(update={"conclusion": "no measurable gain"}), outcome.folder)
    record = write_finding(outcome, str(trained.folder), tmp_path / "finding.jsonl")
    assert (record.name, record.kind, record.conclusion) == ("finding-rw", "finding", "no measurable gain")
    assert record.source is None and record.files == () and record.report is not None
    assert record.metrics[0].suite == "udhr" and record.metrics[0].n == 30
    index = tmp_path / "index"
    index.mkdir()
    add_record(index, parse_record((tmp_path / "finding.jsonl").read_bytes().rstrip(b"\n"), "here"))
    assert [each.version for each in Index(index, "x").versions("finding-rw")] == ["0.1.0"]


@pytest.mark.parametrize("conclusion", ["own gain", "generic gain", "not compared"])
def test_a_gain_is_no_finding_and_neither_is_a_weak_core(trained: Core, tmp_path: Path, conclusion: str) -> None:
    outcome = run(trained, level="smoke")
    changed = EvaluateOutcome(outcome.report.model_copy(update={"conclusion": conclusion}), outcome.folder)
    with pytest.raises(UsageError, match="There is no finding in this"):
        write_finding(changed, str(trained.folder), tmp_path / "finding.jsonl")
    assert not (tmp_path / "finding.jsonl").exists()
