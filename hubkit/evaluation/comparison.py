"""One system's measure against others': difference, interval and permutation test, for any metric of rows.

Bootstrap and permutation draw items (keys), the same for all systems, directions and languages that have the item. A
metric that depends on its rows by their mean alone (recall, accuracy, F1, a ratio of sums) is computed from sums; any
other one, such as a rank correlation, from the rows that are drawn.

Permutation: if two systems are alike, swapping their rows of an item changes nothing but chance. p = (1 + number of
swappings with a difference as large) / (1 + swappings), which never is 0 (Phipson & Smyth 2010, "Permutation P-values
Should Never Be Zero"). For a mean this is Fisher's sign-flip test of the differences (Fisher 1935, "The Design of
Experiments"), for systems Noreen's approximate randomisation (1989).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubkit.errors import HubkitError
from hubkit.evaluation.intervals import interval
from hubkit.evaluation.measure import Measure, Rows, mean_of_items
from hubkit.evaluation.resampling import item_swaps, item_weights
from hubkit.evaluation.statistics import RESAMPLES, Difference, Verdict, paired_difference, pooled_difference

Values = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
ROWS_RESAMPLES = 2_000  # of metrics that need the drawn rows themselves
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much better ours is than theirs: ``difference`` is positive where it is better, ``p`` two-sided."""

    difference: Difference
    p: float

    @property
    def verdict(self) -> Verdict:
        """By the interval alone; ``p`` is there to be corrected for many comparisons."""
        return self.difference.verdict


def compare(
    ours: Measure, theirs: Mapping[str, Measure], *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Comparison]:
    """``ours`` against each of ``theirs``: the same metric of other systems on the same items, in any order.

    Raises :class:`HubkitError` where the items or the metric differ.
    """
    return compare_pooled([ours], {name: [measure] for name, measure in theirs.items()}, seed=seed, resamples=resamples)


def compare_pooled(
    ours: Sequence[Measure], theirs: Mapping[str, Sequence[Measure]], *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Comparison]:
    """As :func:`compare` for the unweighted mean over languages: one measure for each of them, in the same order.

    Items that share a key in several languages are drawn, and swapped, together.
    """
    aligned = {
        name: [_aligned(mine, its) for mine, its in zip(ours, each, strict=True)] for name, each in theirs.items()
    }
    if not ours or not aligned:
        return {}
    groups = _Groups.of(ours)
    differences = _shares(ours, aligned, seed) or _others(groups, ours, aligned, seed, resamples)
    chances = groups.chances(aligned, seed + 1, resamples)
    return {name: Comparison(difference, chances[name]) for name, difference in differences.items()}


def _shares(
    ours: Sequence[Measure], theirs: Mapping[str, Sequence[Measure]], seed: int
) -> dict[str, Difference] | None:  # fmt: skip
    """The differences of means of scores within 0 … 1, as :mod:`.statistics` has them; None of other metrics."""
    every = [*ours, *(one for each in theirs.values() for one in each)]
    within = all(one.rows.min() >= 0 and one.rows.max() <= 1 for one in every)
    if not within or any(one.aggregate is not mean_of_items or one.rows.shape[1] != 1 for one in every):
        return None
    sign, keys = 1 if ours[0].higher_is_better else -1, [one.keys for one in ours]
    columns = {
        name: [sign * (mine.rows - its.rows)[:, 0] for mine, its in zip(ours, each, strict=True)]
        for name, each in theirs.items()
    }
    if len(ours) == 1:
        return {name: paired_difference(own, np.zeros(len(own)), seed=seed) for name, (own,) in columns.items()}
    return {name: pooled_difference(own, keys, seed=seed) for name, own in columns.items()}


def _others(
    groups: _Groups, ours: Sequence[Measure], theirs: Mapping[str, Sequence[Measure]], seed: int, resamples: int
) -> dict[str, Difference]:
    """The differences of any metric, from resampled metrics."""
    drawn, found = groups.drawn(theirs, seed, resamples), {}
    count, sign = sum(map(len, ours)), 1 if ours[0].higher_is_better else -1
    for name, each in theirs.items():
        value = sign * float(np.mean([mine.value - its.value for mine, its in zip(ours, each, strict=True)]))
        resampled = sign * (drawn[""] - drawn[name])
        low, high = interval(resampled, groups.keys, value)
        found[name] = Difference(value, low, high, float(np.nanstd(resampled, ddof=1)), count)
    return found


