from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hubkit.errors import HubkitError
from hubkit.evaluation.measure import Measure
from hubkit.evaluation.mining import nearest_neighbour_f1
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task import Tested as System
from hubkit.evaluation.tasks.bitext_mining import BitextMining, Pools, pools
from hubkit.languages import find

RW, SW = find("rw"), find("sw")


class Own:
    name = "mine"

    def __init__(self, n: int = 200, **changes: Any) -> None:
        texts, english = (tuple(f"{word} {number}" for number in range(n)) for word in ("umuntu", "person"))
        sides = {"texts": texts, "english": english, "keys": tuple(map(str, range(n))), **changes}
        self.suite = ParallelSuite("mine", "made up", "CC0-1.0", "prose", "rw", **sides)

    def load(self, language: Any) -> ParallelSuite | None:
        return self.suite if language.tag == "rw" else None

    @property
    def english_of(self) -> dict[str, str]:
        return dict(zip(self.suite.texts, self.suite.english, strict=True))


def measured(source: Own, system: System) -> dict[tuple[str, str], Measure]:
    task = BitextMining(source)
    return {(each.metric, each.view): each for each in task.measure(task.items(RW), system)}


def test_a_third_of_each_pool_has_no_counterpart() -> None:
    made = pools(Own(4000).suite)
    for side in (made.texts, made.english):
        assert len(side) == pytest.approx(3000, rel=0.03)
        assert len(made.pairs) / len(side) == pytest.approx(2 / 3, abs=0.03)
    assert len(made.first) == pytest.approx(2000, rel=0.05)
    assert len(made.pairs & made.first) == pytest.approx(1000, rel=0.08)


def test_the_keys_alone_decide() -> None:
    one = pools(Own(100).suite)
    other = pools(Own(100, texts=tuple(f"mtu {number}" for number in range(100))).suite)
    assert (one.texts, one.english, one.first) == (other.texts, other.english, other.first)


def test_repeated_sides_are_left_out_of_the_pools() -> None:
    texts, english = [f"t{n}" for n in range(100)], [f"e{n}" for n in range(100)]
    texts[1], english[3] = "T0", "E2 "
    made = pools(Own(100, texts=tuple(texts), english=tuple(english)).suite)
    assert not {1, 3} & {*made.texts, *made.english}


def test_a_perfect_encoder_finds_all_and_no_more(meanings: Callable[..., System]) -> None:
    source = Own()
    found = measured(source, meanings(source.english_of))
    assert [*found] == [("F1", "raw"), ("F1", "centred"), ("F1 (mteb)", "raw"), ("F1 (mteb)", "centred")]
    for measure in found.values():
        assert measure.value == pytest.approx(1, abs=0.01)
    facts = found["F1", "raw"].facts
    assert facts["precision"] == facts["recall"] == 1 and all(1 < value < 5 for value in facts["thresholds"])


def test_noise_costs(meanings: Callable[..., System]) -> None:
    source = Own()
    values = [measured(source, meanings(source.english_of, noise))["F1", "raw"].value for noise in (0, 1.2, 2.5)]
    assert values[0] > values[1] > values[2]


def test_rows_count_each_text(meanings: Callable[..., System]) -> None:
    source = Own()
    measure = measured(source, meanings(source.english_of, 1.5))["F1", "raw"]
    made = pools(source.suite)
    right, wrong, missed = measure.rows.T
    assert measure.keys == tuple(source.suite.keys[row] for row in made.texts)
    assert (right + wrong <= 1).all() and (right + missed == [row in made.pairs for row in made.texts]).all()
    assert 0 < wrong.sum() < len(measure)
    facts = measure.facts
    assert facts["precision"] == pytest.approx(right.sum() / (right + wrong).sum())
    assert facts["recall"] == pytest.approx(right.sum() / len(made.pairs))
    assert measure.value == pytest.approx(2 * right.sum() / (2 * right + wrong + missed).sum())


def test_no_text_is_judged_by_a_threshold_that_it_chose(meanings: Callable[..., System]) -> None:
    """The rest's vectors mean nothing; by its own threshold something of it would be accepted."""
    source = Own()
    made = pools(source.suite)
    english_of = {text: english if row in made.first else "?" + text
                  for row, (text, english) in enumerate(source.english_of.items())}  # fmt: skip
    measure = measured(source, meanings(english_of))["F1", "raw"]
    on_first, on_rest = measure.facts["thresholds"]
    assert on_rest < on_first
    accepted = {key for key, (right, wrong, _) in zip(measure.keys, measure.rows, strict=True) if right or wrong}
    assert accepted >= {str(row) for row in made.pairs & made.first}
    assert accepted <= {str(row) for row in made.first}


def test_f1_as_in_mteb_is_over_the_whole_suite(meanings: Callable[..., System]) -> None:
    source = Own()
    system = meanings(source.english_of, 1.5)
    measure = measured(source, system)["F1 (mteb)", "raw"]
    texts, english = system.encode(list(source.suite.texts)), system.english(list(source.suite.english))
    assert len(measure) == 200
    assert measure.value == pytest.approx(nearest_neighbour_f1(texts, english).mean())


def test_the_bootstrap_of_f1_works(meanings: Callable[..., System]) -> None:
    source = Own()
    measure = measured(source, meanings(source.english_of, 1.5))["F1", "raw"]
    drawn = np.random.default_rng(0).integers(len(measure), size=(500, len(measure)))
    scores = measure.aggregate(measure.rows[drawn])
    assert scores.shape == (500,) and scores.mean() == pytest.approx(measure.value, abs=0.02)
    assert 0.005 < scores.std() < 0.1


def test_a_collapsed_encoder(meanings: Callable[..., System]) -> None:
    def same(texts: list[str]) -> np.ndarray:
        return np.ones((len(texts), 4), dtype=np.float32)

    found = measured(Own(), System("x", "", same, same))
    assert all(measure.value < 0.05 for measure in found.values())


def test_vectors_that_are_not_finite(meanings: Callable[..., System]) -> None:
    good = meanings({})
    with pytest.raises(HubkitError, match="not finite"):
        measured(Own(), System("x", "", lambda texts: np.full((len(texts), 24), np.inf), good.english))


def test_too_little_is_no_task() -> None:
    assert BitextMining(Own(30)).items(RW) is None
    assert BitextMining(Own()).items(SW) is None
    task = BitextMining(Own())
    items = task.items(RW)
    assert isinstance(items, Pools) and len(task.texts(items)) == 400 and task.name == "mine-mining"
