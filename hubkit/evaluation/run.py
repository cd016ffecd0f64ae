"""Run tasks on systems: every metric of every system, the adapter's gains over each of the others, and their strata."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.errors import HubkitError
from hubkit.evaluation.comparison import compare, compare_pooled
from hubkit.evaluation.measure import Measure, View
from hubkit.evaluation.multiplicity import holm
from hubkit.evaluation.seeds import seed_effect
from hubkit.evaluation.statistics import RESAMPLES
from hubkit.evaluation.task_result import SEVERAL, SeedSpread, Stratum, TaskGain, TaskResult
from hubkit.plugins import run_registered

if TYPE_CHECKING:
    from hubkit.evaluation.task import Task, Tested
    from hubkit.languages import Language

ADAPTER, CORE = "adapter", "core"
Metric = tuple[str, View]
Measured = dict[Metric, dict[str, Measure]]
"""Metric and view → system → measure; the task's main metric first."""


@dataclass(frozen=True, slots=True)
class Held:
    """A task with its items in one language."""

    task: Task
    language: Language
    items: Any


@dataclass(slots=True)
class Run:
    """Measures as they come, task by task, and what could not be measured.

    ``seeds`` are adapters of other training seeds by seed; they are compared with nothing but the core.
    """

    seed: int = 0
    resamples: int = RESAMPLES
    own_seed: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    _measured: dict[tuple[str, str], Measured] = field(default_factory=dict)
    _seeds: dict[tuple[str, str], dict[int, Measured]] = field(default_factory=dict)

    def add(
        self, held: Held, systems: Sequence[Tested], seeds: Mapping[int, Tested] | None = None,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:  # fmt: skip
        """Measure systems on a task, those measured there before excepted; a task that fails is in ``skipped``."""
        place = (held.task.name, held.language.tag)
        known = self._measured.setdefault(place, {})
        done = {name for by_system in known.values() for name in by_system}
        try:
            for system in systems:
                if system.name not in done:
                    note(f"{held.task.name}, {held.language.tag}: {system.name}")
                    _enter(known, system.name, _measures(held, system))
            for number, system in (seeds or {}).items():
                own: Measured = {}
                _enter(own, system.name, _measures(held, system))
                self._seeds.setdefault(place, {})[number] = own
        except HubkitError as error:
            self.skipped[held.task.name] = f"{held.language.tag}: {error.what}"
            self._measured.pop(place)

    def results(self) -> list[TaskResult]:
        """All that was measured, by task and language; main metrics' p corrected by Holm over tasks and languages."""
        found = [
            result
            for (task, language), measured in self._measured.items()
            for result in _results(task, language, measured, self._seeds.get((task, language), {}), self)
        ]
        return corrected([*found, *_means(self._measured, self)])

    def comparisons(self) -> str:
        """What the corrected p-values are corrected for."""
        tasks = list(dict.fromkeys(task for task, _ in self._measured))
        tags = list(dict.fromkeys(language for _, language in self._measured))
        return (
            f"Holm 1979, for each control and view over {len(self._measured)} tasks in a language: the main metric of "
            f"{', '.join(tasks)} in {', '.join(tags)}"
        )


def _measures(held: Held, system: Tested) -> list[Measure]:
    """What the task says of a system. Raises :class:`HubkitError` that names the plugin whose task fails."""

    def measures() -> list[Measure]:
        found = list(held.task.measure(held.items, system))
        if odd := [measure for measure in found if not isinstance(measure, Measure)]:
            raise TypeError(f"measure() gave {type(odd[0]).__name__}, no hubkit.evaluation.measure.Measure")
        return found

    return run_registered("tasks", held.task.name, measures)


def _enter(measured: Measured, system: str, measures: Iterable[Measure]) -> None:
    for measure in measures:
        measured.setdefault((measure.metric, measure.view), {})[system] = measure


def _results(
    task: str, language: str, measured: Measured, seeds: Mapping[int, Measured], run: Run
) -> list[TaskResult]:  # fmt: skip
    main = next(iter(measured), ("", "raw"))[0]
    return [
        _result(task, language, metric, by_system, metric[0] == main, seeds, run)
        for metric, by_system in measured.items()
    ]


def _result(
    task: str, language: str, metric: Metric, by_system: Mapping[str, Measure], main: bool,
    seeds: Mapping[int, Measured], run: Run,
) -> TaskResult:  # fmt: skip
    shown = by_system.get(ADAPTER) or next(iter(by_system.values()))
    resamples = run.resamples if main else min(run.resamples, 2_000)
    return TaskResult(
        task=task,
        metric=metric[0],
        view=metric[1],
        language=language,
        main=main,
        higher_is_better=shown.higher_is_better,
        n=len(shown),
        values={name: measure.value for name, measure in by_system.items()},
        gains=_gains(by_system, run.seed, resamples),
        strata=_strata(by_system, shown, main, run),
        seeds=_spread(metric, by_system, seeds, run) if main else None,
        facts=dict(shown.facts),
    )


def _gains(by_system: Mapping[str, Measure], seed: int, resamples: int) -> list[TaskGain]:
    if (ours := by_system.get(ADAPTER)) is None:
        return []
    theirs = {name: measure for name, measure in by_system.items() if name != ADAPTER}
    found = compare(ours, theirs, seed=seed, resamples=resamples)
    return [TaskGain.of(name, comparison) for name, comparison in found.items()]


def _strata(by_system: Mapping[str, Measure], shown: Measure, main: bool, run: Run) -> list[Stratum]:
    found = []
    for kind, labels in shown.strata.items():
        names = list(dict.fromkeys(labels))
        for label in names:
            keys = {key for key, own in zip(shown.keys, labels, strict=True) if own == label}
            parts = {name: part(measure, keys) for name, measure in by_system.items()}
            both = {name: parts[name] for name in (ADAPTER, CORE) if name in parts}
            gains = _gains(both, run.seed, min(run.resamples, 2_000)) if main and len(names) > 1 else []
            values = {name: measure.value for name, measure in parts.items()}
            over = gains[0] if gains else None
            found.append(Stratum(kind=kind, label=label, n=len(keys), values=values, over_core=over))
    return found


def part(measure: Measure, keys: set[str]) -> Measure:
    """The measure of those items whose key is among ``keys``."""
    rows = np.array([key in keys for key in measure.keys])
    return replace(measure, rows=measure.rows[rows], keys=tuple(key for key in measure.keys if key in keys), strata={})


def _spread(
    metric: Metric, by_system: Mapping[str, Measure], seeds: Mapping[int, Measured], run: Run
) -> SeedSpread | None:
    others = {number: own[metric][ADAPTER] for number, own in seeds.items() if ADAPTER in own.get(metric, {})}
    if not others or ADAPTER not in by_system or CORE not in by_system:
        return None
    every = {run.own_seed: by_system[ADAPTER], **others}
    return SeedSpread.of(list(every), seed_effect(list(every.values()), by_system[CORE], seed=run.seed))


def _means(measured: Mapping[tuple[str, str], Measured], run: Run) -> list[TaskResult]:
    """Main metrics as unweighted means over languages, of tasks that were run in several."""
    by_task: dict[str, dict[str, Measured]] = defaultdict(dict)
    for (task, language), own in measured.items():
        by_task[task][language] = own
    return [
        _mean(task, metric, languages, run)
        for task, languages in by_task.items()
        if len(languages) > 1
        for metric in _main_metrics(languages)
    ]


def _main_metrics(languages: Mapping[str, Measured]) -> list[Metric]:
    first = next(iter(languages.values()))
    main = next(iter(first), ("", "raw"))[0]
    return [metric for metric in first if metric[0] == main and all(metric in own for own in languages.values())]


def _mean(task: str, metric: Metric, languages: Mapping[str, Measured], run: Run) -> TaskResult:
    each = [own[metric] for own in languages.values()]
    shared = [name for name in each[0] if all(name in by_system for by_system in each)]
    measures = {name: [by_system[name] for by_system in each] for name in shared}
    gains = []
    if ADAPTER in measures:
        theirs = {name: own for name, own in measures.items() if name != ADAPTER}
        found = compare_pooled(measures[ADAPTER], theirs, seed=run.seed, resamples=run.resamples)
        gains = [TaskGain.of(name, comparison) for name, comparison in found.items()]
    some = next(iter(each[0].values()))
    return TaskResult(
        task=task,
        metric=metric[0],
        view=metric[1],
        language=SEVERAL,
        languages=list(languages),
        main=True,
        higher_is_better=some.higher_is_better,
        n=sum(len(next(iter(by_system.values()))) for by_system in each),
        values={name: float(np.mean([one.value for one in own])) for name, own in measures.items()},
        gains=gains,
    )


def corrected(results: Sequence[TaskResult]) -> list[TaskResult]:
    """The results with Holm-corrected p: one family for each control and view, of main metrics in single languages."""
    families: dict[tuple[str, View], list[tuple[int, int]]] = defaultdict(list)
    for row, result in enumerate(results):
        for column, gain in enumerate(result.gains):
            if result.main and result.language != SEVERAL:
                families[gain.control, result.view].append((row, column))
    gains = [list(result.gains) for result in results]
    for places in families.values():
        adjusted = holm([gains[row][column].p for row, column in places])
        for (row, column), chance in zip(places, adjusted, strict=True):
            gains[row][column] = gains[row][column].model_copy(update={"p_holm": chance})
    return [result.model_copy(update={"gains": own}) for result, own in zip(results, gains, strict=True)]
