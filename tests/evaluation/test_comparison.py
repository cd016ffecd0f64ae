from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from hubkit.errors import HubkitError
from hubkit.evaluation.comparison import chance_of, compare, compare_pooled, depends_on_mean, resampled_differences
from hubkit.evaluation.measure import Aggregate, Measure, Rows, f1_of_counts, mean_of_items
from hubkit.evaluation.resampling import item_swaps, item_weights
from hubkit.evaluation.statistics import paired_difference, pooled_difference
from hubkit.evaluation.tasks.sts import spearman

Values = np.ndarray


def measure(rows: Values, aggregate: Aggregate = mean_of_items, higher: bool = True, prefix: str = "") -> Measure:
    rows = np.asarray(rows, np.float64)
    table = rows[:, None] if rows.ndim == 1 else rows
    keys = tuple(f"{prefix}{number}" for number in range(len(table)))
    return Measure("m", table, aggregate, keys, higher_is_better=higher)


def scores(seed: int, n: int = 60, chance: float = 0.5) -> Values:
    return np.random.default_rng(seed).choice([0, 0.5, 1], p=[1 - chance, 0.0, chance], size=n)


def counts(seed: int, n: int = 60) -> Values:
    return np.eye(3)[np.random.default_rng(seed).integers(0, 3, size=n)]


def test_a_mean_has_the_interval_of_the_paired_difference() -> None:
    ours, theirs = scores(1, chance=0.7), scores(2, chance=0.4)
    found = compare(measure(ours), {"core": measure(theirs)})["core"].difference
    expected = paired_difference(ours, theirs)
    assert found.value == pytest.approx(expected.value)
    assert (found.low, found.high, found.n) == pytest.approx((expected.low, expected.high, 60))
    assert found.error == pytest.approx(expected.error)


def test_every_control_is_compared_by_the_same_draws() -> None:
    ours = measure(scores(1))
    alone = compare(ours, {"a": measure(scores(2))}, resamples=500)
    both = compare(ours, {"a": measure(scores(2)), "b": measure(scores(3))}, resamples=500)
    assert both["a"] == alone["a"] and both["b"] != both["a"]
    assert compare(ours, {"a": measure(scores(2))}, seed=1, resamples=500) != alone


def test_less_is_better_turns_the_sign() -> None:
    low, high = np.full(40, 0.2), np.full(40, 0.9)
    found = compare(measure(low, higher=False), {"core": measure(high, higher=False)}, resamples=500)["core"]
    assert found.difference.value == pytest.approx(0.7) and found.verdict == "gain"


def test_items_are_brought_into_the_same_order() -> None:
    ours, theirs = scores(1), scores(2)
    straight = measure(theirs)
    order = np.random.default_rng(0).permutation(len(theirs))
    shuffled = Measure("m", straight.rows[order], mean_of_items, tuple(straight.keys[place] for place in order))
    mine = measure(ours)
    assert compare(mine, {"a": shuffled}, resamples=300) == compare(mine, {"a": straight}, resamples=300)


@pytest.mark.parametrize("change", [{"metric": "other"}, {"keys": tuple("x" * 60)}, {"view": "centred"}])
def test_what_cannot_be_compared_is_refused(change: dict[str, object]) -> None:
    ours = measure(scores(1))
    content = {"metric": "m", "rows": ours.rows, "aggregate": mean_of_items, "keys": ours.keys, "view": "raw"}
    with pytest.raises(HubkitError, match="cannot be compared"):
        compare(ours, {"a": Measure(**{**content, **change})})  # type: ignore[arg-type]


def largest(rows: Rows) -> Values:
    """A metric that does not follow from the mean of the rows."""
    return np.sort(rows[..., 0], axis=-1)[..., -5]


def test_which_metrics_follow_from_the_mean() -> None:
    assert depends_on_mean(measure(scores(1))) and depends_on_mean(measure(counts(1), f1_of_counts))
    assert not depends_on_mean(measure(scores(1), largest))
    assert not depends_on_mean(measure(np.random.default_rng(0).random((50, 2)), spearman))


