from __future__ import annotations

import numpy as np
import pytest

from hubkit.evaluation import neighbours
from hubkit.evaluation.neighbours import nearest_wrong, true_cosines
from hubkit.evaluation.retrieval import retrieve

TEXTS = ["a", "b", "c", "d"]
ENGLISH = ["A", "B", "C", "D"]


@pytest.fixture
def vectors() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(4, 8)), rng.normal(size=(4, 8))


def test_the_nearest_that_is_not_the_own(vectors: tuple[np.ndarray, np.ndarray]) -> None:
    left, right = vectors
    found = nearest_wrong(left, right, TEXTS, ENGLISH)
    unit = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in vectors]
    scores = unit[0] @ unit[1].T
    np.fill_diagonal(scores, -np.inf)
    np.testing.assert_array_equal(found.rows, scores.argmax(axis=1))
    np.testing.assert_allclose(found.cosines, scores.max(axis=1), atol=1e-6)
    np.testing.assert_allclose(true_cosines(left, right), (unit[0] * unit[1]).sum(axis=1), atol=1e-6)


def test_it_beats_the_right_one_exactly_where_retrieval_fails(vectors: tuple[np.ndarray, np.ndarray]) -> None:
    left, right = vectors
    ranks = retrieve(left, right, texts=TEXTS, english=ENGLISH).forward_ranks
    found = nearest_wrong(left, right, TEXTS, ENGLISH)
    np.testing.assert_array_equal(ranks > 1, found.cosines >= true_cosines(left, right))


def test_equal_sentences_are_no_wrong_ones() -> None:
    left = np.eye(3)
    right = np.array([[1, 0, 0], [1, 0, 0], [0.5, 0.5, 0.7]])
    assert nearest_wrong(left, right, ["a", "b", "c"], ["Yes", " yes", "no"]).rows[0] == 2
    assert nearest_wrong(left, right, ["a", "b", "c"], ["Yes", "no", "maybe"]).rows[0] == 1


def test_where_all_are_right_there_is_none() -> None:
    found = nearest_wrong(np.eye(2), np.eye(2), ["a", "A"], ["b", "c"])
    assert list(found.rows) == [-1, -1] and list(found.cosines) == [-1, -1]


def test_in_parts_it_is_the_same(vectors: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = nearest_wrong(*vectors, TEXTS, ENGLISH)
    monkeypatch.setattr(neighbours, "_CHUNK_SCORES", 4)
    parts = nearest_wrong(*vectors, TEXTS, ENGLISH)
    np.testing.assert_array_equal(whole.rows, parts.rows)
