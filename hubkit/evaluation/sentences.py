"""Two systems on one suite, sentence by sentence: what improved, what regressed, and which wrong sentence won."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubkit.evaluation.compare import Encode, encode_distinct, scores
from hubkit.evaluation.measure import View
from hubkit.evaluation.neighbours import Nearest, nearest_wrong
from hubkit.evaluation.report import Change, LanguageInfo, Scores, SuiteInfo
from hubkit.evaluation.retrieval import Retrieval, centred, retrieve
from hubkit.evaluation.statistics import paired_difference
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task_items import TaskComparison
from hubkit.evaluation.task_result import Strict
from hubkit.evaluation.words import change, number

VIEWS: tuple[View, ...] = ("raw", "centred")
Ranks = npt.NDArray[np.int64]


class Winner(Strict):
    """The wrong sentence that stood first in the place of the right one."""

    key: str
    text: str
    cosine: float


class Direction(Strict):
    """One direction of a sentence's retrieval; a winner is there where the rank is not 1."""

    rank_before: int
    rank_after: int
    winner_before: Winner | None
    winner_after: Winner | None


class SentenceChange(Strict):
    """A pair whose R@1 (mean of its two directions: 0, ½ or 1) is not what it was."""

    key: str
    text: str
    english: str
    change: float
    forward: Direction  # text → English
    backward: Direction  # English → text


class SuiteComparison(Strict):
    """Two systems on one suite in one view, the sentences that improved and regressed the most first.

    Of the pairs whose R@1 is the same, ``nearer`` have better ranks and ``farther`` worse ones, ``same`` neither.
    """

    suite: SuiteInfo
    view: View
    before: Scores
    after: Scores
    difference: Change
    improved: list[SentenceChange]
    regressed: list[SentenceChange]
    improved_in_all: int  # the lists may be cut
    regressed_in_all: int
    nearer: int
    farther: int
    same: int
    words: list[str]


class Compared(Strict):
    """One of the two systems: as it was asked for, and what that is."""

    name: str
    description: str
    versions: dict[str, str] = {}  # of its adapters


class ComparisonReport(Strict):
    """``hubkit compare``: two systems in one language, suite by suite."""

    schema_version: int = 1
    language: LanguageInfo
    before: Compared
    after: Compared
    suites: list[SuiteComparison]
    tasks: list[TaskComparison] = []
    created: str
    hubkit_version: str


def limited(comparison: ComparisonReport, limit: int | None) -> ComparisonReport:
    """The same with at most ``limit`` sentences in each list; all of them without a limit."""
    kept = {
        name: [
            part.model_copy(update={"improved": part.improved[:limit], "regressed": part.regressed[:limit]})
            for part in getattr(comparison, name)
        ]
        for name in ("suites", "tasks")
    }
    return comparison.model_copy(update=kept)


@dataclass(frozen=True, slots=True)
class _Found:
    """One system's ranks in one view, and the nearest wrong sentence of every query in both directions."""

    ranks: Retrieval
    forward: Nearest
    backward: Nearest


def compare_sentences(
    before: Encode, after: Encode, suite: ParallelSuite, english: npt.ArrayLike, *, seed: int = 0
) -> list[SuiteComparison]:
    """``before`` and ``after`` on ``suite``, raw and centred; ``english`` (n, d) is the core's side for both."""
    vectors = [encode_distinct(encode, suite.texts) for encode in (before, after)]
    found = []
    for view in VIEWS:
        first, second = (_found(texts, english, suite, view) for texts in vectors)
        found.append(_compared(first, second, suite, view, seed))
    return found


def _found(texts: npt.ArrayLike, english: npt.ArrayLike, suite: ParallelSuite, view: View) -> _Found:
    left, right = (texts, english) if view == "raw" else (centred(texts), centred(english))
    return _Found(
        retrieve(left, right, texts=suite.texts, english=suite.english),
        nearest_wrong(left, right, suite.texts, suite.english),
        nearest_wrong(right, left, suite.english, suite.texts),
    )