def chance_of(ours: Measure, theirs: Measure, *, seed: int = 0, resamples: int = RESAMPLES) -> float:
    """The permutation test's two-sided p of one measure against another."""
    groups, its = _Groups.of([ours]), _aligned(ours, theirs)
    return groups.chances({"theirs": [its]}, seed, resamples)["theirs"]


def resampled_differences(ours: Measure, theirs: Measure, seed: int, resamples: int) -> tuple[float, Values]:
    """How much better ours is, and that of resampled items (r,): the same items for the same seed and keys."""
    its = _aligned(ours, theirs)
    drawn = _Groups.of([ours]).drawn({"theirs": [its]}, seed, resamples)
    sign = 1 if ours.higher_is_better else -1
    return sign * (ours.value - its.value), sign * (drawn[""] - drawn["theirs"])


def _aligned(ours: Measure, theirs: Measure) -> Measure:
    """``theirs`` with its items in the order of ``ours``."""
    same = (ours.metric, ours.view, ours.aggregate) == (theirs.metric, theirs.view, theirs.aggregate)
    if not same or sorted(ours.keys) != sorted(theirs.keys):
        raise HubkitError(
            f"{ours.metric} ({ours.view}) cannot be compared with {theirs.metric} ({theirs.view}).",
            "Compare the same metric on the same items.",
        )
    if ours.keys == theirs.keys:
        return theirs
    places = np.argsort(np.argsort(np.array(ours.keys), kind="stable"), kind="stable")
    rows = theirs.rows[np.argsort(np.array(theirs.keys), kind="stable")][places]
    return Measure(theirs.metric, rows, theirs.aggregate, ours.keys, theirs.view, theirs.higher_is_better)


def depends_on_mean(measure: Measure) -> bool:
    """Whether the metric follows from the mean of the rows, tried on all rows and on two random choices of them."""
    rng, rows = np.random.default_rng(0), measure.rows
    tries = [rows, *(rows[rng.integers(0, len(rows), size=len(rows))] for _ in range(2))]
    try:
        with np.errstate(all="ignore"):
            pairs = [(measure.aggregate(some), measure.aggregate(some.mean(axis=0, keepdims=True))) for some in tries]
    except (IndexError, ValueError, ZeroDivisionError):  # it needs several rows
        return False
    return all(bool(np.isclose(whole, of_mean, rtol=_TOLERANCE, atol=_TOLERANCE)) for whole, of_mean in pairs)


