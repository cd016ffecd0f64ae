from __future__ import annotations

import itertools

import pytest

from hubkit.errors import NotFoundError
from hubkit.evaluation.plan import failure, limited, plan_of, stage_controls
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task import LEVELS
from hubkit.evaluation.task_result import TaskGain, TaskResult
from hubkit.evaluation.tasks.retrieval import Pool


def suite(n: int, language: str = "rw") -> ParallelSuite:
    texts, english = (tuple(f"{side} {number}" for number in range(n)) for side in ("t", "e"))
    return ParallelSuite("made", "made", "CC0-1.0", "prose", language, texts, english, tuple(map(str, range(n))))


def test_each_level_runs_what_the_ones_before_run_and_more() -> None:
    plans = [plan_of(level) for level in LEVELS]
    assert [plan.stages() for plan in plans] == [LEVELS[:1], LEVELS[:2], LEVELS]
    for smaller, larger in itertools.pairwise(plans):
        assert set(smaller.controls) < set(larger.controls)
        assert (smaller.items or 10**6) <= (larger.items or 10**6) and smaller.seeds <= larger.seeds
    assert plans[2].seeds == 3 and plans[2].items is None


def test_controls_are_made_by_the_stage_that_first_needs_them() -> None:
    plan = plan_of("full")
    stages = [stage_controls(stage, plan) for stage in plan.stages()]
    assert "random" in stages[0] and "wrong-family" in stages[1] and "full" in stages[2]
    assert sorted(name for names in stages for name in names) == sorted(plan.controls)
    named = plan_of("smoke", controls=["wrong-family"])
    assert named.controls == ("core", "wrong-family")
    assert stage_controls("smoke", named) == ["core", "wrong-family"]  # named ones at the plan's level at the latest


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(NotFoundError, match="no task nonsense"):
        plan_of("smoke", ["nonsense"])


def test_a_suite_is_limited_by_its_keys_the_same_in_every_language() -> None:
    few, other = limited(suite(500), 40), limited(suite(500, "sw"), 40)
    assert len(few) == 40 and few.keys == other.keys
    assert [text.split()[1] for text in few.texts] == list(few.keys) == [text.split()[1] for text in few.english]
    assert len(limited(Pool(suite(500)), 40).suite) == 40
    assert limited(suite(30), 40) == suite(30) and limited(suite(500), None) == suite(500)
    assert limited("something else", 3) == "something else"


def result(view: str, verdict: str, task: str = "udhr", main: bool = True, control: str = "core") -> TaskResult:
    gain = TaskGain(
        control=control, value=-0.2, ci95=(-0.3, -0.1), n=50, minimum_detectable=0.1, p=0.001, verdict=verdict
    )  # type: ignore[arg-type]
    return TaskResult(
        task=task, metric="R@1", view=view, language="rw", main=main, higher_is_better=True, n=50, values={},
        gains=[gain],
    )  # type: ignore[arg-type] # fmt: skip


def test_failure_is_a_loss_in_every_view() -> None:
    said = failure([result("raw", "loss"), result("centred", "loss")])
    assert said == "on udhr the adapter is worse than the core: R@1 -0.200 raw, -0.200 centred"
    assert failure([result("raw", "loss"), result("centred", "within noise")]) is None
    assert failure([result("raw", "gain"), result("raw", "loss", task="sts")]) is not None
    assert failure([result("raw", "loss", main=False)]) is None
    assert failure([result("raw", "loss", control="random")]) is None
    assert failure([]) is None
