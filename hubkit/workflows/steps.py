"""The steps from a configuration to an adapter, each a call: gather, train, tune, control, evaluate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hubkit.adapter.store import Adapter, adapter_from_state, random_adapter
from hubkit.core import open_core
from hubkit.errors import HubkitError
from hubkit.evaluation.compare import Result, damage, evaluation_of, results_on
from hubkit.evaluation.controls import Control, encode_with, train_wrong_family, unrelated_suites, wrong_family
from hubkit.evaluation.pooled import pool
from hubkit.evaluation.report import Damage, Evaluation, Pooled, SeedScore
from hubkit.evaluation.suite import ParallelSuite
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.load import load
from hubkit.settings import settings
from hubkit.training.budget import parse_budget
from hubkit.training.code import code_digest
from hubkit.training.config import TrainingConfig
from hubkit.training.curriculum import mixture_of
from hubkit.training.loop import Trained, Training
from hubkit.training.network import frozen_stack, network_for
from hubkit.training.strength import Choice
from hubkit.training.targets import Targets
from hubkit.workflows.cost import Cost
from hubkit.workflows.data import collect
from hubkit.workflows.estimate import EstimateAtStart
from hubkit.workflows.events import Events
from hubkit.workflows.labelled import part_of
from hubkit.workflows.tuning import development_scores, tune_strength, with_mean_vector
from hubkit.workflows.work import Work

_CODE = "code"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What the evaluation found: the main one first, the others, and means over languages."""

    evaluations: list[Evaluation]
    harm: Damage | None
    pooled: list[Pooled]


@contextmanager
def phase(name: str, cost: Cost, events: Events) -> Iterator[None]:
    """A step that is watched and timed."""
    events.phase(name)
    with cost.phase(name):
        yield


def open_encoder(config: TrainingConfig, events: Events) -> Encoder:
    """The frozen core; where the adapter is stacked on others, with a bank that finds them."""
    core = open_core(config.core, events.advance)  # it may have to be fetched, which is shown
    return load(core=config.core) if config.under else Encoder(core)


def gather(config: TrainingConfig, encoder: Encoder, cost: Cost, events: Events) -> Work:
    """Text, suites and everything else that the later steps share."""
    under = None if config.under is None else frozen_stack(config.under, encoder.core)
    data = collect(config, events)
    for warning in data.warnings:
        events.warn(warning)
    target = data.language.tag if config.kind in ("language", "fusion") else None
    domains = {source.name: source.domain for source in data.sources}
    mixture = mixture_of(config.recipe, data.pairs, target, config.seeds[0], domains)
    targets, budget = Targets(encoder.adapted(None)), parse_budget(config.budget)
    return Work(config, budget, encoder, targets, data, mixture, cost, events, under)


def run_folder(work: Work, seed: int) -> Path:
    """The same request on the same text has the same folder, which is how an interrupted run is found again."""
    config = work.config
    further = [each.model_dump(exclude={"data"}) for each in config.objectives]
    parts = [
        config.recipe.model_dump(), further, str(work.budget), work.encoder.core.fingerprint, work.data.digest(), seed,
        str(work.under), config.warm_start,
    ]  # fmt: skip
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    return settings().runs / f"{config.name}-{key}"


def training_of(work: Work, seed: int, folder: Path) -> Training:
    """The run of one seed in ``folder``."""
    config, data = work.config, work.data
    under = None if work.under is None else str(work.under)
    network = network_for(config.recipe, work.encoder, seed, under, config.warm_start)
    further = [part_of(each, config, seed) for each in data.further]
    return Training(
        work.encoder.core, config.recipe, work.mixture, work.targets, work.budget, seed, folder, network, further,
        data.labels,
    )  # fmt: skip


def train(work: Work, seed: int) -> Trained:
    """Train to the end of the budget, going on from the checkpoint of an interrupted run.

    Raises :class:`HubkitError` where that checkpoint was made by other code.
    """
    folder = run_folder(work, seed)
    _check_code(folder, work.config.recipe.objective)
    training = training_of(work, seed, folder)
    if training.resumed:
        work.events.note(f"resuming at step {training.state.step}")
    watching = EstimateAtStart(work, training)
    trained = training.run(watching, development_scores(work, training))
    for warning in (*trained.state.warnings, *_unseen(work, trained)):
        work.data.warnings.append(warning)
        work.events.warn(warning)
    return trained


