"""``hubkit evaluate``: an adapter, a recipe or the core on every task that has the language, beside its controls."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from hubkit.core.checkpoint import DEFAULT_CORE
from hubkit.errors import HubkitError, NotFoundError, UsageError, VerificationError
from hubkit.evaluation.compare import Encode, damage, evaluation_of, results_on
from hubkit.evaluation.controls import unrelated_suites
from hubkit.evaluation.gate import gate
from hubkit.evaluation.html import write_html
from hubkit.evaluation.plan import Plan, failure, held_by, plan_of, stage_controls
from hubkit.evaluation.report import Damage, Evaluation, Report, SeedScore, write_report
from hubkit.evaluation.run import ADAPTER, CORE, Held, Run
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task import LEVELS, Level, Tested
from hubkit.evaluation.tasks.folder import FolderSuite
from hubkit.evaluation.tasks.retrieval import Pool, Retrieval
from hubkit.evaluation.vectors import open_cache
from hubkit.languages import Language
from hubkit.plugins import load_registered, run_registered
from hubkit.runtime.vector_cache import VectorCache
from hubkit.settings import settings
from hubkit.workflows.cost import Cost
from hubkit.workflows.evaluation_report import Found, report_of
from hubkit.workflows.evaluation_systems import REFERENCE_NAMES, Systems, reference
from hubkit.workflows.events import Events, Silent
from hubkit.workflows.scope import DEFAULT_SUITE
from hubkit.workflows.steps import phase
from hubkit.workflows.subject import Subject, open_subject
from hubkit.workflows.training_text import Overlap, TrainingText


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """What the user asked for. ``controls`` None means those of the level; ``seeds`` are training seeds."""

    subject: str
    languages: tuple[str, ...] = ()
    level: Level = "standard"
    tasks: tuple[str, ...] = ()
    suites: tuple[Path, ...] = ()
    controls: tuple[str, ...] | None = None
    references: tuple[str, ...] = ()
    seeds: tuple[int, ...] | None = None
    core: str = DEFAULT_CORE
    output: Path | None = None

    def plan(self) -> Plan:
        """What is to be run. Raises :class:`NotFoundError` for an unknown task."""
        return plan_of(self.level, self.tasks, self.controls)


@dataclass(frozen=True, slots=True)
class EvaluateOutcome:
    """The report and the folder that it was written to."""

    report: Report
    folder: Path


@dataclass(slots=True)
class Prepared:
    """A request whose subject is open and whose tasks are found, by the stage that runs them."""

    request: EvaluateRequest
    subject: Subject
    plan: Plan
    held: dict[Level, list[Held]]
    own: list[Held]  # the user's suites, which every stage has
    skipped: dict[str, str] = field(default_factory=dict)

    def upto(self, stage: Level) -> list[Held]:
        """What the stages up to this one run."""
        reached = LEVELS[: LEVELS.index(stage) + 1]
        return [*self.own, *(one for level in reached for one in self.held[level])]

    def as_data(self) -> dict[str, Any]:
        """What would be run, as JSON values."""
        return {
            "name": self.subject.name,
            "version": self.subject.version,
            "languages": [language.tag for language in self.subject.languages],
            "level": self.plan.level,
            "stages": {
                stage: {
                    "tasks": [f"{one.task.name} ({one.language.tag})" for one in self.held[stage]],
                    "controls": stage_controls(stage, self.plan) if self.subject.adapter is not None else [],
                }
                for stage in self.plan.stages()
            },
            "suites": [f"{one.task.name} ({one.language.tag})" for one in self.own],
            "references": list(self.request.references),
            "seeds": list(seeds_of(self)),
            "skipped": self.skipped,
        }


def evaluate(request: EvaluateRequest, events: Events | None = None) -> EvaluateOutcome:
    """Evaluate and write ``report.json`` and ``report.html``. Interrupted, the same request finds its vectors again.

    Raises :class:`VerificationError` when a suite or task that was asked for was trained on, :class:`NotFoundError` for
    what is not there, and the :class:`hubkit.errors.HubkitError` of a core or adapter that cannot be used.
    """
    events, cost = events or Silent(), Cost()
    with phase("adapter and tasks", cost, events):
        prepared = prepare(request, events)
    subject, text = prepared.subject, TrainingText(prepared.subject, cost, events)
    with phase("overlap with training", cost, events):
        overlap = _overlap(prepared, text, events)
    cache = open_cache(subject.encoder.core.fingerprint)
    try:
        found = _run(prepared, text, cache, cost, events)
        with phase("report", cost, events):
            report = report_of(request.subject, subject, prepared.plan, found, overlap, cost)
            report = report.model_copy(update={"gate": gate(report)})
            folder = request.output or report_folder(subject)
            write_report(report, folder / "report.json")
            write_html(report, folder / "report.html")
    finally:
        cache.close()
    return EvaluateOutcome(report, folder)


def report_folder(subject: Subject) -> Path:
    """Where the report of a subject lies: ``reports/lang-rw-0.1.0``."""
    name = re.sub(r"[^A-Za-z0-9._+-]+", "-", f"{subject.name}-{subject.version}").strip("-")
    return settings().reports / name


def prepare(request: EvaluateRequest, events: Events | None = None) -> Prepared:
    """Open what is evaluated and find the tasks that have its languages; nothing is encoded."""
    plan = request.plan()
    subject = open_subject(request.subject, request.core, request.languages, events or Silent())
    held: dict[Level, list[Held]] = {level: [] for level in LEVELS}
    prepared = Prepared(request, subject, plan, held, _own_suites(request, subject.languages))
    for name in plan.tasks:
        for language in subject.languages:
            try:
                stage, found = held_by(name, plan, language, asked=name in request.tasks)
            except HubkitError as error:
                if name in request.tasks:
                    raise
                prepared.skipped[name] = error.what
                continue
            if found is not None:
                held[stage].append(found)
            elif name in request.tasks and not any(one.task.name == name for one in held[stage]):
                prepared.skipped[name] = f"nothing in {language.name} ({language.tag})"
    if not prepared.upto(plan.level):
        tags = ", ".join(language.tag for language in subject.languages)
        raise NotFoundError(f"No task has anything in {tags}.", "Give sentence pairs of your own with --suite FILE.")
    return prepared


def _own_suites(request: EvaluateRequest, languages: Sequence[Language]) -> list[Held]:
    found = []
    for path in request.suites:
        task = Retrieval(FolderSuite(path))
        of_path = [Held(task, each, items) for each in languages if (items := task.items(each)) is not None]
        if not of_path:
            raise NotFoundError(f"The suite {path} has none of the languages.", "Check --suite.")
        found += of_path
    return found


def _overlap(prepared: Prepared, text: TrainingText, events: Events) -> Overlap:
    """Compare tasks with training; what was asked for and leaks is refused, what was not is left out."""
    asked = {one.task.name for one in prepared.own} | set(prepared.request.tasks)
    found = text.overlap(_texts(prepared, asked, events))
    events.note(found.how)
    leaking = found.leaking()
    for name, met in leaking.items():
        if name in asked:
            raise VerificationError(
                f"{name} cannot judge {prepared.subject.name}: training texts meet it, {met} ({found.how}).",
                "Take these sentences out of it, or evaluate on something else.",
            )
        prepared.skipped[name] = f"training texts meet it, {met}"
        events.warn(f"{name} is left out: {prepared.skipped[name]}")
    for stage in prepared.held:
        prepared.held[stage] = [one for one in prepared.held[stage] if one.task.name not in leaking]
    return found


def _texts(prepared: Prepared, asked: Collection[str], events: Events) -> dict[str, list[str]]:
    """The texts of every task; a plugin's that cannot tell them is left out, or an error when it was asked for."""
    texts: dict[str, list[str]] = {}
    silent = set()
    for one in prepared.upto(prepared.plan.level):
        name = one.task.name
        try:
            texts.setdefault(name, []).extend(run_registered("tasks", name, partial(_texts_of, one)))
        except HubkitError as error:
            if name in asked:
                raise
            silent.add(name)
            prepared.skipped[name] = error.what
            events.warn(f"{name} is left out: {error.what}")
    for stage in prepared.held:
        prepared.held[stage] = [one for one in prepared.held[stage] if one.task.name not in silent]
    return {name: found for name, found in texts.items() if name not in silent}


