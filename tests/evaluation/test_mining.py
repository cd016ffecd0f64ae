from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.evaluation.mining import NOTHING, best_threshold, candidates, margins, nearest_neighbour_f1
from hubkit.evaluation.retrieval import normalised

seeds = st.integers(0, 2**32 - 1)


def vectors(seed: int, n: int, width: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)


@given(seeds, st.integers(1, 12), st.integers(1, 12), st.integers(1, 5))
def test_margins_are_those_of_the_paper(seed: int, n: int, m: int, k: int) -> None:
    left, right = vectors(seed, n), vectors(seed + 1, m)
    found = margins(left, right, k)
    cosines = normalised(left) @ normalised(right).T
    for i in range(n):
        for j in range(m):
            nearest = sorted(cosines[i], reverse=True)[:k], sorted(cosines[:, j], reverse=True)[:k]
            usual = sum(np.mean(row) for row in nearest) / 2
            if abs(usual) > 1e-3:
                assert found[i, j] == pytest.approx(cosines[i, j] / usual, rel=1e-3, abs=1e-3)


@given(seeds, st.integers(1, 12), st.integers(1, 12))
def test_candidates_are_one_to_one_and_the_best_first(seed: int, n: int, m: int) -> None:
    scores = np.random.default_rng(seed).integers(0, 4, size=(n, m)).astype(np.float64)
    found = candidates(scores)
    assert len({each.text for each in found}) == len({each.english for each in found}) == len(found) > 0
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert found[0].score == scores.max()
    assert found == candidates(scores)


def test_a_text_whose_partner_has_a_better_one_takes_the_one_that_asks_for_it() -> None:
    """Text 1 and 0 both want sentence 0; sentence 1 wants text 1."""
    found = candidates(np.array([[0.9, 0.1], [0.8, 0.7]]))
    assert [(each.text, each.english) for each in found] == [(0, 0), (1, 1)]


@pytest.mark.parametrize(
    ("scores", "right", "gold", "threshold"),
    [
        ([3, 2, 1], [True, True, False], 2, 1.5),
        ([3, 2, 1], [True, False, False], 1, 2.5),
        ([1, 2, 3], [True, True, True], 3, 1.0),  # in any order
        ([2, 2, 1], [True, False, False], 1, 1.5),  # equal scores are accepted together
        ([3, 2], [False, False], 2, NOTHING),
        ([], [], 0, NOTHING),
    ],
)
def test_the_best_threshold(scores: list[float], right: list[bool], gold: int, threshold: float) -> None:
    assert best_threshold(scores, right, gold) == threshold


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=12), st.integers(0, 4))
def test_no_threshold_is_better(rows: list[tuple[int, bool]], missed: int) -> None:
    scores, right = [float(score) for score, _ in rows], [hit for _, hit in rows]
    gold = sum(right) + missed

    def f1(threshold: float) -> float:
        accepted = [hit for score, hit in zip(scores, right, strict=True) if score >= threshold]
        return 2 * sum(accepted) / max(1, len(accepted) + gold)

    assert f1(best_threshold(scores, right, gold)) == pytest.approx(max(map(f1, [*scores, NOTHING])))


@given(seeds, st.integers(1, 40))
def test_f1_of_nearest_neighbours_is_that_of_scikit_learn(seed: int, n: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    left, right = vectors(seed, n, 3), vectors(seed + 1, n, 3)
    found = (normalised(left) @ normalised(right).T).argmax(axis=1)
    theirs = metrics.f1_score(range(n), found, average="weighted", zero_division=0)
    assert nearest_neighbour_f1(left, right).mean() == pytest.approx(theirs, abs=1e-12)


def test_duplicates_are_told_apart_by_their_place() -> None:
    same = np.ones((3, 4), dtype=np.float32)
    assert nearest_neighbour_f1(same, same).tolist() == [0.5, 0, 0]