class _Groups:
    """The languages of one comparison: whose rows stand where among all keys, and how the metric comes of them."""

    def __init__(self, ours: Sequence[Measure], indices: Sequence[Indices], keys: int) -> None:
        self._ours, self._indices, self.keys = ours, indices, keys
        self._of_means = all(map(depends_on_mean, ours))

    @classmethod
    def of(cls, ours: Sequence[Measure]) -> _Groups:
        """One group for each measure; equal keys are one item."""
        numbers: dict[str, int] = {}
        indices = [np.array([numbers.setdefault(key, len(numbers)) for key in one.keys], np.int64) for one in ours]
        return cls(ours, indices, len(numbers))

    def drawn(self, theirs: Mapping[str, Sequence[Measure]], seed: int, resamples: int) -> dict[str, Values]:
        """The resampled metric (r,) of every system, ours under the name "", by the same draws."""
        systems = {"": self._ours, **theirs}
        rows = [np.hstack([each[group].rows for each in systems.values()]) for group in range(len(self._ours))]
        chunks: dict[str, list[Values]] = {name: [] for name in systems}
        for weights in item_weights(self.keys, seed, self._count(resamples)):
            found = [self._weighted(group, rows[group], systems, weights) for group in range(len(self._ours))]
            for place, name in enumerate(systems):
                chunks[name].append(np.mean([each[place] for each in found], axis=0))
        return {name: np.concatenate(parts) for name, parts in chunks.items()}

    def _count(self, resamples: int) -> int:
        return resamples if self._of_means else min(resamples, ROWS_RESAMPLES)

    def _weighted(
        self, group: int, rows: Rows, systems: Mapping[str, Sequence[Measure]], weights: Values
    ) -> list[Values]:  # fmt: skip
        """The metric (size,) of every system in a language, its items drawn as often as ``weights`` (size, …) say.

        ``rows`` (n, systems · k) has the rows of all systems beside one another.
        """
        chosen = _picked(weights, self._indices[group])
        if not self._of_means:
            return [_of_drawn_rows(each[group], chosen) for each in systems.values()]
        means = (chosen @ rows) / np.maximum(chosen.sum(axis=1, keepdims=True), 1)
        parts = np.split(means, len(systems), axis=1)
        return [each[group].aggregate(part[:, None, :]) for each, part in zip(systems.values(), parts, strict=True)]

    def chances(self, theirs: Mapping[str, Sequence[Measure]], seed: int, resamples: int) -> dict[str, float]:
        """The permutation test's p of ours against every other system."""
        count, larger = self._count(resamples), np.zeros(len(theirs), np.int64)
        seen = np.array(
            [
                np.mean([mine.value - its.value for mine, its in zip(self._ours, each, strict=True)])
                for each in theirs.values()
            ]
        )
        for swaps in item_swaps(self.keys, seed, count):
            swapped = np.mean([self._swapped(group, theirs, swaps) for group in range(len(self._ours))], axis=0)
            larger += (np.abs(swapped) >= np.abs(seen)[:, None] - 1e-12).sum(axis=1)
        return {name: float((1 + number) / (1 + count)) for name, number in zip(theirs, larger, strict=True)}

    def _swapped(self, group: int, theirs: Mapping[str, Sequence[Measure]], swaps: Values) -> list[Values]:
        """The differences (size,) to every other system where swapped items (size, keys) have changed sides."""
        ours, swap = self._ours[group], _picked(swaps, self._indices[group])
        others = [each[group] for each in theirs.values()]
        if not self._of_means:
            return [_of_swapped_rows(ours, its, swap) - _of_swapped_rows(its, ours, swap) for its in others]
        moved = (swap @ np.hstack([its.rows - ours.rows for its in others])) / len(ours)
        found = []
        for its, part in zip(others, np.split(moved, len(others), axis=1), strict=True):
            sides = (ours.rows.mean(axis=0) + part, its.rows.mean(axis=0) - part)
            metrics = [ours.aggregate(side[:, None, :]) for side in sides]
            found.append(metrics[0] - metrics[1])
        return found


def _picked(drawn: Values, index: Indices) -> Values:
    """The columns ``index`` of ``drawn``; not copied where that is all of them in order."""
    whole = len(index) == drawn.shape[1] and bool((index == np.arange(len(index))).all())
    return drawn if whole else drawn[:, index]


def _of_drawn_rows(measure: Measure, weights: Values) -> Values:
    """The metric (size,) of rows, each repeated as often as ``weights`` (size, n) say; NaN where none is drawn."""
    counts = weights.astype(np.int64)
    totals = counts.sum(axis=1)
    with np.errstate(all="ignore"):
        if (totals == len(measure)).all():
            places = np.repeat(np.tile(np.arange(len(measure)), len(counts)), counts.ravel())
            return measure.aggregate(measure.rows[places.reshape(len(counts), -1)])
        found = [np.repeat(measure.rows, each, axis=0) for each in counts]
        return np.array([float(measure.aggregate(rows)) if len(rows) else np.nan for rows in found])


def _of_swapped_rows(ours: Measure, theirs: Measure, swap: Values) -> Values:
    """The metric (size,) of ours with the rows of theirs where ``swap`` (size, n) is 1."""
    with np.errstate(all="ignore"):
        return ours.aggregate(np.where(swap[:, :, None] > 0, theirs.rows, ours.rows))
