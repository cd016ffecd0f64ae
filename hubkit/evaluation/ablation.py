"""The table of an ablation: every arm, its difference to the control arm, and what the right family adds.

Intervals are paired bootstrap over items, the same items in all languages that share them. From three seeds on, the
seed is a random effect: Student's t of the seeds' means is an interval of its own, and the two are combined as limits
of a sum (Zou & Donner 2008, "Construction of confidence limits about effect measures", Statistics in Medicine 27).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hubkit.evaluation.intervals import CONFIDENCE, t_quantile
from hubkit.evaluation.measure import View
from hubkit.evaluation.retrieval import centred, retrieve
from hubkit.evaluation.statistics import Difference, pooled_difference
from hubkit.evaluation.suite import ParallelSuite

Values = npt.NDArray[np.float64]
SUBSETS = ("trained", "held out", "wrong family")
"""Languages that the adapters were trained on, those that nothing was, and those that the controls were."""
FEWEST_SEEDS = 3  # fewer say nothing of how much a seed matters


@dataclass(frozen=True, slots=True)
class Scored:
    """R@1 of each item (n,), 0, ½ or 1, of one adapter on one language of one test."""

    arm: str
    role: str
    seed: int
    test: str
    language: str
    strength: float
    view: View
    items: Values

    def as_dict(self) -> dict[str, Any]:
        """What differs within a cell; an item is 0, 1 or 2 directions that found their translation."""
        items = "".join(str(int(value)) for value in 2 * self.items)
        return {
            "test": self.test, "language": self.language, "strength": self.strength, "view": self.view, "items": items,
        }  # fmt: skip

    @classmethod
    def of(cls, content: Mapping[str, Any], cell: Mapping[str, Any]) -> Scored:
        """The reverse of :meth:`as_dict`, in ``cell``."""
        items = np.array([int(digit) for digit in content["items"]]) / 2
        return cls(
            cell["arm"], cell["role"], cell["seed"], content["test"], content["language"], content["strength"],
            content["view"], items,
        )  # fmt: skip


def score(blank: Scored, texts: npt.ArrayLike, english: npt.ArrayLike, test: ParallelSuite) -> list[Scored]:
    """``blank`` with the retrieval of ``texts`` (n, h) against ``english`` (n, h), raw and centred."""
    words = {"texts": test.texts, "english": test.english}
    raw, without = retrieve(texts, english, **words), retrieve(centred(texts), centred(english), **words)
    return [
        replace(blank, view="raw", items=raw.item_recall),
        replace(blank, view="centred", items=without.item_recall),
    ]


def core_scores(texts: npt.ArrayLike, english: npt.ArrayLike, test: ParallelSuite) -> list[Scored]:
    """The frozen core's, which has no seed and no strength."""
    return score(Scored("core", "core", 0, test.name, test.language, 0.0, "raw", np.empty(0)), texts, english, test)


@dataclass(frozen=True, slots=True)
class Row:
    """One arm on one test, at one strength and in one view; differences are means over languages and seeds."""

    test: str
    languages: str  # one of :data:`SUBSETS`
    strength: float
    view: View
    arm: str
    score: float
    core: float
    groups: int  # pairs of language and seed
    over_control: Difference | None
    own: Difference | None  # the right family minus the wrong one

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        plain = {name: getattr(self, name) for name in ("test", "languages", "strength", "view", "arm", "groups")}
        return {
            **plain, "score": round(self.score, 4), "core": round(self.core, 4),
            "over_control": _difference(self.over_control), "own": _difference(self.own),
        }  # fmt: skip


def _difference(difference: Difference | None) -> dict[str, Any] | None:
    if difference is None:
        return None
    return {
        "value": round(difference.value, 4), "ci95": [round(difference.low, 4), round(difference.high, 4)],
        "verdict": difference.verdict, "n": difference.n,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """All rows, and every language's score."""

    control: str
    rows: tuple[Row, ...]
    by_language: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"rows": [row.as_dict() for row in self.rows], "by_language": list(self.by_language)}


Cells = dict[tuple[str, int], Values]  # (language, seed) → items


