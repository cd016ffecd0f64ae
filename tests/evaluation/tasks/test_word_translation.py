from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hubkit.errors import HubkitError
from hubkit.evaluation.lexicon import Lexicon
from hubkit.evaluation.measure import Measure
from hubkit.evaluation.task import Tested as System
from hubkit.evaluation.tasks.word_translation import WordTranslation, mean_of_directions
from hubkit.languages import find

SW = find("sw")
PAIRS = tuple((f"neno{number}", f"word{number}") for number in range(30))


class Own:
    name, level = "mine", "standard"

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs = pairs or PAIRS

    def load(self, language: Any) -> Lexicon | None:
        return Lexicon("mine", "made up", "CC0-1.0", "sw", self.pairs) if language.tag == "sw" else None


def measured(source: Own, system: System) -> dict[tuple[str, str], Measure]:
    task = WordTranslation(source)
    return {(each.metric, each.view): each for each in task.measure(task.items(SW), system)}


def test_one_answer_each(meanings: Callable[..., System]) -> None:
    found = measured(Own(), meanings(dict(PAIRS)))
    assert [*found] == [(name, view) for view in ("raw", "centred") for name in ("P@1", "P@1 forward", "P@1 backward")]
    assert all(measure.value == 1 for measure in found.values())
    assert found["P@1", "raw"].keys[0] == "sw:neno0" and found["P@1", "raw"].keys[-1] == "en:word29"


def test_any_of_several_answers_is_right(meanings: Callable[..., System]) -> None:
    """``neno0`` means word0 and word1, of which it is near word1; word0 alone has nobody near it."""
    pairs = (*PAIRS, ("neno0", "word1"))
    found = measured(Own(*pairs), meanings({**dict(PAIRS), "neno0": "word1"}))
    assert found["P@1 forward", "raw"].rows[0] == 1
    assert found["P@1 backward", "raw"].rows[1] == 1
    assert found["P@1 backward", "raw"].rows[0] == 0
    lonely = measured(Own(), meanings({**dict(PAIRS), "neno0": "word1"}))
    assert lonely["P@1 forward", "raw"].rows[0] == 0


def test_the_mean_is_that_of_the_directions(meanings: Callable[..., System]) -> None:
    pairs = (*PAIRS, *((f"neno{number}", f"other{number}") for number in range(12)))
    found = measured(Own(*pairs), meanings(dict(PAIRS), 1.5))
    forward, backward = (found[f"P@1 {way}", "raw"] for way in ("forward", "backward"))
    assert (len(forward), len(backward)) == (30, 42) and 0.2 < backward.value < forward.value <= 1
    assert found["P@1", "raw"].value == pytest.approx((forward.value + backward.value) / 2)
    assert found["P@1", "raw"].facts["translations of a word"] == 1.4


def test_rows_can_be_drawn(meanings: Callable[..., System]) -> None:
    measure = measured(Own(), meanings(dict(PAIRS), 1.5))["P@1", "raw"]
    drawn = np.random.default_rng(0).integers(len(measure), size=(300, len(measure)))
    assert measure.aggregate(measure.rows[drawn]).mean() == pytest.approx(measure.value, abs=0.02)
    assert mean_of_directions(measure.rows[:30]) == pytest.approx(measure.rows[:30, 0].mean() / 2)


def test_ties_are_lost(meanings: Callable[..., System]) -> None:
    def same(texts: list[str]) -> np.ndarray:
        return np.ones((len(texts), 4), dtype=np.float32)

    assert measured(Own(), System("x", "", same, same))["P@1", "raw"].value == 0


def test_vectors_that_are_not_finite(meanings: Callable[..., System]) -> None:
    with pytest.raises(HubkitError, match="not finite"):
        measured(Own(), System("x", "", lambda texts: np.full((len(texts), 24), np.nan), meanings({}).english))


def test_too_few_words_are_no_task() -> None:
    assert WordTranslation(Own(*PAIRS[:19])).items(SW) is None
    assert WordTranslation(Own()).items(find("rw")) is None
    task = WordTranslation(Own())
    assert list(task.texts(task.items(SW)))[:2] == ["neno0", "neno1"] and len(task.texts(task.items(SW))) == 60


@pytest.mark.parametrize("pairs", [(("a", "b"), ("a", "b")), (("a", ""),)])
def test_a_bad_list_is_refused(pairs: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(HubkitError, match="twice or half"):
        Lexicon("mine", "made up", "CC0-1.0", "sw", pairs)
