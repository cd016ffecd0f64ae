"""Do two annotators mean the same by the same answer? Weighted kappa on the pairs that both judged.

Cohen 1968, "Weighted kappa", Psychological Bulletin 70, with linear weights: *same* against *different* is twice as
far apart as against *related*. The interval is a bootstrap over pairs. In words as Landis & Koch 1977, Biometrics 33,
have it: a custom, not a law. Resamples draw from the pairs and an eighth of a pair for each way to disagree: two who
never did in twenty pairs may yet do so in the next.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hubkit.evaluation.annotation.judgement import GRADES, Judgement
from hubkit.evaluation.intervals import expanded_tails, quantiles
from hubkit.evaluation.report import Fraction
from hubkit.evaluation.task_result import Strict
from hubkit.evaluation.words import number

Counts = npt.NDArray[np.float64]

RESAMPLES = 2_000
PSEUDO_PAIRS = 0.125  # in each cell of disagreement
FEWEST = 10  # shared pairs without which no kappa is given
LOST = 0.05  # of the resamples may have no kappa
_LEVELS = (
    (0.0, "poor"),
    (0.2, "slight"),
    (0.4, "fair"),
    (0.6, "moderate"),
    (0.8, "substantial"),
    (1.1, "almost perfect"),
)
_DISTANCE = np.abs(np.subtract.outer(np.arange(len(GRADES)), np.arange(len(GRADES)))) / (len(GRADES) - 1)


class Agreement(Strict):
    """Two annotators on the pairs that both could tell; ``table[i][j]``: the first one's grade i, the second one's j.

    Grades are 0 different, 1 related, 2 same. ``kappa`` is None where it is not defined, or pairs are too few.
    """

    first: str
    second: str
    n: int
    same_label: Fraction
    kappa: float | None
    ci95: tuple[float, float] | None
    table: list[list[int]]
    words: str


def agreement(first: Sequence[Judgement], second: Sequence[Judgement], seed: int = 0) -> Agreement | None:
    """The agreement of two annotators, each of ``first`` and ``second`` one of them; None when they share no pair."""
    graded = [{one.id: one.grade for one in side if one.grade is not None} for side in (first, second)]
    shared = [pair for pair in graded[0] if pair in graded[1]]
    if not shared:
        return None
    cells = np.array([len(GRADES) * graded[0][pair] + graded[1][pair] for pair in shared])
    table = np.bincount(cells, minlength=len(GRADES) ** 2).astype(np.float64)
    names = first[0].annotator, second[0].annotator
    kappa, bounds = _kappa_with_interval(table, seed) if len(shared) >= FEWEST else (None, None)
    same_label = float(np.trace(table.reshape(len(GRADES), -1)) / len(shared))
    return Agreement(
        first=names[0],
        second=names[1],
        n=len(shared),
        same_label=same_label,
        kappa=kappa,
        ci95=bounds,
        table=table.reshape(len(GRADES), -1).astype(int).tolist(),
        words=_words(*names, len(shared), same_label, kappa, bounds),
    )


def _kappa_with_interval(table: Counts, seed: int) -> tuple[float | None, tuple[float, float] | None]:
    n = int(table.sum())
    value = weighted_kappa(table[None, :])[0]
    if np.isnan(value):
        return None, None
    seen = table + PSEUDO_PAIRS * (_DISTANCE.ravel() > 0)
    drawn = np.random.default_rng(seed).multinomial(n, seen / seen.sum(), size=RESAMPLES)
    resampled = weighted_kappa(drawn.astype(np.float64))
    if np.isnan(resampled).mean() > LOST:
        return round(float(value), 4), None
    low, high = quantiles(resampled[np.isfinite(resampled)], expanded_tails(n))
    return round(float(value), 4), (round(min(low, float(value)), 4), round(max(high, float(value)), 4))


def weighted_kappa(tables: Counts) -> Counts:
    """Linearly weighted kappa (r,) of tables (r, 9), rows the first one's grades; NaN where both give one label."""
    grades = len(GRADES)
    shares = tables.reshape(-1, grades, grades) / tables.sum(axis=1)[:, None, None]
    expected = shares.sum(axis=2)[:, :, None] * shares.sum(axis=1)[:, None, :]
    apart, by_chance = ((_DISTANCE * found).sum(axis=(1, 2)) for found in (shares, expected))
    ratio: Counts = np.divide(apart, by_chance, out=np.full_like(apart, np.nan), where=by_chance > 1e-12)
    return 1 - ratio


def _words(
    first: str, second: str, n: int, same_label: float, kappa: float | None, bounds: tuple[float, float] | None
) -> str:
    said = (
        f"{first} and {second} judged {n} pairs in common and gave {round(100 * same_label)} % of them the same label"
    )
    if n < FEWEST:
        return f"{said}; fewer than {FEWEST} pairs say nothing of their agreement."
    if kappa is None:
        return f"{said}; both gave nearly all pairs one label, so that kappa is not defined."
    level = next(name for top, name in _LEVELS if kappa < top or top > 1)
    interval = "" if bounds is None else f" [{number(bounds[0])}, {number(bounds[1])}]"
    return f"{said}: weighted kappa {number(kappa)}{interval}, {level} agreement."
