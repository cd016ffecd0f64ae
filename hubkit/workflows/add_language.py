"""``hubkit add-language``: from nothing to an evaluated, documented, installed adapter."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubkit.adapter.store import Adapter, adapter_from_state, random_adapter
from hubkit.core import Core, open_core
from hubkit.core.checkpoint import DEFAULT_CORE
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
from hubkit.training.mixture import Mixture, mix
from hubkit.training.recipe import Recipe
from hubkit.training.strength import Choice
from hubkit.training.targets import Targets
from hubkit.workflows.data import Data, collect
from hubkit.workflows.events import Events, Silent
from hubkit.workflows.publishable import Cost, Made, publishable
from hubkit.workflows.tuning import development_scores, mean_vector, tune_strength

DEFAULT_BUDGET = "180s"


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for."""

    language: str
    budget: str = DEFAULT_BUDGET
    core: str = DEFAULT_CORE
    data: tuple[str, ...] = ()
    data_license: str = "unspecified"
    dev: tuple[str, ...] = ()
    suites: tuple[Path, ...] = ()
    sources: tuple[str, ...] | None = None
    recipe: Recipe = field(default_factory=Recipe)
    seed: int = 0
    strength: float | None = None
    license: str = "Apache-2.0"
    controls: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """The installed adapter with its report."""

    installed: Installed
    report: Report


def add_language(request: Request, events: Events | None = None) -> Outcome:
    """Train, evaluate and install an adapter for a language. Interrupted, the same request goes on where it stopped.

    Raises the :class:`hubkit.errors.HubkitError` of the part that failed; nothing is installed then.
    """
    events = events or Silent()
    language, budget = find(request.language), parse_budget(request.budget)
    name = f"lang-{language.tag}"
    with locked(settings().adapters / f".{name}.training.lock", f"The adapter {name}"):
        cost = Cost()
        core = _open_core(request, cost, events)
        data = _collect(language, request, cost, events)
        encoder = Encoder(core)
        targets = Targets(encoder)
        trained, mixture = _train(request, language, core, budget, data, targets, encoder, cost, events)
        adapter, choice = _finish(name, request, core, trained, data, encoder, targets, cost, events)
        control = _control(request, language, core, trained.state.step, data, targets, cost, events)
        evaluations, harm = _evaluate(language, request, adapter, control, data, encoder, core, cost, events)
        made = Made(request, language, core, _next_version(name), adapter, choice, data, mixture, trained, budget)
        installed, report = publishable(made, evaluations, harm, encoder, cost, events)
        shutil.rmtree(_run_folder(request, core, data, budget), ignore_errors=True)
    return Outcome(installed, report)


def _open_core(request: Request, cost: Cost, events: Events) -> Core:
    events.phase("core")
    with cost.phase("core"):
        return open_core(request.core, events.advance)


def _collect(language: Language, request: Request, cost: Cost, events: Events) -> Data:
    events.phase("corpora")
    with cost.phase("corpora"):
        data = collect(
            language, request.recipe, request.data, request.suites, request.dev, request.sources,
            request.data_license, events,
        )  # fmt: skip
    for warning in data.warnings:
        events.warn(warning)
    return data


def _run_folder(request: Request, core: Core, data: Data, budget: Budget) -> Path:
    """The same request on the same text has the same folder, which is how an interrupted run is found again."""
    parts = [request.recipe.model_dump(), str(budget), core.fingerprint, data.digest(), request.seed]
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    return settings().runs / f"lang-{data.language.tag}-{key}"


def _train(
    request: Request, language: Language, core: Core, budget: Budget, data: Data, targets: Targets, encoder: Encoder,
    cost: Cost, events: Events,
) -> tuple[Trained, Mixture]:  # fmt: skip
    events.phase("training")
    recipe = request.recipe
    mixture = mix(data.pairs, language.tag, recipe.alpha, recipe.own)
    with cost.phase("training"):
        folder = _run_folder(request, core, data, budget)
        training = Training(core, recipe, mixture, targets, budget, request.seed, folder)
        if training.resumed:
            events.note(f"resuming at step {training.state.step}")
        trained = training.run(events.training, development_scores(training, data, encoder, targets))
    own = len(data.pairs[language.tag])
    if trained.state.sentences * mixture.shares[language.tag] < own:
        data.warnings.append(
            f"The budget {budget} was too small to see each of the {own:,} sentences of {language.name} once."
        )
        events.warn(data.warnings[-1])
    return trained, mixture


def _finish(
    name: str, request: Request, core: Core, trained: Trained, data: Data, encoder: Encoder, targets: Targets,
    cost: Cost, events: Events,
) -> tuple[Adapter, Choice]:  # fmt: skip
    events.phase("strength")
    with cost.phase("strength"):
        adapter = adapter_from_state(name, request.recipe.method, trained.config, trained.tensors, core)
        choice = tune_strength(adapter, request.strength, data, encoder, targets, events)
        adapter = adapter.with_strength(choice.strength)
        return mean_vector(adapter, data, encoder), choice


def _control(
    request: Request, language: Language, core: Core, steps: int, data: Data, targets: Targets, cost: Cost,
    events: Events,
) -> Control | None:  # fmt: skip
    if not request.controls:
        return None
    family = wrong_family(language)
    events.phase(f"control: {family}")
    with cost.phase("control"):
        control = train_wrong_family(
            family, core, request.recipe, data.sources, targets, steps, request.seed, events.training
        )
    if control.cached:
        events.note(f"the {family} control was trained before")
    return control


def _evaluate(
    language: Language, request: Request, adapter: Adapter, control: Control | None, data: Data, encoder: Encoder,
    core: Core, cost: Cost, events: Events,
) -> tuple[Sequence[Evaluation], Damage | None]:  # fmt: skip
    events.phase("evaluation")
    with cost.phase("evaluation"):
        systems = {"core": encode_with(encoder), "adapter": encode_with(encoder.adapted(adapter))}
        descriptions = {}
        systems["random"] = encode_with(encoder.adapted(random_adapter(adapter, core, request.seed + 1)))
        if control is not None:
            opponent = control.adapter.with_strength(adapter.strength)
            systems["wrong-family"] = encode_with(encoder.adapted(opponent))
            descriptions["wrong-family"] = control.description()
        evaluations = [evaluate(systems, suite, descriptions=descriptions) for suite in data.suites]
        unrelated = unrelated_suites(language, list(data.pairs), data.damage)
        return evaluations, damage(systems["core"], systems["adapter"], unrelated)


def _next_version(name: str) -> str:
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
