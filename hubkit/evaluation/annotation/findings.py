"""What the judgements of a suite come to: thresholds, agreement, and whether the suite's alignment can be trusted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from hubkit.evaluation.annotation.agreement import Agreement, agreement
from hubkit.evaluation.annotation.judgement import Judgement
from hubkit.evaluation.annotation.threshold import Threshold, calibrate
from hubkit.evaluation.measure import View
from hubkit.evaluation.report import Fraction
from hubkit.evaluation.task_result import Strict
from hubkit.evaluation.words import number

WRONG_FROM = 0.02  # of the true pairs surely different: the alignment is called doubtful
_VIEWS: tuple[View, ...] = ("raw", "centred")
_Z = 1.959964


class Share(Strict):
    """A share of the suite's true pairs with its 95 % interval."""

    value: Fraction
    ci95: tuple[float, float]


class Alignment(Strict):
    """How the suite's true pairs were judged; ``suspects`` are the keys of those that somebody called different."""

    pairs: int
    different: Share
    related: Share
    doubtful: bool
    suspects: list[str]


class Findings(Strict):
    """Everything that the judgements of one suite say about it and about one system's cosines."""

    schema_version: int = 1
    language: str
    suite: str
    system: str
    core: str
    annotators: dict[str, int]  # name → pairs
    pairs: int
    thresholds: list[Threshold]
    alignment: Alignment | None
    agreements: list[Agreement]
    words: list[str]


def findings(judgements: Iterable[Judgement]) -> list[Findings]:
    """One for each suite and system that was judged, in a stable order."""
    groups: dict[tuple[str, str, str, str], list[Judgement]] = defaultdict(list)
    for one in judgements:
        groups[(one.language, one.suite, one.system, one.core)].append(one)
    return [_findings(groups[key]) for key in sorted(groups)]


def _findings(judgements: list[Judgement]) -> Findings:
    first = judgements[0]
    by_annotator: dict[str, list[Judgement]] = defaultdict(list)
    for one in judgements:
        by_annotator[one.annotator].append(one)
    calibrated = {view: calibrate(judgements, view) for view in _VIEWS}
    alignment = judged_alignment(judgements)
    agreements = [found for a, b in combinations(sorted(by_annotator), 2)
                  if (found := agreement(by_annotator[a], by_annotator[b])) is not None]  # fmt: skip
    pairs = len({one.id for one in judgements})
    return Findings(
        language=first.language,
        suite=first.suite,
        system=first.system,
        core=first.core,
        annotators={name: len(own) for name, own in sorted(by_annotator.items())},
        pairs=pairs,
        thresholds=[found for found in calibrated.values() if isinstance(found, Threshold)],
        alignment=alignment,
        agreements=agreements,
        words=[
            _who(by_annotator, pairs, first),
            *(_threshold_words(view, found) for view, found in calibrated.items()),
            *([_alignment_words(alignment, first.suite)] if alignment else []),
            *(found.words for found in agreements),
        ],
    )


def judged_alignment(judgements: Sequence[Judgement]) -> Alignment | None:
    """How the true pairs were judged; several annotators of a pair count as one pair. None without any."""
    by_pair: dict[str, list[Judgement]] = defaultdict(list)
    for one in judgements:
        if one.kind == "true" and one.grade is not None:
            by_pair[one.id].append(one)
    if not by_pair:
        return None
    pairs = list(by_pair.values())
    weights = np.array([own[0].weight for own in pairs])
    different, related = (
        weighted_share([sum(one.label == label for one in own) / len(own) for own in pairs], weights)
        for label in ("different", "related")
    )
    suspects = [own[0].key for own in pairs if any(one.label == "different" for one in own)]
    doubtful = different.ci95[0] > WRONG_FROM
    return Alignment(pairs=len(pairs), different=different, related=related, doubtful=doubtful, suspects=suspects)


def weighted_share(values: Sequence[float], weights: npt.NDArray[np.float64]) -> Share:
    """Weighted mean of ``values`` (n,), 0 … 1, with Wilson's interval (1927, JASA 22) for Kish's effective number.

    That number is (Σw)² / Σw² (Kish 1965, *Survey Sampling*): pairs that stand for many count less than they are.
    """
    value = float(weights @ np.asarray(values) / weights.sum())
    n = float(weights.sum() ** 2 / (weights**2).sum())
    centre = (value + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * (value * (1 - value) / n + _Z**2 / (4 * n * n)) ** 0.5
    return Share(value=min(1.0, value), ci95=(max(0.0, centre - half), min(1.0, centre + half)))


def _who(by_annotator: dict[str, list[Judgement]], pairs: int, first: Judgement) -> str:
    names = ", ".join(f"{name} ({len(own)})" for name, own in sorted(by_annotator.items()))
    counted = "1 pair" if pairs == 1 else f"{pairs} pairs"
    verb = "was" if pairs == 1 else "were"
    return f"{counted} of {first.suite} in {first.language} {verb} judged, by {names}; cosines of {first.system}."


def _threshold_words(view: View, found: Threshold | str) -> str:
    if isinstance(found, str):
        return f"No threshold for the {view} cosine: {found}."
    low, high = found.ci95
    return (
        f"From a {view} cosine of {number(found.value, 3)} [{number(low, 3)}, {number(high, 3)}] two sentences are "
        f"more likely than not to mean the same; {round(100 * found.right)} % of the answers are on its right side."
    )


def _alignment_words(found: Alignment, suite: str) -> str:
    said = (
        f"Of the pairs that {suite} calls translations, {_percent(found.different)} are judged different and "
        f"{_percent(found.related)} only related ({found.pairs} judged)."
    )
    if found.doubtful:
        return f"{said} THE ALIGNMENT OF {suite} IS DOUBTFUL; look at {', '.join(found.suspects[:8])}."
    return f"{said} That is no proof of a wrong alignment."


def _percent(share: Share) -> str:
    low, high = (round(100 * bound) for bound in share.ci95)
    return f"{round(100 * share.value)} % [{low}, {high}]"
