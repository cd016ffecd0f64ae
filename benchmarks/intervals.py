"""Do 95 % intervals hold the truth 95 times in 100, and does the permutation test err 5 times in 100?

    python benchmarks/intervals.py [--repetitions 2000] [--json] [--check]

Retrieval is simulated: the chance that a system finds an item in a direction comes from a latent score, of which an
item's difficulty is shared by both systems and both directions, and a part by the directions of one system. An item
scores 0, ½ or 1, and the true difference is known. "before" is the percentile interval, "after" the one hubkit reports.
In a *sparse* case fewer than five items tell the systems apart on average: there an interval can only be cautious, and
must cover at least as often as it says. Targets: coverage 95 ± 1.5 %, false alarms at most 6 %, each with the error of
this many repetitions.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist

import click
import numpy as np
import numpy.typing as npt

from hubkit.evaluation.comparison import chance_of, compare
from hubkit.evaluation.measure import Aggregate, Measure, f1_of_counts, mean_of_items
from hubkit.evaluation.seeds import seed_effect
from hubkit.evaluation.statistics import paired_difference, pooled_difference, resampled_means

Values = npt.NDArray[np.float64]
Rows = Callable[[Values, Values], Values]  # scores (n,) and noise (n, 2) of items → rows of a measure
SIZES = (37, 50, 58, 200, 1000)
LOW, HIGH, FALSE_ALARMS = 0.935, 0.965, 0.06
SPARSE = 5.0  # items that tell the systems apart, on average
SYSTEM = 0.2  # share of the latent score that a system's two directions have in common
RESAMPLES = 2_000
LANGUAGES = 5


@dataclass(frozen=True, slots=True)
class Case:
    """R@1 of core and adapter, and how much of the latent score is the item's own difficulty."""

    name: str
    core: float
    adapter: float
    difficulty: float

    @property
    def truth(self) -> float:
        return self.adapter - self.core


CASES = tuple(
    Case(f"{name}, items {label} alike", core, adapter, difficulty)
    for label, difficulty in (("little", 0.4), ("much", 0.7))
    for name, core, adapter in (
        ("no difference", 0.38, 0.38),
        ("gain", 0.38, 0.50),
        ("large gain", 0.40, 0.70),
        ("loss", 0.60, 0.45),
        ("weak language", 0.05, 0.12),
        ("good core, no difference", 0.90, 0.90),
        ("good core, gain", 0.95, 0.97),
        ("nearly perfect core", 0.98, 0.98),
    )
)


@dataclass(frozen=True, slots=True)
class Cell:
    """What was found in one case: fractions of the repetitions."""

    what: str
    case: str
    n: int
    apart: float  # items that tell the systems apart, on average
    repetitions: int
    before: float | None = None
    after: float | None = None
    false_alarms: float | None = None

    @property
    def sparse(self) -> bool:
        return self.apart < SPARSE

    def misses(self) -> Iterator[str]:
        """What is further from its target than chance explains (2.6 standard errors)."""
        where = f"{self.what}, {self.case}, n = {self.n}"
        if self.after is not None:
            slack = 2.6 * (self.after * (1 - self.after) / self.repetitions) ** 0.5
            if self.after < LOW - slack or (self.after > HIGH + slack and not self.sparse):
                yield f"{where}: covers {self.after:.1%}"
        if self.false_alarms is not None:
            slack = 2.6 * (0.05 * 0.95 / self.repetitions) ** 0.5
            if self.false_alarms > FALSE_ALARMS + slack:
                yield f"{where}: {self.false_alarms:.1%} false alarms"


def scores(case: Case, n: int, rng: np.random.Generator, languages: int = 1, shift: float = 0.0) -> Values:
    """Scores (languages, 2, n) of core and adapter; half of what items share is the same in every language.

    ``shift`` moves the adapter's latent scores: what a training seed does.
    """
    shared, own = 0.5, 0.5
    difficulty = shared**0.5 * rng.normal(size=(1, 1, n, 1)) + own**0.5 * rng.normal(size=(languages, 1, n, 1))
    system = rng.normal(size=(languages, 2, n, 1))
    direction = rng.normal(size=(languages, 2, n, 2))
    rest = 1 - case.difficulty - SYSTEM
    latent = case.difficulty**0.5 * difficulty + SYSTEM**0.5 * system + rest**0.5 * direction
    bars = np.array([-NormalDist().inv_cdf(each) for each in (case.core, case.adapter)])[None, :, None, None]
    moved = latent + shift * np.array([0.0, 1.0])[None, :, None, None]
    found: Values = (moved > bars).mean(axis=3)
    return found


