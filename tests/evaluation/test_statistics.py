from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkit.errors import HubkitError
from hubkit.evaluation.statistics import (
    MINIMUM_ITEMS,
    Difference,
    minimum_detectable,
    paired_difference,
    paired_share,
    pooled_difference,
    resampled_means,
)

scores = st.lists(st.tuples(st.sampled_from([0, 0.5, 1]), st.sampled_from([0, 0.5, 1])), min_size=1, max_size=60)


@settings(max_examples=50)
@given(scores)
def test_interval_holds_the_mean_and_mirrors(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = zip(*pairs, strict=True)
    there = paired_difference(ours, theirs, resamples=2000)
    back = paired_difference(theirs, ours, resamples=2000)
    assert there.value == pytest.approx(np.mean(ours) - np.mean(theirs))
    assert there.low - 1e-9 <= there.value <= there.high + 1e-9
    assert back.value == pytest.approx(-there.value)
    if len(pairs) >= MINIMUM_ITEMS:  # with fewer items the means lie on a lattice coarser than the bound
        assert back.low == pytest.approx(-there.high, abs=0.1)


def test_seeded() -> None:
    rng = np.random.default_rng(1)
    ours, theirs = rng.random(50), rng.random(50)
    assert paired_difference(ours, theirs, seed=3) == paired_difference(ours, theirs, seed=3)
    assert paired_difference(ours, theirs, seed=3).low != paired_difference(ours, theirs, seed=4).low


def test_resampling_distinct_rows_equals_resampling_items() -> None:
    """The multinomial shortcut against items drawn one by one."""
    values = np.array([0, 0, 0, 0.5, 1, 1, -0.5, 1, 0, 0.5])
    rng = np.random.default_rng(0)
    plain = values[rng.integers(0, len(values), size=(20_000, len(values)))].mean(axis=1)
    ours = resampled_means(values[:, None], seed=0, resamples=20_000)[:, 0]
    assert ours.mean() == pytest.approx(plain.mean(), abs=0.005)
    assert ours.std() == pytest.approx(plain.std(), rel=0.02)
    assert np.quantile(ours, [0.025, 0.975]) == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.051)


def test_interval_covers_the_truth_about_19_times_in_20() -> None:
    truth, n, runs, covered = 0.15, 60, 300, 0
    for run in range(runs):
        rng = np.random.default_rng(run)
        theirs = (rng.random((n, 2)) < 0.4).mean(axis=1)
        ours = (rng.random((n, 2)) < 0.4 + truth).mean(axis=1)
        interval = paired_difference(ours, theirs, seed=run, resamples=1000)
        covered += interval.low <= truth <= interval.high
    assert 0.90 <= covered / runs <= 0.98


def test_false_alarms_are_rare() -> None:
    alarms = 0
    for run in range(300):
        rng = np.random.default_rng(run)
        ours, theirs = (rng.random(60) < 0.5), (rng.random(60) < 0.5)
        alarms += paired_difference(ours, theirs, resamples=1000).verdict != "within noise"
    assert alarms / 300 < 0.09


@pytest.mark.parametrize(
    ("low", "high", "n", "verdict"),
    [(0.01, 0.2, 58, "gain"), (-0.2, -0.01, 58, "loss"), (0, 0.2, 58, "within noise"), (0.1, 0.2, 19, "too few items")],
)
def test_verdict(low: float, high: float, n: int, verdict: str) -> None:
    assert Difference((low + high) / 2, low, high, 0.05, n).verdict == verdict


def test_three_of_three_say_nothing() -> None:
    assert paired_difference([1, 1, 1], [0, 0, 0]).verdict == "too few items"


def test_items_that_never_disagree_leave_room_for_some_that_would() -> None:
    """Without pseudo-items the interval would be the point 0."""
    never = paired_difference(np.ones(50), np.ones(50))
    assert never.value == 0 and never.low < -0.001 and never.high > 0.001 and never.high < 3 / 50
    assert paired_difference(np.ones(50), np.ones(50), largest=0).high == 0


def test_minimum_detectable() -> None:
    assert minimum_detectable(0.05, 1000) == pytest.approx(2.802 * 0.05, abs=1e-3)
    assert minimum_detectable(0.0, 58) == pytest.approx(3 / 58)


def test_minimum_detectable_is_found_four_times_in_five() -> None:
    n, spread, found, runs = 60, 0.4, 0, 300
    effect = minimum_detectable(spread / np.sqrt(n), n)
    for run in range(runs):
        differences = np.random.default_rng(run).normal(effect, spread, size=n)
        found += paired_difference(differences, np.zeros(n), seed=run, resamples=500).verdict == "gain"
    assert 0.72 <= found / runs <= 0.88


def test_pooled_mean_is_unweighted_over_groups() -> None:
    pooled = pooled_difference([np.ones(10), np.zeros(90)])
    assert pooled.value == 0.5 and pooled.n == 100


def test_shared_items_widen_the_pooled_interval() -> None:
    rng = np.random.default_rng(0)
    item = rng.normal(size=58)
    groups = [item + 0.1 * rng.normal(size=58) for _ in range(8)]
    keys = [[str(number) for number in range(58)]] * 8
    alone, together = pooled_difference(groups), pooled_difference(groups, keys)
    assert together.high - together.low > 2 * (alone.high - alone.low)
    single = paired_difference(groups[0], np.zeros(58))
    assert together.high - together.low == pytest.approx(single.high - single.low, rel=0.2)


def test_pooling_one_group_is_the_paired_interval() -> None:
    differences = np.random.default_rng(0).normal(size=80)
    one, pooled = paired_difference(differences, np.zeros(80)), pooled_difference([differences])
    assert (pooled.low, pooled.high) == pytest.approx((one.low, one.high), abs=0.02)
    assert pooled.error == pytest.approx(one.error, rel=0.1)


def test_pooling_needs_keys_for_all_items() -> None:
    with pytest.raises(HubkitError, match="key for every item"):
        pooled_difference([np.ones(3)], [["1", "2"]])
    with pytest.raises(HubkitError, match="at least one"):
        pooled_difference([])


def test_share() -> None:
    whole = np.array([1.0, 0.0] * 40)
    value, low, high = paired_share(whole * 0.25, whole)
    assert value == pytest.approx(0.25) and low == pytest.approx(0.25) and high == pytest.approx(0.25)
    assert paired_share(-whole, whole)[0] == 0 and paired_share(2 * whole, whole)[0] == 1
    value, low, high = paired_share(np.roll(whole, 1), whole)
    assert 0 <= low < value <= 1 and high == 1


def test_empty_scores_are_refused() -> None:
    with pytest.raises(HubkitError, match="one score per item"):
        paired_difference([], [])
