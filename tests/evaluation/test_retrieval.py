from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkit.errors import HubkitError
from hubkit.evaluation import retrieval
from hubkit.evaluation.retrieval import centred, retrieve

seeds = st.integers(0, 2**32 - 1)


def vectors(seed: int, n: int, width: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)


@given(seeds, st.integers(1, 40))
def test_identical_vectors_are_always_found(seed: int, n: int) -> None:
    found = retrieve(vectors(seed, n), vectors(seed, n))
    assert found.forward == found.backward == found.recall == found.mrr == 1.0


@given(seeds, st.integers(2, 40))
def test_permuting_items_changes_nothing(seed: int, n: int) -> None:
    source, target = vectors(seed, n), vectors(seed + 1, n)
    order = np.random.default_rng(seed).permutation(n)
    before, after = retrieve(source, target), retrieve(source[order], target[order])
    assert (before.forward_ranks[order] == after.forward_ranks).all()
    assert (before.backward_ranks[order] == after.backward_ranks).all()


@given(seeds, st.integers(2, 30))
def test_swapping_sides_swaps_directions(seed: int, n: int) -> None:
    source, target = vectors(seed, n), vectors(seed + 1, n)
    one, other = retrieve(source, target), retrieve(target, source)
    assert (one.forward_ranks == other.backward_ranks).all()
    assert one.recall == other.recall


@given(seeds, st.floats(0.1, 10))
def test_length_of_vectors_does_not_matter(seed: int, factor: float) -> None:
    source, target = vectors(seed, 20), vectors(seed + 1, 20)
    assert retrieve(source, target).recall == pytest.approx(
        retrieve(source * np.float32(factor), target).recall, abs=0.05
    )


def test_random_vectors_find_one_in_n() -> None:
    n, runs = 50, 60
    recalls = [retrieve(vectors(run, n), vectors(1000 + run, n)).recall for run in range(runs)]
    assert np.mean(recalls) == pytest.approx(1 / n, abs=0.008)


def test_known_ranks() -> None:
    source = np.eye(3, dtype=np.float32)
    target = np.array([[0, 1, 0], [1, 0.5, 0], [0, 0, 1]], dtype=np.float32)
    found = retrieve(source, target)
    assert found.forward_ranks.tolist() == [3, 2, 1]
    assert found.backward_ranks.tolist() == [3, 2, 1]
    assert found.item_recall.tolist() == [0, 0, 1]
    assert found.mrr == pytest.approx((1 / 3 + 1 / 2 + 1) / 3)


def test_item_recall_is_the_mean_of_its_directions() -> None:
    source = np.array([[1, 0], [0.6, 0.8]], dtype=np.float32)
    target = np.array([[1, 0], [0.9, 0.1]], dtype=np.float32)
    found = retrieve(source, target)
    assert found.forward_hits.tolist() == [True, True]
    assert found.backward_hits.tolist() == [True, False]
    assert found.item_recall.tolist() == [1.0, 0.5]


def test_collapsed_encoder_finds_nothing() -> None:
    same = np.ones((10, 4), dtype=np.float32)
    assert retrieve(same, same).recall == 0


def test_equal_english_sentences_are_both_correct() -> None:
    target = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    source = np.array([[1, 0], [1, 0.1], [0, 1]], dtype=np.float32)
    assert retrieve(source, target).forward_hits.tolist() == [False, False, True]
    known = retrieve(source, target, english=["Yes.", " yes. ", "No."])
    assert known.forward_hits.all() and known.backward_hits.all()


def test_equal_texts_share_their_translations() -> None:
    source = np.array([[1, 0], [1, 0]], dtype=np.float32)
    target = np.array([[1, 0], [0, 1]], dtype=np.float32)
    assert retrieve(source, target, texts=["Yego", "Yego"]).recall == 1


@settings(max_examples=20)
@given(seeds)
def test_chunks_do_not_change_ranks(seed: int) -> None:
    source, target = vectors(seed, 33), vectors(seed + 1, 33)
    whole, before = retrieve(source, target), retrieval._CHUNK_SCORES
    retrieval._CHUNK_SCORES = 70
    try:
        parts = retrieve(source, target)
    finally:
        retrieval._CHUNK_SCORES = before
    assert (whole.forward_ranks == parts.forward_ranks).all()


def test_centring_removes_a_common_offset() -> None:
    meanings, offset = vectors(0, 60), 30 * vectors(1, 1)
    noisy = meanings + vectors(2, 60) * 0.3
    assert retrieve(noisy + offset, meanings).recall < 0.5
    assert retrieve(centred(noisy + offset), centred(meanings)).recall > 0.85


def test_centred_vectors_are_unit_and_finite_even_alone() -> None:
    assert np.isfinite(centred(vectors(0, 1))).all()
    assert np.linalg.norm(centred(vectors(0, 9)), axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("broken", [np.full((3, 4), np.nan), np.ones(3), np.full((3, 4), np.inf)])
def test_broken_vectors_are_refused(broken: np.ndarray) -> None:
    with pytest.raises(HubkitError, match="not finite"):
        retrieve(broken, np.ones((3, 4)))


def test_unequal_sides_are_refused() -> None:
    with pytest.raises(HubkitError, match="shapes"):
        retrieve(np.ones((3, 4)), np.ones((2, 4)))
    with pytest.raises(HubkitError, match="2 sentences for 3"):
        retrieve(np.ones((3, 4)), np.ones((3, 4)), english=["a", "b"])


@given(seeds, st.integers(2, 20), st.integers(1, 20))
def test_distractors_are_wrong_candidates(seed: int, n: int, m: int) -> None:
    source, target, further = vectors(seed, n), vectors(seed + 1, n), vectors(seed + 2, m)
    without, with_them = retrieve(source, target), retrieve(source, target, distractors=further)
    higher = (retrieval.normalised(source) @ retrieval.normalised(further).T) >= np.sum(
        retrieval.normalised(source) * retrieval.normalised(target), axis=1, keepdims=True
    )
    assert (with_them.forward_ranks == without.forward_ranks + higher.sum(axis=1)).all()
    assert (with_them.backward_ranks == without.backward_ranks).all()


def test_a_distractor_that_ties_is_ranked_before_the_answer() -> None:
    one = np.eye(2, dtype=np.float32)
    assert retrieve(one, one, distractors=one[:1]).forward_ranks.tolist() == [2, 1]


def test_a_mean_of_other_vectors() -> None:
    array, others = vectors(0, 5), vectors(1, 7)
    mean = retrieval.normalised(others).mean(axis=0)
    assert np.allclose(centred(array, of=others), retrieval.normalised(retrieval.normalised(array) - mean), atol=1e-6)
    assert np.allclose(centred(array, of=array), centred(array))