def table(
    scores: Sequence[Scored], tests: Sequence[ParallelSuite], control: str, arms: Sequence[str],
    trained_on: Collection[str], wrong: Collection[str] = (),
) -> Table:  # fmt: skip
    """The table of ``scores``; languages in ``trained_on``, those in ``wrong`` and the others are pooled apart."""

    def group_of(language: str) -> str:
        trained, held_out, of_controls = SUBSETS
        return trained if language in trained_on else of_controls if language in wrong else held_out

    keys = {(test.name, test.language): test.keys for test in tests}
    rows = []
    for test in dict.fromkeys(test.name for test in tests):
        for subset in SUBSETS:
            if chosen := [each for each in scores if each.test == test and group_of(each.language) == subset]:
                named = {language: names for (name, language), names in keys.items() if name == test}
                rows += _rows(chosen, named, control, arms, test, subset)
    return Table(control, tuple(rows), tuple(_by_language(scores)))


def _rows(
    scores: Sequence[Scored], keys: Mapping[str, Sequence[str]], control: str, arms: Sequence[str], test: str,
    subset: str,
) -> list[Row]:  # fmt: skip
    found = []
    for strength in sorted({each.strength for each in scores if each.role == "right"}):
        for view in ("raw", "centred"):
            of = _selector(scores, strength, view)
            reference = of(control, "right")
            for arm in arms:
                if not (right := of(arm, "right")):
                    continue
                core = {each.language: each.items for each in scores if each.role == "core" and each.view == view}
                found.append(
                    Row(
                        test, subset, strength, view, arm,
                        score=float(np.mean([items.mean() for items in right.values()])),
                        core=float(np.mean([core[language].mean() for language, _ in right])),
                        groups=len(right),
                        over_control=pooled(right, reference, keys) if arm != control else None,
                        own=pooled(right, of(arm, "wrong"), keys),
                    )
                )  # fmt: skip
    return found


def _selector(scores: Sequence[Scored], strength: float, view: str) -> Callable[[str, str], Cells]:
    here = [each for each in scores if each.strength == strength and each.view == view]

    def of(arm: str, role: str) -> Cells:
        return {(each.language, each.seed): each.items for each in here if (each.arm, each.role) == (arm, role)}

    return of


def pooled(ours: Cells, theirs: Cells, keys: Mapping[str, Sequence[str]], seed: int = 0) -> Difference | None:
    """Mean over languages of ``ours − theirs``, on the (language, seed) that both have; None where there are none.

    Items with the same key are drawn together. From :data:`FEWEST_SEEDS` seeds on, all with the same languages, the
    interval is for other seeds too.
    """
    both = sorted(ours.keys() & theirs.keys())
    if not both:
        return None
    languages = sorted({language for language, _ in both})
    seeds = {language: [number for tag, number in both if tag == language] for language in languages}
    matrices = [_matrix(ours, theirs, language, seeds[language]) for language in languages]
    named = [keys[language] for language in languages]
    over_items = pooled_difference([matrix.mean(axis=0) for matrix in matrices], named, seed=seed)
    if len(seeds[languages[0]]) < FEWEST_SEEDS or len({tuple(each) for each in seeds.values()}) > 1:
        return over_items
    return _for_other_seeds(over_items, np.mean([matrix.mean(axis=1) for matrix in matrices], axis=0))


def _matrix(ours: Cells, theirs: Cells, language: str, seeds: Sequence[int]) -> Values:
    """Differences (seeds, items)."""
    return np.stack([ours[language, number] - theirs[language, number] for number in seeds])


def _for_other_seeds(over_items: Difference, by_seed: Values) -> Difference:
    """The interval widened by that of the mean of ``by_seed`` (seeds,), Student's t."""
    count, value = len(by_seed), over_items.value
    error = float(by_seed.std(ddof=1)) / math.sqrt(count)
    half = error * t_quantile((1 + CONFIDENCE) / 2, count - 1)
    low, high = math.hypot(value - over_items.low, half), math.hypot(over_items.high - value, half)
    return Difference(value, value - low, value + high, math.hypot(over_items.error, error), over_items.n)


def _by_language(scores: Sequence[Scored]) -> list[dict[str, Any]]:
    """The mean over seeds of every arm, language, test, strength and view."""
    groups: dict[tuple[Any, ...], list[float]] = {}
    for each in scores:
        key = (each.test, each.language, each.arm, each.role, each.strength, each.view)
        groups.setdefault(key, []).append(float(each.items.mean()))
    names = ("test", "language", "arm", "role", "strength", "view")
    return [
        {**dict(zip(names, key, strict=True)), "score": round(float(np.mean(values)), 4),
         "seeds": [round(value, 4) for value in values]}
        for key, values in sorted(groups.items())
    ]  # fmt: skip
