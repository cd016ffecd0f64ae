"""``hubkit add-language``: from nothing to an evaluated, documented, installed adapter."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hubkit.adapter.store import Adapter, adapter_from_state, random_adapter
from hubkit.core import open_core
from hubkit.durable import locked
from hubkit.evaluation.compare import damage, evaluate
from hubkit.evaluation.controls import Control, encode_with, train_wrong_family, unrelated_suites, wrong_family
from hubkit.evaluation.report import Damage, Evaluation, Report
from hubkit.languages import Language, find
from hubkit.registry.installed import Installed, list_installed
from hubkit.runtime.encoder import Encoder
from hubkit.settings import settings
from hubkit.training.budget import Budget, parse_budget
from hubkit.training.loop import Trained, Training
from hubkit.training.mixture import mix
from hubkit.training.strength import Choice
from hubkit.training.targets import Targets
from hubkit.workflows.cost import Cost
from hubkit.workflows.data import collect
from hubkit.workflows.events import Events, Silent
from hubkit.workflows.publishable import Made, publishable
from hubkit.workflows.tuning import development_scores, tune_strength, with_mean_vector
from hubkit.workflows.work import DEFAULT_BUDGET, Request, Work

__all__ = ["DEFAULT_BUDGET", "Outcome", "Request", "add_language"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The installed adapter with its report."""

    installed: Installed
    report: Report


def add_language(request: Request, events: Events | None = None) -> Outcome:
    """Train, evaluate and install an adapter for a language. Interrupted, the same request goes on where it stopped.

    Raises the :class:`hubkit.errors.HubkitError` of the part that failed; nothing is installed then.
    """
    language, budget, events, cost = find(request.language), parse_budget(request.budget), events or Silent(), Cost()
    name = f"lang-{language.tag}"
    with locked(settings().adapters / f".{name}.training.lock", f"The adapter {name}"):
        with _phase("core", cost, events):
            encoder = Encoder(open_core(request.core, events.advance))
        with _phase("corpora", cost, events):
            work = _gather(request, language, budget, encoder, cost, events)
        with _phase("training", cost, events):
            trained = _train(work)
        with _phase("strength", cost, events):
            adapter, choice = _tune(work, name, trained)
        with _phase("control", cost, events):
            control = _control(work, trained.state.step)
        with _phase("evaluation", cost, events):
            evaluations, harm = _evaluate(work, adapter, control)
        with _phase("artifact", cost, events):
            made = Made(work, next_version(name), adapter, choice, trained, evaluations, harm)
            outcome = Outcome(*publishable(made))
        shutil.rmtree(_run_folder(work), ignore_errors=True)
        work.targets.close()
    return outcome


@contextmanager
def _phase(name: str, cost: Cost, events: Events) -> Iterator[None]:
    events.phase(name)
    with cost.phase(name):
        yield


def _gather(request: Request, language: Language, budget: Budget, encoder: Encoder, cost: Cost, events: Events) -> Work:
    """Text, suites and everything else that the later steps share."""
    data = collect(
        language, request.recipe, request.data, request.suites, request.dev, request.sources, request.data_license,
        events,
    )  # fmt: skip
    for warning in data.warnings:
        events.warn(warning)
    mixture = mix(data.pairs, language.tag, request.recipe.alpha, request.recipe.own)
    return Work(request, language, budget, encoder, Targets(encoder), data, mixture, cost, events)


def _run_folder(work: Work) -> Path:
    """The same request on the same text has the same folder, which is how an interrupted run is found again."""
    fingerprint, digest = work.encoder.core.fingerprint, work.data.digest()
    parts = [work.request.recipe.model_dump(), str(work.budget), fingerprint, digest, work.request.seed]
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    return settings().runs / f"lang-{work.language.tag}-{key}"


def _train(work: Work) -> Trained:
    request, data, mixture, tag = work.request, work.data, work.mixture, work.language.tag
    training = Training(
        work.encoder.core, request.recipe, mixture, work.targets, work.budget, request.seed, _run_folder(work)
    )
    if training.resumed:
        work.events.note(f"resuming at step {training.state.step}")
    trained = training.run(work.events.training, development_scores(work, training))
    own = len(data.pairs[tag])
    if trained.state.sentences * mixture.shares[tag] < own:
        data.warnings.append(
            f"The budget {work.budget} was too small to see each of the {own:,} sentences of {work.language.name} once."
        )
        work.events.warn(data.warnings[-1])
    return trained


def _tune(work: Work, name: str, trained: Trained) -> tuple[Adapter, Choice]:
    adapter = adapter_from_state(name, work.request.recipe.method, trained.config, trained.tensors, work.encoder.core)
    choice = tune_strength(work, adapter, work.request.strength)
    return with_mean_vector(work, adapter.with_strength(choice.strength)), choice


def _control(work: Work, steps: int) -> Control | None:
    if not work.request.controls:
        return None
    family, request = wrong_family(work.language), work.request
    control = train_wrong_family(
        family, work.encoder.core, request.recipe, work.data.sources, work.targets, steps, request.seed,
        work.events.training,
    )  # fmt: skip
    work.events.note(f"{family}, {control.steps} steps{', trained before' if control.cached else ''}")
    return control


def _evaluate(work: Work, adapter: Adapter, control: Control | None) -> tuple[Sequence[Evaluation], Damage | None]:
    encoder, descriptions = work.encoder, {}
    chance = random_adapter(adapter, encoder.core, work.request.seed + 1)
    systems = {
        "core": encode_with(encoder),
        "adapter": encode_with(encoder.adapted(adapter)),
        "random": encode_with(encoder.adapted(chance)),
    }
    if control is not None:
        systems["wrong-family"] = encode_with(encoder.adapted(control.adapter.with_strength(adapter.strength)))
        descriptions["wrong-family"] = control.description()
    evaluations = [evaluate(systems, suite, descriptions=descriptions) for suite in work.data.suites]
    unrelated = unrelated_suites(work.language, list(work.data.pairs), work.data.damage)
    return evaluations, damage(systems["core"], systems["adapter"], unrelated)


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
