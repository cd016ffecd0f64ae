from __future__ import annotations

import numpy as np
import pytest

from hubkit.evaluation.task import Tested
from hubkit.evaluation.vectors import open_cache, remembered


class Encoder:
    def __init__(self, factor: float) -> None:
        self.factor, self.asked = factor, list[str]()

    def __call__(self, sentences: list[str]) -> np.ndarray:
        self.asked += sentences
        return np.array([[self.factor * len(text), 1.0] for text in sentences], np.float32)


@pytest.fixture
def cache():
    made = open_cache("sha256:" + "a" * 64)
    yield made
    made.close()


def test_both_sides_are_remembered_and_english_is_shared(cache) -> None:
    core, adapter, again = Encoder(1.0), Encoder(2.0), Encoder(2.0)
    first = remembered(Tested("adapter", "x", adapter, core), cache, ["amakuru", "meza"], "lang-rw")
    assert np.asarray(first.encode(["abc"]))[0, 0] == 6 and np.asarray(first.english(["abc"]))[0, 0] == 3
    second = remembered(Tested("other", "y", again, core), cache, ["amakuru", "meza"], "lang-rw")
    core.asked.clear()
    second.english(["abc"])
    second.encode(["abc"])
    assert "abc" not in core.asked and "abc" not in again.asked  # the same recipe with the same answers


def test_another_recipe_or_other_answers_are_another_system(cache) -> None:
    for factor, recipe in ((1.0, "lang-rw"), (1.0, "lang-sn"), (3.0, "lang-rw")):
        encode = Encoder(factor)
        kept = remembered(Tested("adapter", "x", encode, encode), cache, ["amakuru", "meza"], recipe)
        kept.encode(["abc"])
        assert "abc" in encode.asked


def test_a_system_that_is_never_asked_is_never_run(cache) -> None:
    encode = Encoder(1.0)
    remembered(Tested("adapter", "x", encode, encode), cache, ["amakuru", "meza"])
    assert encode.asked == []
