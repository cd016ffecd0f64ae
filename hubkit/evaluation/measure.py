"""What a task finds out about one system: a row of numbers for each item, and how rows come to a metric.

Everything that statistics needs is in the rows, so that one bootstrap and one permutation test serve recall, accuracy,
F1 and rank correlation alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hubkit.errors import HubkitError

Rows = npt.NDArray[np.float64]
Aggregate = Callable[[Rows], npt.NDArray[np.float64]]  # rows (…, n, k) → metric (…,)
View = Literal["raw", "centred"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of one system on ``n`` items.

    ``rows`` (n, k) has what ``aggregate`` needs of each item: R@1 one column, F1 three (true positives, false
    positives, misses). ``keys`` names the items: in several languages the same key is the same sentence. ``strata``
    gives each item a label of some kind, such as its domain or its length class.
    """

    metric: str  # "R@1", "F1", "accuracy", "Spearman"
    rows: Rows
    aggregate: Aggregate
    keys: tuple[str, ...]
    view: View = "raw"
    higher_is_better: bool = True
    strata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)  # anything else worth reporting, as JSON values

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or len(self.rows) != len(self.keys):
            raise HubkitError(
                f"{self.metric} has rows of shape {self.rows.shape} for {len(self.keys)} items.",
                "A task gives one row of numbers for each item.",
            )
        if not np.isfinite(self.rows).all():
            raise HubkitError(f"{self.metric} has values that are not finite.", "Check the system's vectors.")

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def value(self) -> float:
        """The metric over all items."""
        return float(self.aggregate(self.rows))


def mean_of_items(rows: Rows) -> npt.NDArray[np.float64]:
    """Mean of the first column: recall, accuracy, mean reciprocal rank."""
    means: npt.NDArray[np.float64] = rows[..., 0].mean(axis=-1)
    return means


def f1_of_counts(rows: Rows) -> npt.NDArray[np.float64]:
    """Micro F1 of columns true positives, false positives, misses (van Rijsbergen 1979); 0 where nothing is right."""
    right, wrong, missed = (rows[..., column].sum(axis=-1) for column in range(3))
    total = 2 * right + wrong + missed
    scores: npt.NDArray[np.float64] = 2 * right / np.where(total > 0, total, 1)
    return scores
