"""An adapter of several languages: what it changes on average in those it was trained on and in those held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from hubkit.evaluation.compare import Result
from hubkit.evaluation.report import Change, Pooled
from hubkit.evaluation.statistics import Values, pooled_difference
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.words import change, judged, number

View = Literal["raw", "centred"]
_VIEWS: tuple[View, ...] = ("raw", "centred")
Judged = Sequence[tuple[ParallelSuite, Mapping[str, Result]]]
"""Suites of one name in several languages, with each system's result."""


def pool(name: Literal["trained", "held out"], judged_on: Judged, seed: int = 0) -> Pooled:
    """The means over languages, with intervals over items that languages share."""
    suites = [suite for suite, _ in judged_on]
    return Pooled(
        name=name,
        suite=suites[0].name,
        languages=[suite.language for suite in suites],
        core={view: _mean(judged_on, "core", view) for view in _VIEWS},
        adapter={view: _mean(judged_on, "adapter", view) for view in _VIEWS},
        over_core={view: _over(judged_on, "core", view, seed) for view in _VIEWS},
        own={view: _over(judged_on, "wrong-family", view, seed) for view in _VIEWS}
        if all("wrong-family" in results for _, results in judged_on)
        else None,
    )


def _items(results: Mapping[str, Result], system: str, view: View) -> Values:
    items: Values = getattr(results[system], view).item_recall
    return items


def _mean(judged_on: Judged, system: str, view: View) -> float:
    return float(np.mean([_items(results, system, view).mean() for _, results in judged_on]))


def _over(judged_on: Judged, control: str, view: View, seed: int) -> Change:
    differences = [_items(results, "adapter", view) - _items(results, control, view) for _, results in judged_on]
    return Change.of(pooled_difference(differences, [suite.keys for suite, _ in judged_on], seed=seed))


def pooled_sentence(pooled: Pooled) -> str:
    """The means in words, and how much of the centred one is the family's own."""
    where = f"Over {len(pooled.languages)} languages {_NAMES[pooled.name]} ({', '.join(pooled.languages)})"
    figures = ", ".join(
        f"{view} from {number(pooled.core[view])} to {number(pooled.adapter[view])} ({judged(pooled.over_core[view])})"
        for view in _VIEWS
    )
    said = f"{where} R@1 on {pooled.suite} goes {figures}."
    if pooled.own is None:
        return said
    own = pooled.own["centred"]
    meaning = {
        "gain": "this part is the family's own",
        "loss": "another family's adapter is better",
    }.get(own.verdict, "no part is shown to be the family's own")
    return f"{said} Centred, it is {change(own)} against the wrong family: {meaning}."


_NAMES = {"trained": "that it was trained on", "held out": "that were held out of training"}
