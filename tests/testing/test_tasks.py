"""The check of tasks: it passes what evaluation can use, and says what is wrong with the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hubkit.errors import HubkitError
from hubkit.evaluation.measure import Measure, mean_of_items
from hubkit.testing import ConformanceError, check_task, offline

TEXTS = ("Habari ya asubuhi", "Hujambo", "Asante sana")


class Length:
    """How far a sentence's vector reaches to the right."""

    name = "length"
    level = "smoke"

    def items(self, language: Any) -> tuple[str, ...] | None:
        return TEXTS if language.tag == "sw" else None

    def texts(self, items: Sequence[str]) -> Sequence[str]:
        return items

    def measure(self, items: Sequence[str], system: Any) -> list[Measure]:
        vectors = np.asarray(system.encode(list(items)))
        if not np.isfinite(vectors).all():
            raise HubkitError("Vectors are not finite.")
        rows = vectors[:, :1].astype(np.float64)
        return [Measure("right", rows, mean_of_items, tuple(items), strata={"side": ("a",) * len(items)})]


def changed(**changes: Any) -> type[Length]:
    return type("Changed", (Length,), changes)


def measuring(**changes: Any) -> type[Length]:
    """The task with its measure changed."""

    def measure(self: Length, items: Sequence[str], system: Any) -> list[Measure]:
        return [replace(each, **changes) for each in Length.measure(self, items, system)]

    return changed(measure=measure)


def test_a_good_task() -> None:
    check_task(Length, "sw")


def test_a_task_that_gives_no_measure_to_others() -> None:
    def measure(self: Length, items: Sequence[str], system: Any) -> list[Measure]:
        return Length.measure(self, items, system) if system.encoder else []

    check_task(changed(measure=measure), "sw")


def first_column_of_first_item(rows: np.ndarray) -> np.ndarray:
    return rows[..., 0, 0]


def not_over_leading_axes(rows: np.ndarray) -> Any:
    return rows.mean()


def once(self: Length, items: Sequence[str], system: Any, count: list[int] = [0]) -> list[Measure]:  # noqa: B006
    count[0] += 1
    return [replace(each, keys=tuple(f"{key}{count[0]}" for key in each.keys)) for each in
            Length.measure(self, items, system)]  # fmt: skip


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (changed(level="huge"), "level is one of smoke, standard, full"),
        (changed(name=""), "name must be a non-empty string"),
        (changed(items=lambda self, language: TEXTS), "does not have items"),
        (changed(items=lambda self, language: None), "it has no items; name a language"),
        (changed(texts=lambda self, items: []), r"texts\(\) is empty"),
        (changed(texts=lambda self, items: "one"), "must be a sequence"),
        (changed(measure=lambda self, items, system: []), "gets no measure"),
        (changed(measure=lambda self, items, system: [0.5]), "must give Measures"),
        (measuring(keys=("a", "a", "b")), "a key is there twice"),
        (measuring(view="other"), "the view is raw or centred"),
        (measuring(strata={"side": ("a",)}), "'side' are 1 for 3 items"),
        (measuring(facts={"x": {1, 2}}), "no JSON values"),
        (measuring(aggregate=not_over_leading_axes), r"aggregate\(\) must take rows"),
        (measuring(aggregate=first_column_of_first_item), "the order of the items"),
        (changed(measure=once), "measuring the same system again"),
    ],
)
def test_what_is_wrong_is_said(task: Any, why: str) -> None:
    with pytest.raises(ConformanceError, match=why):
        check_task(task, "sw")


def test_a_metric_that_is_there_twice() -> None:
    twice = changed(measure=lambda self, items, system: 2 * Length.measure(self, items, system))
    with pytest.raises(ConformanceError, match="there twice"):
        check_task(twice, "sw")


def test_an_error_that_is_no_hubkit_error() -> None:
    def measure(self: Length, items: Sequence[str], system: Any) -> list[Measure]:
        if system.encoder is None:
            raise ZeroDivisionError("oh")
        return Length.measure(self, items, system)

    with pytest.raises(ConformanceError, match="must raise a HubkitError, not ZeroDivisionError"):
        check_task(changed(measure=measure), "sw")


def test_a_task_that_needs_the_network() -> None:
    def items(self: Length, language: Any) -> tuple[str, ...] | None:
        import socket

        socket.getaddrinfo("localhost", 80)
        return Length.items(self, language)

    with pytest.raises(ConformanceError, match="the network away, fails"):
        check_task(changed(items=items), "sw")
    with offline():
        check_task(Length, "sw")


def test_no_task_and_no_language() -> None:
    with pytest.raises(ConformanceError, match="name at least one language"):
        check_task(Length)
    with pytest.raises(ConformanceError, match="must have name, level, items"):
        check_task(object, "sw")  # type: ignore[arg-type]


def test_other_texts_the_second_time() -> None:
    made: list[Length] = []

    def texts(self: Length, items: Sequence[str]) -> Sequence[str]:
        made.append(self)
        return items if self is made[0] else items[1:]

    with pytest.raises(ConformanceError, match="gives other texts"):
        check_task(changed(texts=texts), "sw")