def _check_code(folder: Path, objective: str) -> None:
    """Note which code trains in the folder; refuse a checkpoint of other code."""
    code, mark = code_digest(objective), folder / _CODE
    if mark.is_file() and mark.read_text("utf-8") != code:
        raise HubkitError(
            f"The unfinished run in {folder} was begun by another version of hubkit's training code.",
            "Finish it with that version, or remove the folder to begin anew.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(code, "utf-8")


def _unseen(work: Work, trained: Trained) -> list[str]:
    """A warning for each language that the budget could not show once."""
    found = []
    for language in work.data.languages:
        own = len(work.data.pairs[language.tag])
        if trained.state.sentences * work.mixture.shares[language.tag] < own:
            found.append(
                f"The budget {work.budget} was too small to see each of the {own:,} sentences of {language.name} once."
            )
    return found


def tune(work: Work, trained: Trained) -> tuple[Adapter, Choice]:
    """The trained adapter at its strength, with its mean vector."""
    adapter = adapter_of(work, trained)
    choice = tune_strength(work, adapter, work.config.strength)
    return with_mean_vector(work, adapter.with_strength(choice.strength)), choice


def adapter_of(work: Work, trained: Trained) -> Adapter:
    """The trained adapter at strength 1."""
    config, core = work.config, work.encoder.core
    return adapter_from_state(config.name, config.recipe.method, trained.config, trained.tensors, core)


def control(work: Work, steps: int) -> Control | None:
    """The wrong-family adapter of as many steps, over the same adapters; none where it is not wanted.

    Languages of all families have none that is wrong, and neither has an objective with answers.
    """
    config = work.config
    is_parallel = all(hasattr(one, "english") for found in work.data.pairs.values() for one in found[:1])
    if not config.controls or config.kind == "universal" or not is_parallel or not work.data.sources:
        return None
    family, under = wrong_family(work.language), None if work.under is None else str(work.under)
    made = train_wrong_family(
        family, work.encoder.core, config.recipe, work.data.sources, work.targets, steps, work.seed,
        work.events.training, under=under,
    )  # fmt: skip
    work.events.note(f"{family}, {made.steps} steps{', trained before' if made.cached else ''}")
    return made


def evaluate(work: Work, adapter: Adapter, wrong: Control | None) -> Evaluated:
    """The adapter beside its controls on every suite, and what it does to unrelated languages."""
    chance = random_adapter(adapter, work.encoder.core, work.seed + 1)
    systems = {"core": encode_with(work.encoder), "adapter": encode_with(work.acting(adapter))}
    systems["random"] = encode_with(work.acting(chance, "random"))
    descriptions = {}
    if work.under is not None:
        systems["family"] = encode_with(work.acting(None))
        descriptions["family"] = f"{work.under} alone, which this adapter is stacked on"
    if wrong is not None:
        systems["wrong-family"] = encode_with(work.acting(wrong.adapter.with_strength(adapter.strength), "control"))
        descriptions["wrong-family"] = wrong.description()
    judged = [(suite, results_on(systems, suite)) for suite in work.data.suites]
    evaluations = [evaluation_of(results, suite, descriptions=descriptions) for suite, results in judged]
    unrelated = unrelated_suites(work.language, list(work.data.pairs), work.data.damage)
    return Evaluated(evaluations, damage(systems["core"], systems["adapter"], unrelated), _pooled(work, judged))


def _pooled(work: Work, judged: list[tuple[ParallelSuite, dict[str, Result]]]) -> list[Pooled]:
    """Means of each suite over the languages trained on and over those held out, for adapters of several."""
    if work.config.kind not in ("family", "universal"):
        return []
    held_out, found = {language.tag for language in work.data.held_out}, []
    for name in dict.fromkeys(suite.name for suite, _ in judged):
        trained = [each for each in judged if each[0].name == name and each[0].language not in held_out]
        left_out = [each for each in judged if each[0].name == name and each[0].language in held_out]
        found += [pool("trained", trained)] if trained else []
        found += [pool("held out", left_out)] if left_out else []
    return found


def seed_scores(work: Work, adapter: Adapter, first: Evaluation) -> list[SeedScore]:
    """The main suite with an adapter of each further seed, at the same strength; nothing with one seed."""
    if len(work.config.seeds) == 1:
        return []
    ours = first.system("adapter")
    assert ours is not None
    found = [SeedScore(seed=work.seed, raw=ours.raw.mean, centred=ours.centred.mean)]
    for seed in work.config.seeds[1:]:
        work.events.note(f"seed {seed}")
        other = adapter_of(work, train(work, seed)).with_strength(adapter.strength)
        systems = {"core": encode_with(work.encoder), "adapter": encode_with(work.acting(other, "seed"))}
        result = results_on(systems, work.data.suites[0])["adapter"]
        found.append(SeedScore(seed=seed, raw=result.raw.recall, centred=result.centred.recall))
    return found
