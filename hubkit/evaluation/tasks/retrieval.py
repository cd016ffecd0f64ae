"""The task of every suite: does a sentence find its translation, also among sentences that are nobody's translation?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hubkit.errors import NotFoundError, UsageError
from hubkit.evaluation.compare import encode_distinct
from hubkit.evaluation.measure import Measure, View, mean_of_items
from hubkit.evaluation.retrieval import Vectors, centred, folded, retrieve
from hubkit.evaluation.strata import length_classes
from hubkit.evaluation.suite import ParallelSuite, Suite
from hubkit.evaluation.task import Level, Task, Tested

if TYPE_CHECKING:
    import numpy.typing as npt

    from hubkit.languages import Language

Distractors = Suite | ParallelSuite | Path


@dataclass(frozen=True, slots=True)
class Pool:
    """A suite in one language, and English sentences that translate none of it."""

    suite: ParallelSuite
    distractors: tuple[str, ...] = ()


class Retrieval:
    """Measures ``R@1``, ``R@1 forward``, ``R@1 backward`` and ``MRR`` on a suite, raw and centred.

    ``distractors`` make the English side harder to find: the English of a suite in the same language, or of one that is
    loaded already in any, and of text files with a sentence a line. They are wrong answers only, so training may know
    them.
    """

    def __init__(
        self, suite: Suite | ParallelSuite, distractors: Sequence[Distractors] = (), level: Level | None = None
    ) -> None:
        self._suite, self._distractors = suite, tuple(distractors)
        self.name = f"{suite.name}-hard" if distractors else suite.name
        own: Level = getattr(suite, "level", "standard")
        self.level: Level = level or own

    def items(self, language: Language) -> Pool | None:
        """The suite in ``language`` with its distractors; ``None`` when there is no suite, or no distractor of many."""
        suite = _in_language(self._suite, language)
        if suite is None:
            return None
        if not self._distractors:
            return Pool(suite)
        known = {folded(sentence) for sentence in suite.english}
        further = (sentence for source in self._distractors for sentence in _english(source, language))
        distinct = {folded(sentence): sentence for sentence in further if folded(sentence) not in known}
        return Pool(suite, tuple(distinct.values())) if distinct else None

    def texts(self, items: Pool) -> Sequence[str]:
        """Both sides of the suite; distractors are no answers and may have been trained on."""
        return [*items.suite.texts, *items.suite.english]

    def measure(self, items: Pool, system: Tested) -> Sequence[Measure]:
        """The metrics of ``system``: R@1 of an item is 0, ½ or 1, its two directions' mean."""
        suite = items.suite
        texts = encode_distinct(system.encode, suite.texts)
        english = encode_distinct(system.english, (*suite.english, *items.distractors))
        return measures(texts, english, items)


def as_task(registered: Suite | Task) -> Task:
    """What ``register_tasks`` gave, as a task: a suite is measured by retrieval."""
    return registered if isinstance(registered, Task) else Retrieval(registered)


def measures(texts: Vectors, english: Vectors, items: Pool) -> list[Measure]:
    """The metrics of ``texts`` (n, d) and ``english`` (n + distractors, d)."""
    own, further = english[: len(texts)], english[len(texts) :] if items.distractors else None
    sides: dict[View, tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike | None]] = {
        "raw": (texts, own, further),
        "centred": (centred(texts), centred(own), None if further is None else centred(further, of=own)),
    }
    found = []
    for view, (left, right, wrong) in sides.items():
        ranked = retrieve(left, right, texts=items.suite.texts, english=items.suite.english, distractors=wrong)
        columns = {
            "R@1": ranked.item_recall,
            "R@1 forward": ranked.forward_hits,
            "R@1 backward": ranked.backward_hits,
            "MRR": (1 / ranked.forward_ranks + 1 / ranked.backward_ranks) / 2,
        }
        found += [_measure(metric, np.asarray(column, np.float64), view, items) for metric, column in columns.items()]
    return found


def _measure(metric: str, column: npt.NDArray[np.float64], view: View, items: Pool) -> Measure:
    suite = items.suite
    strata = {"domain": (suite.domain,) * len(suite), "length": length_classes(suite.english)}
    facts = {
        "suite": suite.name,
        "origin": suite.origin,
        "license": suite.license,
        "distractors": len(items.distractors),
    }
    return Measure(metric, column[:, None], mean_of_items, suite.keys, view, strata=strata, facts=facts)


def _in_language(suite: Suite | ParallelSuite, language: Language) -> ParallelSuite | None:
    if isinstance(suite, ParallelSuite):
        return suite if suite.language == language.tag else None
    return suite.load(language)


def _english(source: Distractors, language: Language) -> Sequence[str]:
    if isinstance(source, ParallelSuite):
        return source.english
    if not isinstance(source, Path):
        loaded = source.load(language)
        return () if loaded is None else loaded.english
    try:
        lines = source.read_text("utf-8-sig").split("\n")
    except FileNotFoundError as error:
        raise NotFoundError(f"The file of distractors {source} does not exist.", "Check the path.") from error
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise UsageError(f"The distractors {source} are no UTF-8 text: {error}.", "Give a sentence a line.") from error
    return [line.strip() for line in lines if line.strip()]
