"""The training seed as a random effect: an interval for the recipe, not for the one adapter that came of it.

d_si = μ + a_s + b_i + e_si: a seed s and an item i each shift the difference, and so does their interaction. The mean
over S seeds and n items has the variance σ_a²/S + σ_b²/n + σ_e²/(S n), which is put together from three estimates
(Searle, Casella & McCulloch 1992, "Variance Components"): V_s, the variance of the seeds' values over S; B_2, the
bootstrap variance over items of the mean over seeds; B_1, that of a single seed. σ_e²/(S n) = (B_1 − B_2)/(S − 1), and
the seeds' part of the variance is A = max(0, V_s − σ_e²/(S n)), the items' part B_2. Each has a half-width of its own,
t_{S−1} · √A and t_{n−1} · √B_2; that of their sum is the root of the sum of squares (MOVER: Zou & Donner 2008,
"Construction of confidence limits about effect measures", Statistics in Medicine 27). One t with Satterthwaite's
degrees of freedom covers 92 % with three seeds, as those degrees are estimated from the same three values.
Why seeds matter: Bouthillier et al. 2021, "Accounting for Variance in Machine Learning Benchmarks" (MLSys).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubkit.errors import HubkitError
from hubkit.evaluation.comparison import resampled_differences
from hubkit.evaluation.intervals import CONFIDENCE, t_quantile
from hubkit.evaluation.measure import Measure
from hubkit.evaluation.statistics import MINIMUM_ITEMS, Verdict

FEWEST_SEEDS = 3  # two values say next to nothing of a variance
RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class SeedEffect:
    """The differences of S seeds, one value each; ``between`` (σ_a) and the bounds are None with too few seeds."""

    values: tuple[float, ...]
    mean: float
    n: int  # items
    between: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def verdict(self) -> Verdict | None:
        """What may be said of the recipe; None where between-seed variance cannot be estimated."""
        if self.low is None or self.high is None:
            return None
        if self.n < MINIMUM_ITEMS:
            return "too few items"
        if self.low <= 0 <= self.high:
            return "within noise"
        return "gain" if self.low > 0 else "loss"


def seed_effect(ours: Sequence[Measure], theirs: Measure | Sequence[Measure], *, seed: int = 0) -> SeedEffect:
    """``ours``, one measure for each training seed, against ``theirs``: one for all, or one for each seed.

    Raises :class:`HubkitError` without any seed, or where metric or items differ.
    """
    others = [theirs] * len(ours) if isinstance(theirs, Measure) else list(theirs)
    if not ours or len(others) != len(ours):
        raise HubkitError("A seed's effect needs as many measures of both sides.", "Pass one measure for each seed.")
    drawn = [resampled_differences(mine, its, seed, RESAMPLES) for mine, its in zip(ours, others, strict=True)]
    values = np.array([value for value, _ in drawn])
    n, mean = len(ours[0]), float(values.mean())
    if len(ours) < FEWEST_SEEDS:
        return SeedEffect(tuple(map(float, values)), mean, n)
    return _effect(values, np.stack([resampled for _, resampled in drawn]), n)


def _effect(values: npt.NDArray[np.float64], drawn: npt.NDArray[np.float64], n: int) -> SeedEffect:
    """From the seeds' values (S,) and their resampled differences (S, r), resampled with the same items."""
    count, mean = len(values), float(values.mean())
    seeds = float(values.var(ddof=1)) / count
    items = float(np.nanvar(drawn.mean(axis=0), ddof=1))
    single = float(np.nanmean(np.nanvar(drawn, axis=1, ddof=1)))
    interaction = max(0.0, (single - items) / (count - 1))
    own = max(0.0, seeds - interaction)
    if items + own == 0:
        return SeedEffect(tuple(map(float, values)), mean, n, 0.0, mean, mean)
    probability = (1 + CONFIDENCE) / 2
    half = math.hypot(
        t_quantile(probability, count - 1) * math.sqrt(own), t_quantile(probability, max(1, n - 1)) * math.sqrt(items)
    )
    return SeedEffect(tuple(map(float, values)), mean, n, math.sqrt(own * count), mean - half, mean + half)
