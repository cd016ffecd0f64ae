from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hubkit.errors import HubkitError
from hubkit.evaluation.measure import Measure
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task import Tested as System
from hubkit.evaluation.tasks.drift import OWN, Drift
from hubkit.languages import find

RW = find("rw")


class Everywhere:
    """Ten sentences in every language but Finnish."""

    name = "mine"

    def __init__(self, *absent: str) -> None:
        self.absent = ("fi", *absent)

    def load(self, language: Any) -> ParallelSuite | None:
        if language.tag in self.absent:
            return None
        sides = [tuple(f"{word} {number}" for number in range(10)) for word in (language.tag, "en")]
        return ParallelSuite(
            "mine", "made up", "CC0-1.0", "prose", language.tag, sides[0], sides[1], tuple(map(str, range(10)))
        )


def measured(system: System, suite: Everywhere | None = None) -> dict[tuple[str, str], Measure]:
    task = Drift(suite or Everywhere())
    return {(each.metric, each.view): each for each in task.measure(task.items(RW), system)}


def test_the_core_does_not_move(meanings: Callable[..., System]) -> None:
    core = meanings({}).english
    found = measured(System("core", "", core, core))
    assert [*found] == [(f"cosine, {group}", view) for view in ("raw", "centred")
                        for group in ("unrelated languages", "English")]  # fmt: skip
    assert all(measure.value == pytest.approx(1, abs=1e-6) for measure in found.values())
    assert found["cosine, English", "raw"].facts[OWN] == pytest.approx(1, abs=1e-6)


def test_what_moves_is_told_apart(meanings: Callable[..., System]) -> None:
    """An adapter that moves German and its own language, and nothing else."""
    core = meanings({}).english

    def encode(texts: list[str]) -> np.ndarray:
        turned = [text.startswith(("de", "rw")) for text in texts]
        return np.where(np.array(turned)[:, None], -core(texts), core(texts))

    found = measured(System("adapter", "", encode, core))
    assert found["cosine, English", "raw"].value == pytest.approx(1)
    measure = found["cosine, unrelated languages", "raw"]
    languages = measure.strata["language"]
    assert set(languages) == {"fr", "hi", "ar", "tr", "de"} and len(measure) == 50
    assert {tag: measure.rows[[tag == each for each in languages]].mean() for tag in set(languages)} == pytest.approx(
        {"fr": 1, "hi": 1, "ar": 1, "tr": 1, "de": -1}, abs=1e-6
    )
    assert measure.facts[OWN] == pytest.approx(-1, abs=1e-6)
    assert len(set(measure.keys)) == 50


def test_an_offset_is_no_drift_once_it_is_centred(meanings: Callable[..., System]) -> None:
    core = meanings({}).english

    def encode(texts: list[str]) -> np.ndarray:
        return core(texts) + 1e-3 * np.arange(24)

    found = measured(System("adapter", "", encode, core))
    assert found["cosine, English", "raw"].value < 0.9999
    assert found["cosine, English", "centred"].value > found["cosine, English", "raw"].value


def test_without_own_text(meanings: Callable[..., System]) -> None:
    system = meanings({})
    found = measured(System("core", "", system.english, system.english), Everywhere("rw"))
    assert found["cosine, English", "raw"].facts == {}


def test_texts_and_absence() -> None:
    task = Drift(Everywhere())
    items = task.items(RW)
    assert items is not None and len(task.texts(items)) == 70  # six languages and English

    class Nowhere:
        name = "none"

        def load(self, language: Any) -> None: ...

    assert Drift(Nowhere()).items(RW) is None


def test_vectors_that_are_not_finite(meanings: Callable[..., System]) -> None:
    core = meanings({}).english
    with pytest.raises(HubkitError, match="not finite"):
        measured(System("x", "", lambda texts: core(texts) * np.nan, core))


def test_a_language_of_no_known_family_has_no_unrelated_ones() -> None:
    from hubkit.testing.sources import NOWHERE

    assert Drift(Everywhere()).items(NOWHERE) is None
