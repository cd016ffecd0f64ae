"""Whether an index should take an adapter: fixed rules on its report, and the label under which it passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from hubkit.evaluation.report import Evaluation, Report
from hubkit.evaluation.task_result import Gate
from hubkit.evaluation.words import change, judged, number

Label = Literal["own gain", "generic gain", "unattributed gain", "no gain"]
TOLERANCE = 0.02  # R@1 that an unrelated language may clearly lose
SPLIT = "a split of the training source"
"""How the origin of a suite begins that was taken from a training source for want of another."""
_OVERLAPS = ("exact", "normalised", "words")


def gate(report: Report) -> Gate:
    """The gate; ``reasons`` are those against the adapter, or what speaks for it.

    It passes when on one suite, which is no split of a training source, the raw adapter beats the raw core and the
    centred adapter the centred core, both outside the interval; when no unrelated language, nor their mean, clearly
    loses more than :data:`TOLERANCE`; and when nothing of the suites was in the training text. What is not better,
    centred, than the wrong-family adapter is a generic gain; where that was not run, nobody knows whose gain it is.
    Both pass under that name.
    """
    winning = [evaluation for evaluation in (report, *report.further) if beats_core(evaluation)]
    against = [*_losses(report, winning), *_harms(report), *_overlap(report)]
    if against:
        return Gate(passed=False, label=_label(winning), reasons=against)
    return Gate(passed=True, label=_label(winning), reasons=[_win(evaluation) for evaluation in winning])


def beats_core(evaluation: Evaluation) -> bool:
    """Whether raw beats raw and centred beats centred, on a suite whose source was held out."""
    gain = evaluation.gain("core")
    held_out = not evaluation.suite.origin.startswith(SPLIT)
    return held_out and gain is not None and gain.raw.verdict == "gain" and gain.centred.verdict == "gain"


def _label(winning: list[Evaluation]) -> Label:
    """The best that any of the suites shows."""
    if not winning:
        return "no gain"
    over = [evaluation.gain("wrong-family") for evaluation in winning]
    if any(gain is not None and gain.centred.verdict == "gain" for gain in over):
        return "own gain"
    return "generic gain" if any(over) else "unattributed gain"


def _win(evaluation: Evaluation) -> str:
    gain = evaluation.gain("core")
    assert gain is not None
    where = f"{evaluation.suite.name} in {evaluation.suite.language} ({evaluation.suite.n} pairs)"
    return f"beats the core on {where}: {change(gain.raw)} raw, {change(gain.centred)} centred"


def _losses(report: Report, winning: list[Evaluation]) -> Iterator[str]:
    if winning:
        return
    for evaluation in (report, *report.further):
        gain, suite = evaluation.gain("core"), evaluation.suite
        where = f"on {suite.name} in {suite.language} ({suite.n} pairs)"
        if gain is None:
            yield f"{where} no adapter was compared with the core"
            continue
        views = [("the core", gain.raw, "raw"), ("the centred core", gain.centred, "centred")]
        for core, difference, view in views:
            if difference.verdict != "gain":
                yield f"{where} the {view} adapter does not beat {core}: {judged(difference)}"


def _harms(report: Report) -> Iterator[str]:
    damage = report.damage
    if damage is None:
        yield "what it does to unrelated languages was not measured"
        return
    named = [(row.language, row.change) for row in damage.rows]
    for language, difference in [*named, ("unrelated languages on average", damage.mean)]:
        if difference.verdict == "loss" and difference.value < -TOLERANCE:
            yield f"it harms {language}: {change(difference)}, more than {number(TOLERANCE)} is allowed"


def _overlap(report: Report) -> Iterator[str]:
    if report.overlap is None:
        yield "the suites were not compared with the training text"
        return
    for kind in _OVERLAPS:
        if count := report.overlap.get(kind, 0):
            yield f"{count} training texts meet a suite ({kind})"