def single(case: Case, n: int, repetitions: int, rng: np.random.Generator) -> Cell:
    """The interval of one language, before and after, and the permutation test where there is no difference."""
    before = after = alarms = apart = 0.0
    for seed in range(repetitions):
        core, adapter = scores(case, n, rng)[0]
        plain = resampled_means((adapter - core)[:, None], seed=seed, resamples=RESAMPLES)[:, 0]
        low, high = np.quantile(plain, [0.025, 0.975])
        before += low - 1e-9 <= case.truth <= high + 1e-9
        found = paired_difference(adapter, core, seed=seed, resamples=RESAMPLES)
        after += found.low <= case.truth <= found.high
        apart += float((adapter != core).sum())
        if case.truth == 0:
            alarms += chance_of(_recall(adapter), _recall(core), seed=seed, resamples=999) <= 0.05
    rates = [value / repetitions for value in (before, after, alarms)]
    return Cell(
        "paired difference", case.name, n, apart / repetitions, repetitions, rates[0], rates[1],
        rates[2] if case.truth == 0 else None,
    )  # fmt: skip


def _recall(column: Values) -> Measure:
    return Measure("R@1", column[:, None], mean_of_items, tuple(map(str, range(len(column)))))


def pooled(case: Case, n: int, repetitions: int, rng: np.random.Generator) -> Cell:
    """The interval of the mean over languages that share their items."""
    keys, after, apart = [list(map(str, range(n)))] * LANGUAGES, 0, 0.0
    for seed in range(repetitions):
        drawn = scores(case, n, rng, LANGUAGES)
        found = pooled_difference(list(drawn[:, 1] - drawn[:, 0]), keys, seed=seed, resamples=1000)
        after += found.low <= case.truth <= found.high
        apart += float((drawn[:, 1] != drawn[:, 0]).sum())
    name = f"mean of {LANGUAGES} languages"
    return Cell(name, case.name, n, apart / repetitions, repetitions, after=after / repetitions)


def seeds(case: Case, n: int, count: int, spread: float, repetitions: int, rng: np.random.Generator) -> list[Cell]:
    """Several training seeds: the interval of items alone (before) and the one with between-seed variance (after)."""
    bar = -NormalDist().inv_cdf(case.adapter)
    truth = NormalDist().cdf(-bar / (1 + spread**2) ** 0.5) - case.core
    before = after = 0
    for seed in range(repetitions):
        shifts = rng.normal(size=count) * spread
        state = rng.bit_generator.state
        drawn = []
        for place, shift in enumerate(shifts):
            rng.bit_generator.state = state  # the same items and core; the adapter's directions differ below
            core, adapter = scores(case, n, rng, shift=float(shift))[0]
            fresh = scores(case, n, np.random.default_rng([seed, place]), shift=float(shift))[0, 1]
            drawn.append((core, np.where(np.random.default_rng([seed, place, 1]).random(n) < 0.3, fresh, adapter)))
        core = drawn[0][0]
        mean = np.mean([adapter for _, adapter in drawn], axis=0)
        alone = paired_difference(mean, core, seed=seed, resamples=RESAMPLES)
        before += alone.low <= truth <= alone.high
        effect = seed_effect([_recall(adapter) for _, adapter in drawn], _recall(core), seed=seed)
        assert effect.low is not None and effect.high is not None
        after += effect.low <= truth <= effect.high
    name = f"{count} seeds, latent spread {spread:g}"
    return [Cell(name, case.name, n, n, repetitions, before / repetitions, after / repetitions)]


