"""How often the intervals of `hubkit annotate` hold the truth, with annotators whose answers are simulated.

A suite of random vectors; pairs are chosen as they are for people; an annotator calls a pair the same with a chance
that rises with its cosine and is one half at a threshold that is known. Target: at least 90 % of the 95 % intervals.

    python benchmarks/annotation.py --runs 200 --check
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass

import click
import numpy as np

from hubkit.evaluation.annotation.agreement import agreement, weighted_kappa
from hubkit.evaluation.annotation.choose import Encoded, candidates, choose
from hubkit.evaluation.annotation.findings import judged_alignment
from hubkit.evaluation.annotation.judgement import Judgement, Pair, digest
from hubkit.evaluation.annotation.threshold import Threshold, calibrate
from hubkit.evaluation.suite import ParallelSuite

TARGET = 0.90
STEEP = 12.0  # of the annotator's chance, by cosine
LABELS = ("different", "related", "same")


@dataclass(frozen=True)
class Row:
    """Share of the runs whose interval holds the truth, its mean width, and the runs that gave one."""

    what: str
    suite: int
    judged: int
    coverage: float
    width: float
    given: float


def encoded_suite(size: int, seed: int) -> Encoded:
    """Sentences that their English resembles, each to another degree."""
    rng = np.random.default_rng(seed)
    meanings = rng.normal(size=(size, 24))
    noise = rng.normal(size=meanings.shape) * rng.uniform(0.2, 1.6, size=(size, 1))
    texts, english = (tuple(f"{side}{number}" for number in range(size)) for side in "te")
    suite = ParallelSuite("simulated", "random", "CC0-1.0", "prose", "en", texts, english, tuple(map(str, range(size))))
    return Encoded.of(suite, meanings + noise, meanings)


def judgement(pair: Pair, label: str, annotator: str = "A") -> Judgement:
    return Judgement(
        annotator=annotator, time="", language="en", suite="simulated", license="CC0-1.0", system="random", core="none",
        seed=0, kind=pair.kind, key=pair.key, english_key=pair.english_key, text_sha256=digest(pair.text),
        english_sha256=digest(pair.english), cosine=pair.cosine, centred=pair.centred, stratum=pair.stratum,
        weight=pair.weight, label=label,  # type: ignore[arg-type]
    )  # fmt: skip


def row(what: str, size: int, judged: int, bounds: list[tuple[float, float] | None], truths: list[float]) -> Row:
    given = [(bound, truth) for bound, truth in zip(bounds, truths, strict=True) if bound is not None]
    hits = [low <= truth <= high for (low, high), truth in given]
    widths = [high - low for (low, high), _ in given]
    return Row(what, size, judged, float(np.mean(hits)), float(np.mean(widths)), len(given) / len(bounds))


def threshold_row(size: int, judged: int, runs: int, at: float = 0.6) -> Row:
    bounds: list[tuple[float, float] | None] = []
    for run in range(runs):
        pairs = choose(candidates(encoded_suite(size, run)), judged, seed=run)
        chances = 1 / (1 + np.exp(-STEEP * (np.array([pair.cosine for pair in pairs]) - at)))
        said = np.random.default_rng([run, 1]).random(len(pairs)) < chances
        answers = [judgement(pair, "same" if yes else "different") for pair, yes in zip(pairs, said, strict=True)]
        found = calibrate(answers, "raw", seed=run)
        bounds.append(found.ci95 if isinstance(found, Threshold) else None)
    return row("threshold", size, judged, bounds, [at] * runs)


def alignment_row(size: int, judged: int, runs: int) -> Row:
    """A suite in which true pairs are wrong the more often, the lower their cosine."""
    bounds: list[tuple[float, float] | None] = []
    truths = []
    for run in range(runs):
        found = candidates(encoded_suite(size, run))
        wrong = np.random.default_rng([run, 2]).random(size) < 0.3 * (1 - found.raw[found.texts == found.english])
        pairs = choose(found, judged, seed=run)
        answers = [judgement(pair, "different" if wrong[int(pair.key)] else "same") for pair in pairs]
        alignment = judged_alignment(answers)
        bounds.append(alignment.different.ci95 if alignment else None)
        truths.append(float(wrong.mean()))
    return row("share of wrong pairs", size, judged, bounds, truths)


def agreement_row(judged: int, runs: int, noise: float = 0.25) -> Row:
    """Two annotators who see a grade through the same noise; the truth is what very many pairs give."""

    def grades(count: int, seed: int) -> list[np.ndarray]:  # type: ignore[type-arg]
        rng = np.random.default_rng([seed, 3])
        truth = rng.integers(0, 3, count)
        return [np.where(rng.random(count) < noise, rng.integers(0, 3, count), truth) for _ in range(2)]

    first, second = grades(500_000, runs)
    truth = float(weighted_kappa(np.bincount(3 * first + second, minlength=9).astype(float)[None, :])[0])
    pairs = choose(candidates(encoded_suite(max(60, judged), 0)), judged)
    bounds = []
    for run in range(runs):
        sides = [
            [judgement(pair, LABELS[grade], name) for pair, grade in zip(pairs, own, strict=True)]
            for name, own in zip("AB", grades(judged, run), strict=True)
        ]
        found = agreement(sides[0], sides[1], seed=run)
        bounds.append(found.ci95 if found else None)
    return row("weighted kappa", 0, judged, bounds, [truth] * runs)


@click.command()
@click.option("--runs", default=200, show_default=True, help="Simulated sessions a row.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--check", is_flag=True, help="Exit with 1 when an interval holds the truth less often than it should.")
def main(runs: int, as_json: bool, check: bool) -> None:
    """Print the coverage of every interval."""
    rows = [threshold_row(size, judged, runs) for size, judged in ((300, 20), (300, 40), (300, 100), (50, 40))]
    rows += [alignment_row(size, judged, runs) for size, judged in ((300, 40), (300, 100), (50, 40))]
    rows += [agreement_row(judged, runs) for judged in (20, 40, 100)]
    if as_json:
        print(json.dumps([asdict(each) for each in rows], indent=2))
    else:
        print(f"{'':22} {'suite':>5} {'judged':>6} {'coverage':>8} {'width':>6} {'given':>6}")
        for each in rows:
            print(
                f"{each.what:22} {each.suite or '':>5} {each.judged:6} {each.coverage:8.3f} {each.width:6.3f} "
                f"{each.given:6.2f}"
            )
    if check and any(each.coverage < TARGET for each in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
