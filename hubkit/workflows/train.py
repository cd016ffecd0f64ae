"""``hubkit train``: from a configuration to an evaluated, documented, installed adapter."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hubkit.durable import locked
from hubkit.errors import UsageError
from hubkit.evaluation.report import Report
from hubkit.registry.installed import Installed, list_installed
from hubkit.settings import settings
from hubkit.training.config import TrainingConfig
from hubkit.training.tracking import tracker
from hubkit.workflows.cost import Cost
from hubkit.workflows.events import Events, Silent
from hubkit.workflows.publishable import Made, publishable
from hubkit.workflows.reproduce import Recorded, check_same
from hubkit.workflows.steps import (
    control,
    evaluate,
    gather,
    open_encoder,
    phase,
    run_folder,
    seed_scores,
    tune,
)
from hubkit.workflows.steps import (
    train as train_step,
)
from hubkit.workflows.work import Work


@dataclass(frozen=True, slots=True)
class Outcome:
    """The installed adapter with its report."""

    installed: Installed
    report: Report


def train(
    config: TrainingConfig, events: Events | None = None, repeats: Recorded | None = None, track: Sequence[str] = ()
) -> Outcome:
    """Train, evaluate and install an adapter. Interrupted, the same configuration goes on where it stopped.

    With ``repeats`` the text must be what it was then; ``track`` names experiment trackers
    (:mod:`hubkit.training.tracking`). Raises the :class:`hubkit.errors.HubkitError` of the part that failed; nothing is
    installed then.
    """
    events, cost = events or Silent(), Cost()
    for name in track:
        tracker(name)
    with locked(settings().adapters / f".{config.name}.training.lock", f"The adapter {config.name}"):
        work = replace(prepare(config, events, cost, repeats), track=tuple(track))
        with phase("training", cost, events):
            trained = train_step(work, work.seed)
        with phase("strength", cost, events):
            adapter, choice = tune(work, trained)
        with phase("control", cost, events):
            wrong = control(work, trained.state.step)
        with phase("evaluation", cost, events):
            found = evaluate(work, adapter, wrong)
            seeds = seed_scores(work, adapter, found.evaluations[0])
        with phase("artifact", cost, events):
            made = Made(work, next_version(config.name), adapter, choice, trained, found, tuple(seeds))
            outcome = Outcome(*publishable(made))
        for seed in config.seeds:
            shutil.rmtree(run_folder(work, seed), ignore_errors=True)
        work.targets.close()
    return outcome


def prepare(config: TrainingConfig, events: Events, cost: Cost, repeats: Recorded | None = None) -> Work:
    """Open the core and gather the text; nothing is trained."""
    if config.kind == "fusion":
        raise UsageError(f"{config.name} is a fusion.", "Train it with `hubkit fuse`.")
    if config.recipe.watches and not config.development:
        raise UsageError(
            "The recipe's patience and gate go by development text, and there is none.",
            "Give some as `development` in the configuration, or with `hubkit add-language --dev`.",
        )
    with phase("core", cost, events):
        encoder = open_encoder(config, events)
    with phase("corpora", cost, events):
        work = gather(config, encoder, cost, events)
        for note in check_same(repeats, work) if repeats is not None else ():
            events.warn(note)
            work.data.warnings.append(f"Repeated under other circumstances: {note}.")
    return work


def plan(config: TrainingConfig) -> Mapping[str, Any]:
    """What would be trained on what, as JSON values."""
    work = prepare(config, Silent(), Cost())
    data = work.data
    work.targets.close()
    return {
        "name": config.name,
        "kind": config.kind,
        "languages": [language.tag for language in data.languages],
        "held out": [language.tag for language in data.held_out],
        "under": work.pinned(),
        "sentences": {tag: len(pairs) for tag, pairs in data.pairs.items()},
        "development source": data.development_source,
        "suites": [{"name": suite.name, "language": suite.language, "pairs": len(suite)} for suite in data.suites],
        "taken out for meeting a suite": data.removed,
        "budget": config.budget,
        "corpus": {tag: gathered.counts for tag, gathered in data.own.items()},
        "config": config.model_dump(mode="json"),
    }


def next_version(name: str) -> str:
    """0.1.0, or the patch release after the newest installed one."""
    from packaging.version import InvalidVersion, Version

    versions = []
    for installed in list_installed():
        if installed.name == name:
            try:
                versions.append(Version(installed.version))
            except InvalidVersion:
                continue
    if not versions:
        return "0.1.0"
    newest = max(versions)
    return f"{newest.major}.{newest.minor}.{newest.micro + 1}"
