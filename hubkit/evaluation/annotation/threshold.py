"""From judgements to a threshold: the cosine from which two sentences are as likely as not to mean the same.

A logistic regression of "same" on the cosine (Platt 1999, for scores of classifiers); the threshold is where it gives
one half. Its likelihood is penalised by Jeffreys' prior (Firth 1993, "Bias reduction of maximum likelihood estimates",
Biometrika 80), so that it exists where a cosine separates the answers perfectly, which with twenty of them is common
(Heinze & Schemper 2002, Statistics in Medicine 21). The interval is a bootstrap over pairs, all judgements of a pair
together, with the tails of :mod:`hubkit.evaluation.intervals`. A cut that makes fewest errors is no smooth function of
the answers, and the bootstrap would not hold for it (Abrevaya & Huang 2005, Econometrica 73).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hubkit.evaluation.annotation.judgement import Judgement
from hubkit.evaluation.intervals import expanded_tails, quantiles
from hubkit.evaluation.measure import View
from hubkit.evaluation.report import Fraction
from hubkit.evaluation.task_result import Strict

Values = npt.NDArray[np.float64]

RESAMPLES = 2_000
FEWEST_OF_EACH = 5  # answers of either side without which no threshold is given
LOST = 0.025  # of the resamples may have no threshold
_STEPS, _LARGEST_STEP = 25, 2.0  # of Newton's method, and how far one of them may go


class Threshold(Strict):
    """A calibrated threshold on the cosine with its 95 % interval; ``right`` is the share of answers it agrees with.

    It holds where true pairs and near wrong ones are as frequent as each other.
    """

    view: View
    value: float
    ci95: tuple[float, float]
    same: int  # answers
    other: int
    right: Fraction


def calibrate(judgements: Sequence[Judgement], view: View, seed: int = 0) -> Threshold | str:
    """The threshold that the answers give, or why they give none. Answers "unsure" are left out."""
    graded = [one for one in judgements if one.grade is not None]
    same = np.array([one.label == "same" for one in graded], dtype=np.float64)
    counts = int(same.sum()), int(len(same) - same.sum())
    if min(counts) < FEWEST_OF_EACH:
        return f"answers: {counts[0]} same, {counts[1]} not; at least {FEWEST_OF_EACH} of each are needed"
    cosines = np.array([one.cosine if view == "raw" else one.centred for one in graded])
    weights, clusters = _weights(graded), _clusters(graded)
    value = thresholds(cosines, same, weights[None, :])[0]
    resampled = thresholds(cosines, same, weights * _drawn(clusters, seed))
    if not np.isfinite(value) or np.isnan(resampled).mean() > LOST:
        return "the cosine does not tell pairs that mean the same from near wrong ones"
    low, high = quantiles(resampled[np.isfinite(resampled)], expanded_tails(int(clusters.max()) + 1))
    right = float(weights @ ((cosines >= value) == (same > 0)) / weights.sum())
    return Threshold(
        view=view, value=round(float(value), 4), ci95=(round(low, 4), round(high, 4)), same=counts[0],
        other=counts[1], right=min(1.0, right),
    )  # fmt: skip


def _weights(judgements: Sequence[Judgement]) -> Values:
    """Weights (n,) with mean 1 that give both kinds of pairs half of all, and within a kind each stratum its share."""
    of_strata = np.array([one.weight for one in judgements])
    kinds = np.array([one.kind == "true" for one in judgements])
    for kind in (True, False):
        if (kinds == kind).any():
            of_strata[kinds == kind] /= of_strata[kinds == kind].sum()
    return np.asarray(of_strata * len(of_strata) / of_strata.sum())


def _clusters(judgements: Sequence[Judgement]) -> npt.NDArray[np.int64]:
    """The number of each judgement's pair (n,), from 0."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(one.id, len(numbers)) for one in judgements], dtype=np.int64)


def _drawn(clusters: npt.NDArray[np.int64], seed: int) -> Values:
    """How often each judgement is drawn (resamples, n) when pairs are drawn with replacement."""
    pairs = int(clusters.max()) + 1
    counts = np.random.default_rng(seed).multinomial(pairs, np.full(pairs, 1 / pairs), size=RESAMPLES)
    return np.asarray(counts[:, clusters], dtype=np.float64)


def thresholds(cosines: Values, same: Values, weights: Values) -> Values:
    """Where P(same | cosine) is one half, for each row of ``weights`` (r, n); NaN where it does not rise."""
    centre, spread = cosines.mean(), max(float(cosines.std()), 1e-9)
    intercept, slope = _firth((cosines - centre) / spread, same, weights)
    rises = slope > 1e-6
    found = centre - spread * np.divide(intercept, slope, out=np.full_like(slope, np.nan), where=rises)
    return np.where(rises, np.clip(found, -1.0, 1.0), np.nan)


def _firth(x: Values, y: Values, weights: Values) -> tuple[Values, Values]:
    """Intercepts and slopes (r,) of y (n,) on x (n,) under weights (r, n), by Newton's method on Firth's score."""
    intercept, slope = np.zeros(len(weights)), np.zeros(len(weights))
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(intercept[:, None] + slope[:, None] * x, -30, 30)))
        spread = weights * chance * (1 - chance)
        a, b, c = spread.sum(axis=1), spread @ x, spread @ (x * x)  # the information matrix [[a, b], [b, c]]
        determinant = np.maximum(a * c - b * b, 1e-12)
        leverage = spread * (c[:, None] - 2 * b[:, None] * x + a[:, None] * x * x) / determinant[:, None]
        score = weights * (y - chance) + leverage * (0.5 - chance)
        first, second = score.sum(axis=1), score @ x
        steps = (c * first - b * second) / determinant, (a * second - b * first) / determinant
        length = np.maximum(1.0, np.hypot(*steps) / _LARGEST_STEP)
        intercept, slope = intercept + steps[0] / length, slope + steps[1] / length
        if max(np.abs(steps[0]).max(), np.abs(steps[1]).max()) < 1e-8:
            break
    return intercept, slope
