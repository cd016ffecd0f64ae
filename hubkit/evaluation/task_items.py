"""Two systems on one task, item by item: the difference of its metrics, and the items that changed the most."""

from __future__ import annotations

from typing import Any

import numpy as np

from hubkit.evaluation.comparison import compare
from hubkit.evaluation.html_tasks import as_change
from hubkit.evaluation.measure import Measure, View, mean_of_items
from hubkit.evaluation.task import Task, Tested
from hubkit.evaluation.task_result import Strict, TaskGain
from hubkit.evaluation.words import change, number


class ItemChange(Strict):
    """An item of a task by its key, with its score under A and under B."""

    key: str
    before: float
    after: float


class TaskComparison(Strict):
    """One metric of a task under A and under B.

    Items are there where the metric is the mean of a score of each: the ones that changed the most first.
    """

    task: str
    metric: str
    view: View
    n: int
    before: float
    after: float
    gain: TaskGain
    improved: list[ItemChange]
    regressed: list[ItemChange]
    improved_in_all: int  # the lists may be cut
    regressed_in_all: int
    words: str


def compare_on_task(task: Task, items: Any, before: Tested, after: Tested, *, seed: int = 0) -> list[TaskComparison]:
    """Every metric of ``task`` that both systems have, the main one first."""
    first = {(one.metric, one.view): one for one in task.measure(items, before)}
    return [
        _compared(task.name, first[(one.metric, one.view)], one, seed)
        for one in task.measure(items, after)
        if (one.metric, one.view) in first
    ]


def _compared(task: str, before: Measure, after: Measure, seed: int) -> TaskComparison:
    gain = TaskGain.of("A", compare(after, {"A": before}, seed=seed)["A"])
    improved, regressed = _items(before, after)
    return TaskComparison(
        task=task,
        metric=after.metric,
        view=after.view,
        n=len(after),
        before=before.value,
        after=after.value,
        gain=gain,
        improved=improved,
        regressed=regressed,
        improved_in_all=len(improved),
        regressed_in_all=len(regressed),
        words=_words(task, before, after, gain),
    )


def _items(before: Measure, after: Measure) -> tuple[list[ItemChange], list[ItemChange]]:
    if after.aggregate is not mean_of_items:
        return [], []
    scores = {key: float(score) for key, score in zip(before.keys, before.rows[:, 0], strict=True)}
    every = [
        ItemChange(key=key, before=scores[key], after=float(score))
        for key, score in zip(after.keys, after.rows[:, 0], strict=True)
    ]
    sign = 1 if after.higher_is_better else -1
    gains = np.array([sign * (item.after - item.before) for item in every])
    order = np.argsort(-np.abs(gains), kind="stable")
    return [every[row] for row in order if gains[row] > 0], [every[row] for row in order if gains[row] < 0]


def _words(task: str, before: Measure, after: Measure, gain: TaskGain) -> str:
    verdict = {"gain": "better", "loss": "worse"}.get(gain.verdict, gain.verdict)
    direction = "" if after.higher_is_better else ", less is better"
    what = f"{after.metric} of {task} ({after.view}, {len(after)} items{direction})"
    moved = f"from {number(before.value, 3)} to {number(after.value, 3)}"
    return f"{what} goes {moved}; gain {change(as_change(gain))}: {verdict}."