def other_metric(
    name: str, rows: Rows, aggregate: Aggregate, n: int, repetitions: int, rng: np.random.Generator
) -> Cell:
    """Another metric than a mean: micro F1 of counts, and a correlation."""
    case = Case(name, 0.5, 0.6, 0.4)
    large, noise = scores(case, 200_000, rng)[0], rng.normal(size=(200_000, 2))
    truth = float(aggregate(rows(large[1], noise)) - aggregate(rows(large[0], noise)))
    keys, after = tuple(map(str, range(n))), 0
    for seed in range(repetitions):
        noise = rng.normal(size=(n, 2))
        core, adapter = (Measure(name, rows(each, noise), aggregate, keys) for each in scores(case, n, rng)[0])
        found = compare(adapter, {"core": core}, seed=seed, resamples=1000)["core"].difference
        after += found.low <= truth <= found.high
    return Cell(name, "another metric", n, n, repetitions, after=after / repetitions)


def counts(column: Values, noise: Values) -> Values:
    """True positive, false positive, miss: ½ is found wrongly, 0 not at all."""
    return np.stack([column == 1, column == 0.5, column == 0], axis=1).astype(np.float64)


def with_target(column: Values, noise: Values) -> Values:
    """A score (n,) beside a target that depends on it."""
    return np.stack([column + 0.3 * noise[:, 0], 0.8 * column + 0.3 * noise[:, 1]], axis=1)


def correlation(rows: Values) -> Values:
    """Pearson's correlation of two columns (…, n, 2)."""
    centred = rows - rows.mean(axis=-2, keepdims=True)
    spread = np.sqrt((centred**2).sum(axis=-2).prod(axis=-1))
    value: Values = centred.prod(axis=-1).sum(axis=-1) / np.where(spread > 0, spread, 1)
    return value


def run(repetitions: int) -> list[Cell]:
    """All cells; a line on standard error for each."""
    rng, cells = np.random.default_rng(0), list[Cell]()

    def note(found: Sequence[Cell]) -> None:
        cells.extend(found)
        for cell in found:
            click.echo(_line(cell), err=True)

    for case in CASES:
        for n in SIZES:
            note([single(case, n, repetitions, rng)])
    for case in CASES[:8:2]:
        for n in (37, 58):
            note([pooled(case, n, max(200, repetitions // 4), rng)])
    for spread in (0.0, 0.1, 0.3):
        for n in (50, 200):
            note(seeds(CASES[1], n, 3, spread, max(200, repetitions // 4), rng))
    for n in (50, 200):
        note([other_metric("micro F1", counts, f1_of_counts, n, max(200, repetitions // 4), rng)])
        note([other_metric("correlation", with_target, correlation, n, max(200, repetitions // 8), rng)])
    return cells


def _line(cell: Cell) -> str:
    shown = [f"{cell.what:26} {cell.case:44} n {cell.n:5}  {cell.apart:6.1f} apart"]
    for label, value in (("before", cell.before), ("after", cell.after), ("false alarms", cell.false_alarms)):
        shown += [f"{label} {value:6.1%}"] if value is not None else []
    return "  ".join([*shown, *(["sparse"] if cell.sparse else [])])


def summary(cells: Sequence[Cell]) -> list[str]:
    """By number of items: coverage before and after over the cases that are not sparse, and the range."""
    lines = []
    for n in SIZES:
        own = [cell for cell in cells if cell.what == "paired difference" and cell.n == n and not cell.sparse]
        found = {label: [getattr(cell, label) for cell in own] for label in ("before", "after")}
        alarms = [cell.false_alarms for cell in own if cell.false_alarms is not None]
        parts = [f"{label} {np.mean(each):.1%} [{min(each):.1%}, {max(each):.1%}]" for label, each in found.items()]
        lines.append(f"n = {n}: {'; '.join(parts)}; false alarms {np.mean(alarms):.1%}, at most {max(alarms):.1%}")
    return lines


@click.command()
@click.option("--repetitions", default=2000, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--check", is_flag=True, help="Exit 1 when an interval or a test misses its target.")
def main(repetitions: int, as_json: bool, check: bool) -> None:
    """Print how often intervals hold the truth and how often the permutation test errs."""
    started = time.perf_counter()
    cells = run(repetitions)
    missed = [miss for cell in cells for miss in cell.misses()]
    if as_json:
        seconds = round(time.perf_counter() - started)
        click.echo(
            json.dumps({"seconds": seconds, "cells": [asdict(cell) for cell in cells], "missed": missed}, indent=2)
        )
    else:
        click.echo("\n".join([*summary(cells), *(missed or ["all targets met"])]))
    if check and missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