def _compared(before: _Found, after: _Found, suite: ParallelSuite, view: View, seed: int) -> SuiteComparison:
    gained = after.ranks.item_recall - before.ranks.item_recall
    nearer = _reciprocal(after.ranks) - _reciprocal(before.ranks)
    order = sorted(range(len(suite)), key=lambda item: (-abs(gained[item]), -abs(nearer[item]), item))
    improved = [item for item in order if gained[item] > 0]
    regressed = [item for item in order if gained[item] < 0]
    still = nearer[gained == 0]
    info = SuiteInfo(
        name=suite.name, origin=suite.origin, license=suite.license, domain=suite.domain, language=suite.language,
        n=len(suite),
    )  # fmt: skip
    compared = SuiteComparison(
        suite=info,
        view=view,
        before=scores(before.ranks),
        after=scores(after.ranks),
        difference=Change.of(paired_difference(after.ranks.item_recall, before.ranks.item_recall, seed=seed)),
        improved=[_change(item, before, after, suite) for item in improved],
        regressed=[_change(item, before, after, suite) for item in regressed],
        improved_in_all=len(improved),
        regressed_in_all=len(regressed),
        nearer=int((still > 0).sum()),
        farther=int((still < 0).sum()),
        same=int((still == 0).sum()),
        words=[],
    )
    return compared.model_copy(update={"words": words(compared)})


def _reciprocal(ranks: Retrieval) -> npt.NDArray[np.float64]:
    """Mean reciprocal rank of each item (n,)."""
    mean: npt.NDArray[np.float64] = (1 / ranks.forward_ranks + 1 / ranks.backward_ranks) / 2
    return mean


def _change(item: int, before: _Found, after: _Found, suite: ParallelSuite) -> SentenceChange:
    gained = after.ranks.item_recall[item] - before.ranks.item_recall[item]
    forward = [(found.ranks.forward_ranks, found.forward) for found in (before, after)]
    backward = [(found.ranks.backward_ranks, found.backward) for found in (before, after)]
    return SentenceChange(
        key=suite.keys[item],
        text=suite.texts[item],
        english=suite.english[item],
        change=float(gained),
        forward=_direction(item, forward, suite.english, suite.keys),
        backward=_direction(item, backward, suite.texts, suite.keys),
    )


def _direction(
    item: int, systems: Sequence[tuple[Ranks, Nearest]], candidates: Sequence[str], keys: Sequence[str]
) -> Direction:
    """The ranks of one sentence under both systems, and the wrong candidate that came first where the right did not."""
    ranks = [int(found[item]) for found, _ in systems]
    winners = [
        None if rank == 1 else _winner(item, nearest, candidates, keys)
        for rank, (_, nearest) in zip(ranks, systems, strict=True)
    ]
    return Direction(rank_before=ranks[0], rank_after=ranks[1], winner_before=winners[0], winner_after=winners[1])


def _winner(item: int, nearest: Nearest, candidates: Sequence[str], keys: Sequence[str]) -> Winner:
    row = int(nearest.rows[item])
    return Winner(key=keys[row], text=candidates[row], cosine=round(float(nearest.cosines[item]), 4))


def words(compared: SuiteComparison) -> list[str]:
    """What a comparison on one suite comes to, in sentences."""
    suite, difference = compared.suite, compared.difference
    figures = f"from {number(compared.before.mean, 3)} to {number(compared.after.mean, 3)} ({change(difference)})"
    verdict = {
        "gain": "better",
        "loss": "worse",
        "within noise": f"within noise: with {suite.n} pairs a change below about "
        f"{number(difference.minimum_detectable)} would mostly go unseen",
    }.get(difference.verdict, f"{suite.n} pairs are too few to tell")
    said = [f"{compared.view.capitalize()} R@1 on {suite.name} ({suite.n} pairs) goes {figures}: {verdict}."]
    moved = compared.improved_in_all + compared.regressed_in_all
    if not moved + compared.nearer + compared.farther:
        return [*said, "Every sentence has the rank that it had."]
    said.append(
        f"{_sentences(compared.improved_in_all)} improved and {compared.regressed_in_all} regressed; of the other "
        f"{suite.n - moved}, {compared.nearer} came nearer, {compared.farther} went farther, {compared.same} stayed."
    )
    if difference.verdict not in {"gain", "loss"} and moved:
        said.append("As the difference is not shown to be real, single sentences may have changed by chance.")
    return said


def _sentences(count: int) -> str:
    return f"{count} sentence{'' if count == 1 else 's'}"
