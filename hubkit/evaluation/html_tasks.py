"""What a page shows of a report's tasks: a plot and a table of the main metrics by language, all gains, the strata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hubkit.evaluation.plots import Forest, forest
from hubkit.evaluation.report import Change, Report
from hubkit.evaluation.task_result import SEVERAL, Stratum, TaskGain, TaskResult

CORE = "core"
_FITTING = 1.0  # differences beyond it are of no share, and have no place in the plot of those


@dataclass(frozen=True, slots=True)
class TaskSection:
    """The tasks in one language, or the means over several; ``systems`` are the columns of the table."""

    title: str
    systems: list[str]
    main: list[TaskResult]
    other: list[TaskResult]
    plot: Forest | None
    strata: list[tuple[TaskResult, Stratum]]


def task_sections(report: Report) -> list[TaskSection]:
    """One section for each language of the report's tasks, those of means over languages first."""
    languages = list(dict.fromkeys(result.language for result in report.tasks))
    languages.sort(key=lambda language: language != SEVERAL)
    return [_section([each for each in report.tasks if each.language == language]) for language in languages]


def _section(results: Sequence[TaskResult]) -> TaskSection:
    first = results[0]
    main = [result for result in results if result.main]
    over = f"mean over {', '.join(first.languages)}" if first.language == SEVERAL else first.language
    return TaskSection(
        title=over,
        systems=list(dict.fromkeys(name for result in results for name in result.values)),
        main=main,
        other=[result for result in results if not result.main],
        plot=_plot(main),
        strata=[(result, stratum) for result in main for stratum in result.strata if stratum.over_core is not None],
    )


def _plot(results: Sequence[TaskResult]) -> Forest | None:
    """Gains over the core, raw and centred together."""
    rows: dict[str, dict[str, Change]] = {}
    for result in results:
        gain = result.gain(CORE)
        if gain is not None and is_share(gain):
            rows.setdefault(f"{result.task}, {result.metric}", {})[result.view] = as_change(gain)
    return forest(list(rows.items()), "adapter − core; to the right is better") if rows else None


def is_share(gain: TaskGain) -> bool:
    """Whether the gain has a place in a plot of shares: of R@1, accuracy, F1, a correlation."""
    return max(map(abs, gain.ci95)) <= _FITTING


def as_change(gain: TaskGain) -> Change:
    """The gain without its tests."""
    return Change(
        value=gain.value,
        ci95=gain.ci95,
        verdict=gain.verdict,
        n=gain.n,
        minimum_detectable=gain.minimum_detectable,
    )
