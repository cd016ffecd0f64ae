from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hubkit.evaluation.ablation import Scored, core_scores, pooled, score, table
from hubkit.evaluation.statistics import paired_difference
from hubkit.evaluation.suite import ParallelSuite

KEYS = {"rw": tuple(map(str, range(40))), "sn": tuple(map(str, range(40)))}


def suite(language: str, count: int = 40) -> ParallelSuite:
    words = tuple(f"sentence {number}" for number in range(count))
    return ParallelSuite("development", "made here", "CC0-1.0", "user", language, words, words, words)


def scored(arm: str, role: str, language: str, items: object, seed: int = 0) -> Scored:
    return Scored(arm, role, seed, "development", language, 1.0, "raw", np.asarray(items, dtype=float))


def test_scores_are_written_and_read_again():
    random = np.random.default_rng(0)
    vectors, english = random.normal(size=(2, 40, 8))
    blank = Scored("plain", "right", 3, "development", "rw", 0.5, "raw", np.empty(0))
    for each in score(blank, vectors, english, suite("rw")):
        again = Scored.of(each.as_dict(), {"arm": "plain", "role": "right", "seed": 3})
        assert again.view == each.view
        np.testing.assert_array_equal(again.items, each.items)


def test_one_language_and_one_seed_is_the_paired_difference():
    random = np.random.default_rng(1)
    ours, theirs = random.integers(0, 3, (2, 40)) / 2
    expected = paired_difference(ours, theirs)
    found = pooled({("rw", 0): ours}, {("rw", 0): theirs}, KEYS)
    assert found is not None
    assert found.value == pytest.approx(expected.value)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.02)
    assert found.low < found.value < found.high


def test_items_that_languages_share_are_drawn_together():
    """Two languages whose items rise and fall together say no more than one."""
    random = np.random.default_rng(2)
    ours = random.integers(0, 3, 40) / 2
    zero = np.zeros(40)
    one = pooled({("rw", 0): ours}, {("rw", 0): zero}, KEYS)
    together = pooled({("rw", 0): ours, ("sn", 0): ours}, {("rw", 0): zero, ("sn", 0): zero}, KEYS)
    apart = pooled(
        {("rw", 0): ours, ("sn", 0): ours}, {("rw", 0): zero, ("sn", 0): zero},
        {"rw": KEYS["rw"], "sn": tuple(f"other {key}" for key in KEYS["sn"])},
    )  # fmt: skip
    assert one is not None and together is not None and apart is not None
    assert together.error == pytest.approx(one.error, rel=0.05)
    assert apart.error < 0.8 * one.error


def test_three_seeds_that_disagree_widen_the_interval():
    random = np.random.default_rng(3)
    base = random.integers(0, 2, 40).astype(float)
    theirs = {("rw", seed): np.zeros(40) for seed in range(4)}
    alike = {("rw", seed): base for seed in range(3)}
    disagreeing = {("rw", 0): base * 0.0, ("rw", 1): base, ("rw", 2): base * 0 + 1}
    calm, wild = pooled(alike, theirs, KEYS), pooled(disagreeing, theirs, KEYS)
    assert calm is not None and wild is not None
    assert wild.error > 2 * calm.error
    two = pooled({("rw", 0): base * 0.0, ("rw", 1): base * 0 + 1}, theirs, KEYS)
    assert two is not None and two.error < 0.02  # fewer than three say nothing of seeds


def test_the_interval_holds_for_other_seeds():
    means = np.array([0.1, 0.4, 0.7, 0.2])
    ours = {("rw", seed): np.full(40, mean) for seed, mean in enumerate(means)}
    found = pooled(ours, {key: np.zeros(40) for key in ours}, KEYS)
    assert found is not None
    error = means.std(ddof=1) / 2
    assert found.error == pytest.approx(error, rel=0.03)
    assert found.high - found.value == pytest.approx(3.182 * error, rel=0.03)  # t of 3 degrees of freedom


def test_the_table_pairs_what_both_have_and_pools_trained_languages_apart():
    zero, one = np.zeros(40), np.ones(40)
    scores = [
        scored("plain", "right", "rw", zero), scored("plain", "right", "sn", zero),
        scored("new", "right", "rw", one), scored("new", "right", "sn", one, seed=1),
        scored("new", "wrong", "rw", zero),
        *(replace(scored("core", "core", tag, zero), strength=0.0) for tag in ("rw", "sn")),
    ]  # fmt: skip
    made = table(scores, [suite("rw"), suite("sn")], "plain", ("plain", "new"), {"rw"})
    rows = {(row.arm, row.languages): row for row in made.rows if row.view == "raw"}
    trained = rows["new", "trained"]
    assert trained.over_control is not None and trained.over_control.value == 1
    assert trained.own is not None and trained.own.verdict == "gain"
    held_out = rows["new", "held out"]
    assert held_out.over_control is None  # the seeds are not the same
    assert held_out.own is None
    assert rows["plain", "trained"].over_control is None


def test_the_core_has_no_seed():
    vectors = np.random.default_rng(4).normal(size=(40, 8))
    raw, centred = core_scores(vectors, vectors, suite("rw"))
    assert (raw.arm, raw.view, centred.view) == ("core", "raw", "centred")
    assert raw.items.mean() == 1