def _texts_of(held: Held) -> list[str]:
    found = list(held.task.texts(held.items))
    if odd := [text for text in found if not isinstance(text, str)]:
        raise TypeError(f"texts() gave {type(odd[0]).__name__}, no text")
    return found


def seeds_of(prepared: Prepared) -> tuple[int, ...]:
    """The training seeds to compare, the adapter's own first."""
    config = prepared.subject.config
    if config is None or prepared.subject.adapter is None:
        return ()
    own = config.seeds[0]
    asked = prepared.request.seeds or tuple(range(own, own + prepared.plan.seeds))
    return tuple(dict.fromkeys((own, *asked)))


def _run(prepared: Prepared, text: TrainingText, cache: VectorCache, cost: Cost, events: Events) -> Found:
    """All stages: controls as they are due, tasks on all systems so far; the smoke stage may be the end of it."""
    plan, subject = prepared.plan, prepared.subject
    systems, seeds = Systems(subject, text, cache, events), seeds_of(prepared)
    own = seeds[0] if seeds else 0
    run, stopped, siblings = Run(resamples=plan.resamples, own_seed=own), None, dict[int, Tested]()
    for stage in plan.stages():
        with phase(f"{stage}: controls", cost, events):
            systems.add(stage_controls(stage, plan))
            if stage == plan.level:
                systems.add([reference(name) for name in prepared.request.references])
                siblings = systems.seeds(seeds)
        with phase(f"{stage}: tasks", cost, events):
            for held in prepared.upto(stage):
                run.add(held, systems.of[held.language.tag], siblings, events.note)
            if stage == "smoke" and plan.level != "smoke" and (stopped := failure(run.results())) is not None:
                events.warn(f"stopped after the smoke stage: {stopped}")
                break
    with phase("retrieval and damage", cost, events):
        evaluations, scores = _evaluations(prepared, systems, siblings, own)
        harm = None if plan.level == "smoke" else _damage(subject, systems)
    skipped = {**prepared.skipped, **run.skipped}
    return Found(run, evaluations, harm, scores, seeds, skipped, systems.unavailable, stopped)


