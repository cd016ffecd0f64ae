"""How much is evaluated: smoke in seconds, standard, full; each level begins with the ones before and may end there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hubkit.errors import NotFoundError
from hubkit.evaluation.control_systems import names_at
from hubkit.evaluation.run import CORE, Held
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task import LEVELS, Level
from hubkit.evaluation.tasks.retrieval import Pool, as_task
from hubkit.plugins import make_registered, registered

if TYPE_CHECKING:
    from hubkit.evaluation.task import Task
    from hubkit.evaluation.task_result import TaskResult
    from hubkit.languages import Language


@dataclass(frozen=True, slots=True)
class Plan:
    """What an evaluation runs: at most ``items`` sentences of a suite, adapters of ``seeds`` training seeds."""

    level: Level
    tasks: tuple[str, ...]
    controls: tuple[str, ...]
    items: int | None
    seeds: int
    resamples: int

    def stages(self) -> tuple[Level, ...]:
        """The levels to go through, the smallest first."""
        return LEVELS[: LEVELS.index(self.level) + 1]


_SIZES: dict[Level, tuple[int | None, int, int]] = {
    "smoke": (100, 1, 2_000),
    "standard": (1_000, 1, 10_000),
    "full": (None, 3, 10_000),
}


def plan_of(level: Level, tasks: Sequence[str] = (), controls: Sequence[str] | None = None) -> Plan:
    """The plan of a level; named tasks are run whatever their level, named controls instead of the level's own.

    Raises :class:`NotFoundError` for a task that is not registered.
    """
    known = registered("tasks")
    if unknown := [name for name in tasks if name not in known]:
        raise NotFoundError(f"There is no task {', '.join(unknown)}.", f"Known are: {', '.join(known)}.")
    items, seeds, resamples = _SIZES[level]
    chosen = names_at(level) if controls is None else [CORE, *(name for name in controls if name != CORE)]
    return Plan(level, tuple(tasks) or tuple(known), tuple(chosen), items, seeds, resamples)


def stage_controls(stage: Level, plan: Plan) -> list[str]:
    """Which of the plan's controls a stage is the first to run; named ones that no level has come last."""
    at = {name: level for level in reversed(LEVELS) for name in names_at(level)}
    return [name for name in plan.controls if min(at.get(name, plan.level), plan.level, key=LEVELS.index) == stage]


def held_by(name: str, plan: Plan, language: Language, asked: bool) -> tuple[Level, Held | None]:
    """The registered task ``name`` with its items in ``language``, and the stage that runs it.

    ``asked`` for by name it is run at the plan's level at the latest. None where it has nothing in the language.
    """
    owner = registered("tasks")[name]
    task: Task = as_task(make_registered("tasks", name))
    stage = min(task.level, plan.level, key=LEVELS.index) if asked else task.level
    if stage not in plan.stages():
        return stage, None
    items = owner.run(lambda: task.items(language))
    return stage, None if items is None else Held(task, language, limited(items, plan.items))


def limited(items: Any, most: int | None) -> Any:
    """At most ``most`` sentences of a suite, chosen by the hashes of their keys; other items as they are."""
    if isinstance(items, Pool):
        return replace(items, suite=limited(items.suite, most))
    if not isinstance(items, ParallelSuite) or most is None or len(items) <= most:
        return items
    chosen = sorted(sorted(range(len(items)), key=lambda row: _hash(items.keys[row]))[:most])
    columns: dict[str, Any] = {
        name: tuple(getattr(items, name)[row] for row in chosen) for name in ("texts", "english", "keys")
    }  # fmt: skip
    return replace(items, **columns)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def failure(results: Sequence[TaskResult]) -> str | None:
    """Why it is not worth going on after the smoke stage, if it is not.

    A task on which the adapter loses against the core in every view that there is.
    """
    for task in dict.fromkeys(result.task for result in results):
        mains = [result for result in results if result.task == task and result.main]
        gains = [gain for result in mains if (gain := result.gain(CORE)) is not None]
        if gains and all(gain.verdict == "loss" for gain in gains):
            lost = ", ".join(f"{gain.value:+.3f} {result.view}" for result, gain in zip(mains, gains, strict=False))
            return f"on {task} the adapter is worse than the core: {mains[0].metric} {lost}"
    return None
