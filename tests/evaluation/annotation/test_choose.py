from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hubkit.errors import UsageError
from hubkit.evaluation.annotation.choose import Encoded, best_cut, candidates, choose, same_pairs
from hubkit.evaluation.annotation.judgement import Judgement, digest
from hubkit.evaluation.suite import ParallelSuite


def test_candidates_are_all_true_pairs_and_the_nearest_wrong_ones(encoded: Encoded) -> None:
    found = candidates(encoded)
    kinds = Counter(found.kinds)
    assert kinds["true"] == 60 and 30 < kinds["wrong"] <= 120
    for kind, text, english in zip(found.kinds, found.texts, found.english, strict=True):
        assert (kind == "true") == (text == english)
    left, right = encoded.raw
    scores = left @ right.T
    np.testing.assert_allclose(found.raw, scores[found.texts, found.english], atol=1e-4)
    np.fill_diagonal(scores, -np.inf)
    wrong = {(a, b) for kind, a, b in zip(found.kinds, found.texts, found.english, strict=True) if kind == "wrong"}
    assert all((row, int(best)) in wrong for row, best in enumerate(scores.argmax(axis=1)))
    assert all((int(best), row) in wrong for row, best in enumerate(scores.argmax(axis=0)))


def test_half_are_true_and_most_are_near_the_decision(encoded: Encoded) -> None:
    found = candidates(encoded)
    pairs = choose(found, 40)
    assert Counter(pair.kind for pair in pairs) == {"true": 20, "wrong": 20}
    assert Counter(pair.stratum for pair in pairs) == {"true near": 13, "true far": 7, "wrong near": 13, "wrong far": 7}
    true = np.array([kind == "true" for kind in found.kinds])
    cut = best_cut(found.raw[true], found.raw[~true])
    for kind in ("true", "wrong"):
        near, far = (
            [abs(pair.cosine - cut) for pair in pairs if pair.stratum == f"{kind} {where}"] for where in ("near", "far")
        )
        assert max(near) <= min(far)


def test_weights_stand_for_all_pairs(encoded: Encoded) -> None:
    found = candidates(encoded)
    pairs = choose(found, 40)
    for kind in ("true", "wrong"):
        represented = sum(pair.weight for pair in pairs if pair.kind == kind)
        assert represented == pytest.approx(sum(own == kind for own in found.kinds), abs=0.01)


def test_a_seed_decides_and_the_order_tells_nothing(encoded: Encoded) -> None:
    found = candidates(encoded)
    assert choose(found, 40, seed=3) == choose(found, 40, seed=3)
    assert choose(found, 40, seed=3) != choose(found, 40, seed=4)
    kinds = [pair.kind for pair in choose(found, 40)]
    assert "true" in kinds[:10] and "wrong" in kinds[:10]
    assert len({pair.id for pair in choose(found, 100)}) == 100


@pytest.mark.parametrize("count", [19, 101, 0, -1])
def test_too_few_and_too_many(encoded: Encoded, count: int) -> None:
    with pytest.raises(UsageError, match="20 to 100"):
        choose(candidates(encoded), count)


def test_a_small_suite_gives_what_it_has() -> None:
    suite = ParallelSuite("s", "o", "l", "prose", "rw", tuple("abcde"), tuple("ABCDE"), tuple("12345"))
    rng = np.random.default_rng(1)
    found = candidates(Encoded.of(suite, rng.normal(size=(5, 4)), rng.normal(size=(5, 4))))
    pairs = choose(found, 20)
    assert len(pairs) == len(found.kinds) < 20
    assert all(pair.weight == 1 for pair in pairs)


def test_equal_sentences_are_asked_for_once() -> None:
    suite = ParallelSuite("s", "o", "l", "prose", "rw", ("a", "A ", "b"), ("X", "x", "Y"), tuple("123"))
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(3, 4))
    found = candidates(Encoded.of(suite, vectors, vectors))
    assert Counter(found.kinds)["true"] == 2


def test_the_best_cut() -> None:
    above, below = np.array([0.8, 0.9, 0.7]), np.array([0.1, 0.2, 0.3])
    assert best_cut(above, below) == pytest.approx(0.5)
    assert 0.3 < best_cut(np.array([0.2, 0.8, 0.9]), below) < 0.8  # one of three is lost either way
    assert best_cut(above, np.array([])) == pytest.approx(0.8)


def test_the_pairs_of_another_annotator(encoded: Encoded, judged: Callable[..., Judgement]) -> None:
    theirs = [judged(3, weight=2.0), judged(7, kind="wrong", stratum="wrong far")]
    first, second = same_pairs(encoded, theirs)
    assert (first.text, first.english, first.weight, first.kind) == ("t3", "e3", 2.0, "true")
    assert (second.text, second.english, second.stratum, second.kind) == ("t7", "e8", "wrong far", "wrong")
    raw, centred = encoded.cosines(np.array([7]), np.array([8]))
    assert (second.cosine, second.centred) == (raw[0], centred[0])
    assert [pair.id for pair in (first, second)] == [one.id for one in theirs]


def test_a_pair_that_the_suite_does_not_have(encoded: Encoded, judged: Callable[..., Judgement]) -> None:
    other = judged(3, text_sha256=digest("something else"))
    with pytest.raises(UsageError, match="3 / 3 of Ann is not in toy"):
        same_pairs(replace(encoded), [other])
