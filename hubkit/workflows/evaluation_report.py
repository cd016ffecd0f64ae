"""What an evaluation found, put together with its circumstances: the report."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from hubkit.errors import HubkitError
from hubkit.evaluation.assemble import build_report
from hubkit.evaluation.report import CoreInfo, read_report
from hubkit.evaluation.task_result import PlanInfo
from hubkit.version import __version__

if TYPE_CHECKING:
    from hubkit.evaluation.plan import Plan
    from hubkit.evaluation.report import Damage, Evaluation, Report, SeedScore
    from hubkit.evaluation.run import Run
    from hubkit.workflows.cost import Cost
    from hubkit.workflows.subject import Subject
    from hubkit.workflows.training_text import Overlap

_OF_TRAINING = ("corpus", "strength_curve", "learning_curve", "development_source")


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that was measured, and what could not be."""

    run: Run
    evaluations: list[Evaluation]
    harm: Damage | None
    scores: list[SeedScore]
    seeds: Sequence[int]
    skipped: dict[str, str]
    unavailable: dict[str, str]
    stopped: str | None


def report_of(command: str, subject: Subject, plan: Plan, found: Found, overlap: Overlap, cost: Cost) -> Report:
    """The report; what its training was like is taken from the report that came with the adapter."""
    core = subject.encoder.core
    main, *further = found.evaluations
    report = build_report(
        main,
        language=subject.languages[0],
        adapter=subject.info(),
        core=CoreInfo(id=core.id, fingerprint=core.fingerprint),
        further=further,
        damage=found.harm,
        overlap=overlap.counts(without=found.skipped),
        seeds=list(found.seeds),
        seed_scores=found.scores,
        cost=cost.block(),
        warnings=_warnings(found, overlap),
        provenance=_provenance(command, subject, plan),
    )
    info = PlanInfo(
        level=plan.level,
        tasks=list(plan.tasks),
        controls=list(plan.controls),
        skipped=found.skipped,
        unavailable=found.unavailable,
        stopped=found.stopped,
        comparisons=found.run.comparisons(),
        overlap_checked=overlap.how,
    )
    return report.model_copy(update={"tasks": found.run.results(), "plan": info, **_of_training(subject)})


def _warnings(found: Found, overlap: Overlap) -> list[str]:
    said = [f"Control {name} could not be had: {why}" for name, why in found.unavailable.items()]
    said += [f"Task {name} was not run: {why}" for name, why in found.skipped.items()]
    if found.stopped is not None:
        said.append(f"The evaluation stopped after its smoke stage: {found.stopped}.")
    if not overlap.tasks:
        said.append(f"Overlap of training and tasks: {overlap.how}.")
    return said


def _provenance(command: str, subject: Subject, plan: Plan) -> dict[str, str]:
    packages = {package: version(package) for package in ("torch", "transformers")}
    return {
        "command": f"hubkit evaluate {command} --level {plan.level}",
        "recipe": subject.digests,
        **packages,
        "python": platform.python_version(),
        "hubkit": __version__,
    }


def _of_training(subject: Subject) -> dict[str, Any]:
    if subject.top is None:
        return {}
    try:
        before = read_report(subject.top.folder / "report.json")
    except HubkitError:
        return {}
    return {name: getattr(before, name) for name in _OF_TRAINING}