def _evaluations(
    prepared: Prepared, systems: Systems, siblings: dict[int, Tested], own: int
) -> tuple[list[Evaluation], list[SeedScore]]:
    """Retrieval on every suite among the tasks, the main one first; references have an English side of their own."""
    held = [one for one in prepared.upto(prepared.plan.level) if isinstance(one.items, Pool)]
    held.sort(key=lambda one: (one not in prepared.own, one.task.name != DEFAULT_SUITE))
    suites = [(one.language, one.items.suite) for one in held if not one.items.distractors]
    if not suites:
        raise UsageError("No suite has the language: retrieval is what a report begins with.", "Give one with --suite.")
    evaluations = [_evaluation(suite, systems.of[language.tag]) for language, suite in suites]
    first, scores = suites[0][1], list[SeedScore]()
    if siblings:
        core = systems.of[suites[0][0].tag][0].encode
        ours = evaluations[0].system(ADAPTER)
        assert ours is not None
        scores.append(SeedScore(seed=own, raw=ours.raw.mean, centred=ours.centred.mean))
        for seed, system in siblings.items():
            result = results_on({CORE: core, ADAPTER: system.encode}, first)[ADAPTER]
            scores.append(SeedScore(seed=seed, raw=result.raw.recall, centred=result.centred.recall))
    return evaluations, scores


def _evaluation(suite: ParallelSuite, systems: Sequence[Tested]) -> Evaluation:
    ours = [system for system in systems if not system.name.startswith(REFERENCE_NAMES)]
    encoders: dict[str, Encode] = {system.name: system.encode for system in ours}
    descriptions = {system.name: system.description for system in ours}
    return evaluation_of(results_on(encoders, suite), suite, descriptions=descriptions)


def _damage(subject: Subject, systems: Systems) -> Damage | None:
    named = {system.name: system for system in systems.of[subject.languages[0].tag]}
    if ADAPTER not in named:
        return None
    manifest = subject.top.manifest if subject.top else None
    trained_on = [tag for data in manifest.training_data for tag in data.languages] if manifest else []
    suite = load_registered("tasks", DEFAULT_SUITE)()
    unrelated = unrelated_suites(subject.languages[0], trained_on, suite)
    return damage(named[CORE].encode, named[ADAPTER].encode, unrelated)
