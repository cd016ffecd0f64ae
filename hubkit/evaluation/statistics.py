"""Intervals of differences between systems that were tested on the same items, and what may be said of them.

Paired bootstrap (Efron & Tibshirani 1993; for system comparisons Koehn 2004): items are drawn with replacement, both
directions and all systems of an item together, and the percentiles of the resampled statistic bound it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from hubkit.errors import HubkitError

Values = npt.NDArray[np.float64]
Verdict = Literal["gain", "loss", "within noise"]

RESAMPLES = 10_000
CONFIDENCE = 0.95
POWER = 0.8
MINIMUM_ITEMS = 20  # with fewer, no difference is called real: percentile intervals are too narrow there
_CHUNK = 1_000  # resamples drawn at a time


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
        """``gain`` or ``loss`` where the interval leaves zero out and items suffice; else ``within noise``."""
        if self.n < MINIMUM_ITEMS or self.low <= 0 <= self.high:
            return "within noise"
        return "gain" if self.low > 0 else "loss"

    @property
    def minimum_detectable(self) -> float:
        """The difference that such a test would find four times in five, with this spread and number of items."""
        return minimum_detectable(self.error, self.n)


def paired_difference(
    ours: npt.ArrayLike, theirs: npt.ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES
) -> Difference:
    """Mean of ``ours − theirs`` over items; both (n,), one score per item (mean of its two directions)."""
    differences = _column(ours) - _column(theirs)
    means = resampled_means(differences[:, None], seed=seed, resamples=resamples)[:, 0]
    error = float(differences.std(ddof=1) / np.sqrt(len(differences))) if len(differences) > 1 else 0.0
    return Difference(float(differences.mean()), *_bounds(means), error, len(differences))


def pooled_difference(
    differences: Sequence[npt.ArrayLike],
    keys: Sequence[Sequence[str]] | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
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
    pooled = np.concatenate(
        [_pooled_chunk(columns, indices, len(numbers), rng, size) for rng, size in _chunks(seed, resamples)]
    )
    value = float(np.mean([column.mean() for column in columns]))
    return Difference(value, *_bounds(pooled), float(pooled.std(ddof=1)), sum(map(len, columns)))


def paired_share(part: npt.ArrayLike, whole: npt.ArrayLike, *, seed: int = 0) -> tuple[float, float, float]:
    """Share mean(part) / mean(whole) with its 95 % interval, all kept within 0 … 1; both (n,), of the same items.

    Meaningful only where ``whole`` is a clear gain; resamples whose whole is not positive count as share 0 or 1.
    """
    pairs = np.stack([_column(part), _column(whole)], axis=1)
    means = resampled_means(pairs, seed=seed)
    ratios = np.where(means[:, 1] > 0, means[:, 0] / np.where(means[:, 1] > 0, means[:, 1], 1), np.sign(means[:, 0]))
    value = float(pairs[:, 0].mean() / pairs[:, 1].mean()) if pairs[:, 1].mean() > 0 else 0.0
    low, high = _bounds(np.clip(ratios, 0, 1))
    return min(1.0, max(0.0, value)), low, high


def resampled_means(values: Values, *, seed: int, resamples: int = RESAMPLES) -> Values:
    """Means (resamples, k) of ``values`` (n, k) over items drawn n at a time with replacement.

    Drawing items is drawing how often each distinct row occurs, a multinomial: exact, and fast as rows are few.
    """
    rows, counts = np.unique(values, axis=0, return_counts=True)
    drawn = [
        rng.multinomial(len(values), counts / len(values), size=size) @ rows for rng, size in _chunks(seed, resamples)
    ]
    return np.divide(np.concatenate(drawn), len(values), dtype=np.float64)


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


def _bounds(resampled: Values) -> tuple[float, float]:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return float(low), float(high)


def _chunks(seed: int, resamples: int) -> list[tuple[np.random.Generator, int]]:
    """The generator and the size of each chunk of resamples; one generator, so that a seed gives one result."""
    rng = np.random.default_rng(seed)
    return [(rng, min(_CHUNK, resamples - start)) for start in range(0, resamples, _CHUNK)]


def _pooled_chunk(
    columns: list[Values], indices: list[npt.NDArray[np.int64]], keys: int, rng: np.random.Generator, size: int
) -> Values:
    """Resampled pooled means (size,): one weight per key, used in every group that has the key."""
    weights = rng.multinomial(keys, np.full(keys, 1 / keys), size=size).astype(np.float64)
    means = []
    for column, index in zip(columns, indices, strict=True):
        chosen = weights[:, index]
        means.append((chosen @ column) / np.maximum(chosen.sum(axis=1), 1))
    pooled: Values = np.mean(means, axis=0)
    return pooled
