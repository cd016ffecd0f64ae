from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from hubkit.errors import HubkitError
from hubkit.evaluation.measure import Measure, View, mean_of_items
from hubkit.evaluation.run import Held, Run, corrected, part
from hubkit.evaluation.task import Tested
from hubkit.evaluation.task_result import TaskGain, TaskResult
from hubkit.languages import find

N = 60


class Scores:
    """A task whose systems score as their name says: two metrics, two views, half of the items short."""

    level = "standard"

    def __init__(self, name: str = "made", chances: dict[str, float] | None = None) -> None:
        self.name, self.asked = name, list[str]()
        self.chances = chances or {"core": 0.3, "adapter": 0.8, "random": 0.3}

    def items(self, language: Any) -> Any:
        return language.tag

    def texts(self, items: Any) -> Sequence[str]:
        return []

    def measure(self, items: Any, system: Tested) -> list[Measure]:
        self.asked.append(system.name)
        if system.name not in self.chances:
            return []
        chance = self.chances[system.name]
        if chance < 0:
            raise HubkitError("Vectors are not finite.", "Check the adapter.")
        rng = np.random.default_rng([len(system.description), *map(ord, items)])
        keys, half = tuple(map(str, range(N))), N // 2
        strata = {"length": ("short",) * half + ("long",) * half, "domain": ("prose",) * N}
        views: tuple[View, ...] = ("raw", "centred")
        return [
            Measure(metric, (rng.random((N, 1)) < chance).astype(float), mean_of_items, keys, view, strata=strata,
                    facts={"origin": "made"})
            for view in views for metric in ("accuracy", "other")
        ]  # fmt: skip


def system(name: str, description: str = "") -> Tested:
    def encode(texts: list[str]) -> np.ndarray:
        return np.zeros((len(texts), 2))

    return Tested(name, description or name, encode, encode)


SYSTEMS = [system("core"), system("adapter"), system("random")]
RW, SW = find("rw"), find("sw")


def run(task: Scores, *languages: Any, **more: Any) -> Run:
    made = Run(resamples=500, **more)
    for language in languages or (RW,):
        made.add(Held(task, language, language.tag), SYSTEMS)
    return made


def test_every_metric_of_every_system_with_the_adapter_s_gains() -> None:
    results = run(Scores()).results()
    assert [(result.metric, result.view, result.main) for result in results] == [
        ("accuracy", "raw", True), ("other", "raw", False), ("accuracy", "centred", True), ("other", "centred", False),
    ]  # fmt: skip
    first = results[0]
    assert (first.task, first.language, first.n, first.facts) == ("made", "rw", N, {"origin": "made"})
    assert set(first.values) == {"core", "adapter", "random"} and [gain.control for gain in first.gains] == [
        "core", "random",
    ]  # fmt: skip
    gain = first.gain("core")
    assert gain is not None and gain.verdict == "gain" and gain.p < 0.01
    assert gain.value == pytest.approx(first.values["adapter"] - first.values["core"])
    assert gain.minimum_detectable > 0.05


def test_strata_have_values_and_the_gain_where_there_are_several() -> None:
    strata = {(part.kind, part.label): part for part in run(Scores()).results()[0].strata}
    assert set(strata) == {("length", "short"), ("length", "long"), ("domain", "prose")}
    short = strata["length", "short"]
    assert short.n == 30 and set(short.values) == {"core", "adapter", "random"} and short.over_core is not None
    assert strata["domain", "prose"].over_core is None
    assert run(Scores()).results()[1].strata[0].over_core is None  # no main metric


def test_p_is_corrected_over_tasks_and_languages_for_each_control_and_view() -> None:
    made = run(Scores(), RW, SW)
    made.add(Held(Scores("second", {"core": 0.5, "adapter": 0.5}), RW, "rw"), SYSTEMS[:2])
    results = made.results()
    of = {(r.task, r.language, r.metric, r.view): r.gain("core") for r in results}
    strong = of["made", "rw", "accuracy", "raw"]
    assert strong is not None and strong.p_holm is not None and strong.p_holm >= 2 * strong.p
    assert of["made", "rw", "other", "raw"].p_holm is None  # type: ignore[union-attr]
    assert of["made", "mul", "accuracy", "raw"].p_holm is None  # type: ignore[union-attr]
    assert made.comparisons() == (
        "Holm 1979, for each control and view over 3 tasks in a language: the main metric of made, second in rw, sw"
    )


def test_the_mean_over_languages_is_a_result_of_its_own() -> None:
    results = run(Scores(), RW, SW).results()
    mean = next(result for result in results if result.language == "mul" and result.view == "raw")
    single = [r for r in results if r.metric == "accuracy" and r.view == "raw" and r.language != "mul"]
    assert mean.languages == ["rw", "sw"] and mean.n == 2 * N and mean.main
    assert mean.values["core"] == pytest.approx(np.mean([each.values["core"] for each in single]))


def test_a_system_that_was_measured_is_not_measured_again() -> None:
    task = Scores()
    made = run(task)
    made.add(Held(task, RW, "rw"), [*SYSTEMS, system("ridge")])
    assert task.asked == ["core", "adapter", "random", "ridge"]
    assert "ridge" not in made.results()[0].values  # it gave nothing


def test_a_task_that_fails_is_left_out_and_said() -> None:
    made = run(Scores("bad", {"core": 0.5, "adapter": -1}))
    made.add(Held(Scores(), RW, "rw"), SYSTEMS)
    assert made.skipped == {"bad": "rw: Vectors are not finite."}
    assert {result.task for result in made.results()} == {"made"}


def test_seeds_are_compared_with_the_core() -> None:
    made = Run(resamples=500, own_seed=7)
    others = {8: system("adapter", "seed eight"), 9: system("adapter", "the ninth seed")}
    made.add(Held(Scores(), RW, "rw"), SYSTEMS, others)
    spread = made.results()[0].seeds
    assert spread is not None and spread.seeds == [7, 8, 9] and spread.ci95 is not None and spread.verdict == "gain"
    assert made.results()[1].seeds is None
    two = Run(resamples=500)
    two.add(Held(Scores(), RW, "rw"), SYSTEMS, {8: others[8]})
    few = two.results()[0].seeds
    assert few is not None and few.ci95 is None and "cannot be estimated" in few.note


def test_without_an_adapter_there_are_values_only() -> None:
    made = Run()
    made.add(Held(Scores(), RW, "rw"), SYSTEMS[:1])
    assert made.results()[0].gains == [] and made.results()[0].values.keys() == {"core"}


def test_a_part_of_a_measure() -> None:
    measure = Measure("m", np.arange(4.0)[:, None], mean_of_items, ("a", "b", "c", "d"))
    found = part(measure, {"b", "d"})
    assert found.keys == ("b", "d") and found.value == 2


def test_corrected_leaves_other_controls_and_views_alone() -> None:
    def result(task: str, p: float, view: View = "raw") -> TaskResult:
        gain = TaskGain(control="core", value=0.1, ci95=(0, 0.2), n=50, minimum_detectable=0.1, p=p, verdict="gain")
        return TaskResult(
            task=task, metric="m", view=view, language="rw", main=True, higher_is_better=True, n=50, values={},
            gains=[gain],
        )  # fmt: skip

    found = corrected([result("a", 0.01), result("b", 0.03), result("a", 0.04, "centred")])
    assert [each.gains[0].p_holm for each in found] == pytest.approx([0.02, 0.03, 0.04])
