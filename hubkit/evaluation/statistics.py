"""Intervals of differences between systems that were tested on the same items, and what may be said of them.

Paired bootstrap (Efron & Tibshirani 1993; for system comparisons Koehn 2004): items are drawn with replacement, both
directions and all systems of an item together; :mod:`hubkit.evaluation.intervals` makes bounds of what was drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from hubkit.errors import HubkitError
from hubkit.evaluation.intervals import CONFIDENCE, PSEUDO_ITEMS, expanded_tails, interval, quantiles
from hubkit.evaluation.resampling import chunk_sizes, item_weights

Values = npt.NDArray[np.float64]
Verdict = Literal["gain", "loss", "within noise", "too few items"]

RESAMPLES = 10_000
POWER = 0.8
MINIMUM_ITEMS = 20  # with fewer nothing is said about a difference
LARGEST_DIFFERENCE = 1.0  # of one item, whose score lies within 0 … 1


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of means with its 95 % interval; ``error`` is its standard error, ``n`` the number of items."""

    value: float
    low: float
    high: float
    error: float
    n: int

    @property
    def verdict(self) -> Verdict:
        """``gain`` or ``loss`` where the interval leaves zero out, else ``within noise``; none with too few items."""
        if self.n < MINIMUM_ITEMS:
            return "too few items"
        if self.low <= 0 <= self.high:
            return "within noise"
        return "gain" if self.low > 0 else "loss"

    @property
    def minimum_detectable(self) -> float:
        """The difference that such a test would find four times in five, with this spread and number of items."""
        return minimum_detectable(self.error, self.n)


def paired_difference(
    ours: npt.ArrayLike,
    theirs: npt.ArrayLike,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    largest: float = LARGEST_DIFFERENCE,
) -> Difference:
    """Mean of ``ours − theirs`` over items; both (n,), one score per item (mean of its two directions).

    ``largest`` is the largest difference that one item can have, for the pseudo-items; 0 where there is no largest.
    """
    differences = _column(ours) - _column(theirs)
    n, value = len(differences), float(differences.mean())
    rows, counts = np.unique(differences, return_counts=True)
    pseudo = PSEUDO_ITEMS * np.ones(2)
    means = _drawn_means(np.append(rows, [largest, -largest]), np.append(counts, pseudo), n, seed, resamples)
    error = float(differences.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    return Difference(value, *interval(means, n, value), error, n)


def pooled_difference(
    differences: Sequence[npt.ArrayLike],
    keys: Sequence[Sequence[str]] | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    largest: float = LARGEST_DIFFERENCE,
) -> Difference:
    """Unweighted mean over groups (languages, suites) of the mean of each group's per-item differences (n_g,).

    Items that share a key in several groups are the same sentence in other languages and are drawn together: treating
    them as independent would make the interval too narrow. The interval holds for these groups, not for all languages.
    """
    columns = [_column(group) for group in differences]
    names = keys or [[f"{group} {item}" for item in range(len(column))] for group, column in enumerate(columns)]
    numbers: dict[str, int] = {}
    indices = [np.array([numbers.setdefault(key, len(numbers)) for key in group], dtype=np.int64) for group in names]
    if not columns or any(len(index) != len(column) for index, column in zip(indices, columns, strict=True)):
        raise HubkitError("Pooling needs at least one group, and a key for every item.", "Pass the suites' own keys.")
    resampled = np.concatenate(
        [
            np.mean(_group_means(columns, indices, drawn, largest), axis=0)
            for drawn in item_weights(len(numbers), seed, resamples, groups=len(columns))
        ]
    )
    value = float(np.mean([column.mean() for column in columns]))
    low, high = interval(resampled, len(numbers), value)
    return Difference(value, low, high, float(resampled.std(ddof=1)), sum(map(len, columns)))


def _group_means(
    columns: Sequence[Values], indices: Sequence[npt.NDArray[np.int64]], drawn: Values, largest: float
) -> list[Values]:
    """Resampled means (size,) of each group: one weight per key, and two pseudo-items of the group's own."""
    keys = drawn.shape[1] - 2 * len(columns)
    means = []
    for group, (column, index) in enumerate(zip(columns, indices, strict=True)):
        own = [*index, keys + 2 * group, keys + 2 * group + 1]
        chosen, values = drawn[:, own], np.append(column, [largest, -largest])
        means.append((chosen @ values) / np.maximum(chosen.sum(axis=1), 1))
    return means


def paired_share(part: npt.ArrayLike, whole: npt.ArrayLike, *, seed: int = 0) -> tuple[float, float, float]:
    """Share mean(part) / mean(whole) with its 95 % interval, all kept within 0 … 1; both (n,), of the same items.

    Meaningful only where ``whole`` is a clear gain; resamples whose whole is not positive count as share 0 or 1.
    """
    pairs = np.stack([_column(part), _column(whole)], axis=1)
    means = resampled_means(pairs, seed=seed)
    ratios = np.where(means[:, 1] > 0, means[:, 0] / np.where(means[:, 1] > 0, means[:, 1], 1), np.sign(means[:, 0]))
    value = float(pairs[:, 0].mean() / pairs[:, 1].mean()) if pairs[:, 1].mean() > 0 else 0.0
    low, high = quantiles(np.clip(ratios, 0, 1), expanded_tails(len(pairs)))
    return min(1.0, max(0.0, value)), low, high


def resampled_means(values: Values, *, seed: int, resamples: int = RESAMPLES) -> Values:
    """Means (resamples, k) of ``values`` (n, k) over items drawn n at a time with replacement."""
    rows, counts = np.unique(values, axis=0, return_counts=True)
    return _drawn_means(rows, counts, len(values), seed, resamples)


def _drawn_means(rows: Values, weights: npt.NDArray[np.generic], n: int, seed: int, resamples: int) -> Values:
    """Means (resamples, …) of n draws from distinct ``rows`` (u, …) with these weights (u,).

    Drawing items is drawing how often each distinct row occurs, a multinomial: exact, and fast as rows are few.
    """
    rng, chances = np.random.default_rng(seed), weights / weights.sum()
    drawn = [rng.multinomial(n, chances, size=size) @ rows for size in chunk_sizes(resamples)]
    return np.divide(np.concatenate(drawn), n, dtype=np.float64)


def minimum_detectable(error: float, n: int, confidence: float = CONFIDENCE, power: float = POWER) -> float:
    """(z_{1−α/2} + z_{power}) × standard error = 2.80 × error at 95 % and 80 % (Cohen 1988), but at least 3/n.

    3/n (the rule of three, Hanley & Lippman-Hand 1983) bounds what may hide behind items that never disagreed.
    """
    quantile = NormalDist().inv_cdf
    return max((quantile(1 - (1 - confidence) / 2) + quantile(power)) * error, 3 / n)


def _column(values: npt.ArrayLike) -> Values:
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1 or not len(column):
        raise HubkitError(f"Expected one score per item, got shape {column.shape}.", "Pass per-item scores (n,).")
    return column
