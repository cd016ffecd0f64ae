"""``hubkit evaluate``: options, output and exit codes; the workflow itself is tested with the workflows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubkit.errors import VerificationError
from hubkit.evaluation.report import Report
from hubkit.evaluation.task_result import Gate, PlanInfo, TaskGain, TaskResult
from hubkit.workflows import evaluate as workflow
from hubkit.workflows.evaluate import EvaluateOutcome, EvaluateRequest

Run = Callable[..., Any]


def report(passed: bool = True) -> Report:
    from made_report import evaluation

    from hubkit.evaluation.assemble import build_report
    from hubkit.evaluation.report import AdapterInfo, CoreInfo
    from hubkit.languages import find

    gain = TaskGain(
        control="core", value=0.1, ci95=(0.02, 0.2), n=50, minimum_detectable=0.1, p=0.01, p_holm=0.02, verdict="gain"
    )
    tasks = [
        TaskResult(
            task="udhr",
            metric="R@1",
            view="raw",
            language="rw",
            main=True,
            higher_is_better=True,
            n=50,
            values={"core": 0.4, "adapter": 0.5},
            gains=[gain],
        )
    ]
    built = build_report(
        evaluation(),
        language=find("rw"),
        adapter=AdapterInfo(name="lang-rw", version="0.1.0", method="lora", strength=0.5),
        core=CoreInfo(id="e5-small", fingerprint="sha256:" + "a" * 64),
    )
    plan = PlanInfo(level="smoke", tasks=["udhr"], controls=["core"], comparisons="Holm over everything")
    gate = Gate(passed=passed, label="own gain" if passed else "no gain", reasons=["it [is] so"])
    return built.model_copy(update={"tasks": tasks, "plan": plan, "gate": gate})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[EvaluateRequest]:
    """The requests that reach the workflow, which answers with a made report that passes the gate."""
    requests: list[EvaluateRequest] = []

    def evaluate(request: EvaluateRequest, events: Any) -> EvaluateOutcome:
        requests.append(request)
        return EvaluateOutcome(report(request.level != "full"), tmp_path)

    monkeypatch.setattr(workflow, "evaluate", evaluate)
    return requests


def test_what_is_asked_for(run: Run, asked: list[EvaluateRequest], tmp_path: Path) -> None:
    ended = run(
        "evaluate", "lang-rw==0.1.0", "-l", "rw", "--language", "sw", "--level", "smoke", "--task", "udhr", "--suite",
        "mine.tsv", "--controls", "random, ridge", "--reference", "LaBSE", "--seeds", "0,1,2", "--output",
        str(tmp_path / "out"), "--quiet",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert asked == [
        EvaluateRequest(
            "lang-rw==0.1.0", ("rw", "sw"), "smoke", ("udhr",), (Path("mine.tsv"),), ("random", "ridge"), ("LaBSE",),
            (0, 1, 2), output=tmp_path / "out",
        )
    ]  # fmt: skip
    assert "udhr: R@1, raw" in ended.out and "Holm over everything" in ended.out
    assert f"Wrote report.json and report.html in {tmp_path}" in ended.out


@pytest.mark.parametrize(("text", "controls"), [("none", ()), (None, None)])
def test_controls(run: Run, asked: list[EvaluateRequest], text: str | None, controls: Any) -> None:
    run("evaluate", "lang-rw", "--quiet", *(["--controls", text] if text else []))
    assert asked[0].controls == controls


def test_all_controls(run: Run, asked: list[EvaluateRequest]) -> None:
    run("evaluate", "lang-rw", "--quiet", "--controls", "all")
    assert {"core", "random", "wrong-family", "lora", "full", "arithmetic"} <= set(asked[0].controls or ())


def test_json(run: Run, asked: list[EvaluateRequest]) -> None:
    ended = run("evaluate", "lang-rw", "--json", "--quiet")
    assert json.loads(ended.out)["tasks"][0]["gains"][0]["p_holm"] == 0.02


def test_the_gate_decides_the_exit_code(run: Run, asked: list[EvaluateRequest]) -> None:
    passed = run("evaluate", "lang-rw", "--gate", "--quiet")
    assert passed.code == 0 and "Gate passed (own gain): it [is] so." in passed.out
    failed = run("evaluate", "lang-rw", "--gate", "--quiet", "--level", "full")
    assert failed.code == 1 and "Gate failed (no gain): it [is] so." in failed.err
    assert run("evaluate", "lang-rw", "--quiet", "--level", "full").code == 0


def test_a_leak_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def evaluate(request: EvaluateRequest, events: Any) -> EvaluateOutcome:
        raise VerificationError("udhr cannot judge lang-rw.", "Take another suite.")

    monkeypatch.setattr(workflow, "evaluate", evaluate)
    ended = run("evaluate", "lang-rw", "--quiet")
    assert ended.code == 3 and "udhr cannot judge lang-rw" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--seeds", "a,b"], 2), (["--level", "huge"], 2), (["--task", "nonsense"], 4), ([], 4)],
)
def test_what_cannot_be(run: Run, arguments: list[str], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubkit.errors import NotFoundError

    def gone(*_: Any, **__: Any) -> Any:
        raise NotFoundError("No installed lang-rw can be used.", "Train one.")

    monkeypatch.setattr(workflow, "open_subject", gone)
    assert run("evaluate", "lang-rw", "--quiet", *arguments).code == code
