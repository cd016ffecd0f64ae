"""A plugin's task that fails, wherever it does: named and left out, and the others are measured."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hubkit.errors import HubkitError
from hubkit.evaluation.measure import Measure, mean_of_items
from hubkit.evaluation.plan import held_by, plan_of
from hubkit.evaluation.run import Held, Run
from hubkit.evaluation.task import LEVELS, Tested
from hubkit.languages import find
from hubkit.testing import registering
from hubkit.workflows import evaluate
from hubkit.workflows.events import Silent

RW = find("rw")
SYSTEMS = [Tested(name, name, np.asarray, np.asarray) for name in ("core", "adapter")]  # type: ignore[arg-type]
KEYS = tuple(map(str, range(30)))


class Good:
    name, level = "good", "smoke"

    def items(self, language: Any) -> Any:
        return language.tag

    def texts(self, items: Any) -> Sequence[str]:
        return ["a sentence"]

    def measure(self, items: Any, system: Tested) -> list[Measure]:
        return [Measure("accuracy", np.ones((len(KEYS), 1)), mean_of_items, KEYS)]


def bad(**parts: Any) -> type:
    return type("Bad", (Good,), {"name": "bad", **parts})


def raising(error: BaseException) -> Any:
    def fails(self: Any, *arguments: Any) -> Any:
        raise error

    return fails


class Odd(BaseException):
    """Neither an error nor an exit."""


ERRORS = [ValueError("boom"), SystemExit(3), Odd("boom"), ImportError("boom")]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("where", ["__init__", "items"])
def test_one_that_cannot_be_asked_names_the_plugin(where: str, error: BaseException) -> None:
    said = f"'bad' of plugin the test .* fails: {type(error).__name__}"
    with registering("tasks", "bad", bad(**{where: raising(error)})), pytest.raises(HubkitError, match=said):
        held_by("bad", plan_of("smoke"), RW, asked=False)


@pytest.mark.parametrize(
    "measure",
    [*map(raising, ERRORS), lambda self, items, system: None, lambda self, items, system: [("accuracy", 1.0)]],
)
def test_one_that_cannot_measure_is_skipped_and_the_others_are_measured(measure: Any) -> None:
    run = Run()
    with registering("tasks", "bad", bad(measure=measure)):
        for task in (bad(measure=measure)(), Good()):
            run.add(Held(task, RW, "rw"), SYSTEMS)
        assert run.skipped["bad"].startswith("rw: 'bad' of plugin the test (")
        assert {result.task for result in run.results()} == {"good"}


def prepared(*tasks: Any, asked: tuple[str, ...] = ()) -> Any:
    held: dict[Any, list[Held]] = {level: [] for level in LEVELS}
    held["smoke"] = [Held(task, RW, "rw") for task in tasks]
    request = SimpleNamespace(tasks=asked)
    return SimpleNamespace(
        plan=plan_of("smoke"), held=held, own=[], skipped={}, request=request,
        upto=lambda level: [one for found in held.values() for one in found],
    )  # fmt: skip


@pytest.mark.parametrize("texts", [*map(raising, ERRORS), lambda self, items: None, lambda self, items: [3]])
def test_one_that_cannot_tell_its_texts_is_left_out(texts: Any) -> None:
    """What is not known cannot be compared with the training text, so nothing is measured on it."""
    task = bad(texts=texts)
    with registering("tasks", "bad", task):
        made = prepared(task(), Good())
        assert evaluate._texts(made, (), Silent()) == {"good": ["a sentence"]}
        assert [one.task.name for one in made.held["smoke"]] == ["good"]
        assert "'bad' of plugin the test" in made.skipped["bad"]
        with pytest.raises(HubkitError, match="'bad' of plugin the test"):
            evaluate._texts(prepared(task(), asked=("bad",)), ("bad",), Silent())


def test_one_that_has_nothing_in_another_language_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    made = prepared(Good())
    made.skipped["good"] = "nothing in Swahili (sw)"
    assert evaluate._texts(made, (), Silent()) == {"good": ["a sentence"]}
    assert [one.task.name for one in made.held["smoke"]] == ["good"]