def test_sums_and_drawn_rows_agree() -> None:
    """F1 from sums, and the same function when it is taken for one that needs the rows."""

    def needs_rows(rows: Rows) -> Values:
        return np.where(rows.shape[-2] == 1, 0.0, f1_of_counts(rows))

    fast = compare(measure(counts(1), f1_of_counts), {"a": measure(counts(2), f1_of_counts)}, resamples=2000)["a"]
    slow = compare(measure(counts(1), needs_rows), {"a": measure(counts(2), needs_rows)}, resamples=2000)["a"]
    assert slow.difference.value == pytest.approx(fast.difference.value)
    assert (slow.difference.low, slow.difference.high) == pytest.approx(
        (fast.difference.low, fast.difference.high), abs=0.02
    )
    assert slow.p == pytest.approx(fast.p, abs=0.03)


def test_the_permutation_test_agrees_with_all_swappings() -> None:
    ours, theirs = np.array([1, 1, 0.5, 1, 0, 1, 1, 0.5, 1, 1]), np.array([0, 1, 0.5, 0, 0, 0.5, 0, 1, 0, 1])
    differences = ours - theirs
    all_of_them = np.array([np.mean(differences * signs) for signs in product([-1, 1], repeat=len(ours))])
    exact = float((np.abs(all_of_them) >= abs(differences.mean()) - 1e-12).mean())
    assert chance_of(measure(ours), measure(theirs), resamples=20_000) == pytest.approx(exact, abs=0.01)


def test_p_is_never_nought_and_one_where_nothing_differs() -> None:
    assert chance_of(measure(np.ones(50)), measure(np.zeros(50)), resamples=999) == pytest.approx(1 / 1000)
    assert chance_of(measure(np.ones(50)), measure(np.ones(50)), resamples=999) == 1


@pytest.mark.parametrize("aggregate", [mean_of_items, largest])
def test_false_alarms_of_the_permutation_test_are_rare(aggregate: Aggregate) -> None:
    alarms = sum(
        chance_of(measure(scores(2 * run), aggregate), measure(scores(2 * run + 1), aggregate), seed=run, resamples=199)
        <= 0.05
        for run in range(200)
    )
    assert alarms / 200 < 0.10


def test_pooling_draws_shared_items_together() -> None:
    rng = np.random.default_rng(0)
    item = rng.random(58)
    groups = [np.clip(item + 0.1 * rng.normal(size=58), 0, 1) for _ in range(4)]
    zero = np.full(58, 0.3)
    shared = compare_pooled([measure(group) for group in groups], {"a": [measure(zero)] * 4}, resamples=2000)["a"]
    ours = [measure(group, prefix=f"{number} ") for number, group in enumerate(groups)]
    theirs = [measure(zero, prefix=f"{number} ") for number in range(4)]
    apart = compare_pooled(ours, {"a": theirs}, resamples=2000)["a"]
    assert shared.difference.value == pytest.approx(apart.difference.value)
    assert shared.difference.error > 1.5 * apart.difference.error
    expected = pooled_difference([group - zero for group in groups], [list(map(str, range(58)))] * 4)
    assert (shared.difference.low, shared.difference.high) == pytest.approx((expected.low, expected.high))


def test_pooling_of_a_metric_of_rows_in_languages_with_other_items() -> None:
    first, second = measure(scores(1, 40), largest), measure(scores(2, 30), largest, prefix="b")
    found = compare_pooled([first, second], {"a": [first, second]}, resamples=50)["a"]
    assert found.difference.value == 0 and found.p == 1


def test_resampled_differences_are_paired_over_calls() -> None:
    ours, theirs = measure(scores(1)), measure(scores(2))
    value, drawn = resampled_differences(ours, theirs, seed=4, resamples=300)
    again, same = resampled_differences(ours, ours, seed=4, resamples=300)
    assert value == pytest.approx(ours.value - theirs.value) and len(drawn) == 300
    assert again == 0 and not same.any() and drawn.any()


def test_weights_draw_as_many_items_as_there_are() -> None:
    plain = np.concatenate(list(item_weights(30, 0, 2_500)))
    assert plain.shape == (2_500, 30) and (plain.sum(axis=1) == 30).all()
    pseudo = np.concatenate(list(item_weights(30, 0, 2_500, groups=2)))
    assert pseudo.shape == (2_500, 34) and (pseudo.sum(axis=1) == 30).all()
    assert pseudo[:, 30:].mean() / pseudo[:, :30].mean() == pytest.approx(0.125, rel=0.1)
    swaps = np.concatenate(list(item_swaps(30, 0, 500)))
    assert set(np.unique(swaps)) == {0.0, 1.0} and swaps.mean() == pytest.approx(0.5, abs=0.02)
