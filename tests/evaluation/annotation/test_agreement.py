from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hubkit.evaluation.annotation import agreement as module
from hubkit.evaluation.annotation.agreement import agreement, weighted_kappa
from hubkit.evaluation.annotation.judgement import Judgement

Make = Callable[..., Judgement]
LABELS = ("different", "related", "same")


def annotator(judged: Make, name: str, grades: np.ndarray) -> list[Judgement]:
    return [judged(number, LABELS[grade], annotator=name) for number, grade in enumerate(grades)]


def test_it_is_the_kappa_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    for _ in range(5):
        first, second = rng.integers(0, 3, 40), rng.integers(0, 3, 40)
        table = np.bincount(3 * first + second, minlength=9).astype(float)
        theirs = metrics.cohen_kappa_score(first, second, weights="linear", labels=[0, 1, 2])
        assert weighted_kappa(table[None, :])[0] == pytest.approx(theirs)


def test_full_agreement_and_none(judged: Make) -> None:
    grades = np.array([0, 1, 2] * 10)
    same = agreement(annotator(judged, "Ann", grades), annotator(judged, "Ben", grades))
    assert same is not None and same.kappa == 1 and same.same_label == 1 and "almost perfect" in same.words
    assert same.ci95 is not None and 0.7 < same.ci95[0] < 0.99 and same.ci95[1] == 1
    rng = np.random.default_rng(0)
    chance = agreement(annotator(judged, "Ann", grades), annotator(judged, "Ben", rng.permutation(grades)))
    assert chance is not None and chance.kappa is not None and chance.ci95 is not None
    assert chance.ci95[0] < 0 < chance.ci95[1] or abs(chance.kappa) < 0.35


def test_a_near_miss_weighs_less_than_a_far_one(judged: Make) -> None:
    grades = np.array([0, 1, 2] * 10)
    near, far = grades.copy(), grades.copy()
    near[:3], far[:3] = [1, 2, 1], [2, 1, 0]  # three steps, and two leaps
    ann = annotator(judged, "Ann", grades)
    found = [agreement(ann, annotator(judged, "Ben", other)) for other in (near, far)]
    assert found[0].kappa > found[1].kappa - 0.2 and found[0].table[0][1] == 1  # type: ignore[union-attr, operator]


@pytest.mark.parametrize("noise", [0.05, 0.25, 0.7])
def test_the_interval_covers_the_truth(judged: Make, monkeypatch: pytest.MonkeyPatch, noise: float) -> None:
    """Two annotators who see a true grade through the same noise; the truth is what very many pairs give."""
    monkeypatch.setattr(module, "RESAMPLES", 400)

    def pairs(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, 3, n)
        sides = [np.where(rng.random(n) < noise, rng.integers(0, 3, n), truth) for _ in range(2)]
        return sides[0], sides[1]

    first, second = pairs(200_000, 1)
    truth = weighted_kappa(np.bincount(3 * first + second, minlength=9).astype(float)[None, :])[0]
    covered = 0
    for seed in range(100, 180):
        first, second = pairs(50, seed)
        found = agreement(annotator(judged, "Ann", first), annotator(judged, "Ben", second))
        assert found is not None and found.ci95 is not None
        covered += found.ci95[0] <= truth <= found.ci95[1]
    assert covered >= 0.85 * 80


def test_only_pairs_that_both_could_tell_count(judged: Make) -> None:
    ann = [judged(number, "same") for number in range(12)]
    ben = [judged(number, "unsure" if number < 5 else "same", annotator="Ben") for number in range(3, 15)]
    found = agreement(ann, ben)
    assert found is not None and found.n == 7 and found.kappa is None
    assert "fewer than 10 pairs" in found.words


def test_one_label_throughout_has_no_kappa(judged: Make) -> None:
    ann = [judged(number, "same") for number in range(20)]
    found = agreement(ann, [each.model_copy(update={"annotator": "Ben"}) for each in ann])
    assert found is not None and found.kappa is None and found.same_label == 1 and "not defined" in found.words


def test_nothing_in_common(judged: Make) -> None:
    assert agreement([judged(1)], [judged(2, annotator="Ben")]) is None
