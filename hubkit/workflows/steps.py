"""The steps from a configuration to an adapter, each a call: gather, train, tune, control, evaluate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubkit.adapter.store import Adapter, adapter_from_state, random_adapter
from hubkit.composition.recipe import Stack
from hubkit.core import open_core
from hubkit.errors import HubkitError
from hubkit.evaluation.compare import Encode, Result, damage, evaluation_of, results_on
from hubkit.evaluation.controls import Control, encode_with, train_wrong_family, unrelated_suites, wrong_family
from hubkit.evaluation.pooled import pool
from hubkit.evaluation.report import Damage, Evaluation, Pooled, SeedScore
from hubkit.evaluation.suite import ParallelSuite
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.load import load
from hubkit.settings import settings
from hubkit.training import distributed
from hubkit.training.budget import parse_budget
from hubkit.training.code import code_digest
from hubkit.training.config import TrainingConfig
from hubkit.training.curriculum import mixture_of
from hubkit.training.loop import Observer, Progress, Trained, Training
from hubkit.training.network import frozen_stack, frozen_stacks, network_for, pinned_start
from hubkit.training.strength import Choice
from hubkit.training.targets import Targets
from hubkit.training.tracking import tracking
from hubkit.version import __version__
from hubkit.workflows.cost import Cost
from hubkit.workflows.data import Data, collect
from hubkit.workflows.estimate import EstimateAtStart
from hubkit.workflows.events import Events
from hubkit.workflows.labelled import part_of
from hubkit.workflows.tuning import development_scores, tune_strength, with_mean_vector
from hubkit.workflows.work import Work

_CODE = "code"
_WARNED_APART = 3  # languages with a warning each


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
    under, stacks = None, dict[str, Stack | None]()
    if isinstance(config.under, dict):
        stacks = frozen_stacks(config.under, encoder.core)
    elif config.under is not None:
        under = frozen_stack(config.under, encoder.core)
    if config.warm_start is not None:
        config = config.model_copy(update={"warm_start": pinned_start(config.warm_start, encoder.core)})
    data = collect(config, events)
    for warning in data.warnings:
        events.warn(warning)
    target = data.language.tag if config.kind in ("language", "fusion") else None
    config = config.model_copy(update={"recipe": config.recipe.fitted(_lengths(data, target))})
    domains = {source.name: source.domain for source in data.sources}
    mixture = mixture_of(config.recipe, data.pairs, target, config.seeds[0], domains)
    targets, budget = Targets(encoder.adapted(None)), parse_budget(config.budget)
    return Work(config, budget, encoder, targets, data, mixture, cost, events, under, stacks)


def _lengths(data: Data, target: str | None) -> list[int]:
    """Words of every training sentence of the target, or of all languages: of its English side where it has one."""
    examples = data.pairs[target] if target in data.pairs else [one for some in data.pairs.values() for one in some]
    return [len(getattr(example, "english", example.text).split()) for example in examples]


def run_folder(work: Work, seed: int) -> Path:
    """The same request on the same text has the same folder, which is how an interrupted run is found again."""
    config = work.config
    further = [each.model_dump(exclude={"data"}) for each in config.objectives]
    parts = [
        config.recipe.model_dump(), further, str(work.budget), work.encoder.core.fingerprint, work.data.digest(), seed,
        str(work.pinned()), config.warm_start,
    ]  # fmt: skip
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    return settings().runs / f"{config.name}-{key}"


def training_of(work: Work, seed: int, folder: Path) -> Training:
    """The run of one seed in ``folder``."""
    config, data = work.config, work.data
    network = network_for(config.recipe, work.encoder, seed, work.pinned(), config.warm_start)
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
    watching, wanted = EstimateAtStart(work, training), () if distributed.number() else work.track
    with tracking(wanted, folder.name, settings().trackers, _told(work, seed), work.events.warn) as trackers:
        observers: list[Observer] = [watching, *trackers]

        def observe(progress: Progress) -> None:
            for observer in observers:
                observer(progress)

        trained = training.run(observe, development_scores(work, training))
    for warning in (*trained.state.warnings, *_unseen(work, trained)):
        work.data.warnings.append(warning)
        work.events.warn(warning)
    return trained


def _told(work: Work, seed: int) -> dict[str, Any]:
    """The configuration as a tracker keeps it."""
    return {**work.config.model_dump(mode="json", exclude={"seeds"}), "seed": seed, "hubkit": __version__}


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
    """A warning for each language that the budget could not show once; where there are many, one for all."""
    short = []
    for language in work.data.languages:
        own = len(work.data.pairs.get(language.tag, ()))
        if own and trained.state.sentences * work.mixture.shares[language.tag] < own:
            short.append(f"each of the {own:,} sentences of {language.name}")
    told = f"The budget {work.budget} was too small to see"
    if len(short) > _WARNED_APART:
        return [f"{told} every sentence once in {len(short)} of {len(work.data.languages)} languages: {short[0]}."]
    return [f"{told} {each} once." for each in short]


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

    Languages of all families have none that is wrong, and neither has an objective with answers, or a stack for each
    language.
    """
    config = work.config
    is_parallel = all(hasattr(one, "english") for found in work.data.pairs.values() for one in found[:1])
    without = config.kind == "universal" or work.stacks or not is_parallel or not work.data.sources
    if not config.controls or without:
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
    judged, evaluations = [], []
    for suite in work.data.suites:
        systems, descriptions = _systems(work, adapter, chance, wrong, suite.language)
        results = results_on(systems, suite)
        judged.append((suite, results))
        evaluations.append(evaluation_of(results, suite, descriptions=descriptions))
    unrelated = unrelated_suites(work.language, list(work.data.pairs), work.data.damage)
    harm = damage(encode_with(work.encoder), encode_with(work.acting(adapter)), unrelated)
    return Evaluated(evaluations, harm, _pooled(work, judged))


def _systems(
    work: Work, adapter: Adapter, chance: Adapter, wrong: Control | None, language: str
) -> tuple[dict[str, Encode], dict[str, str]]:
    """What is compared in this language, and in words what the less usual systems are."""
    systems = {"core": encode_with(work.encoder), "adapter": encode_with(work.acting(adapter, language=language))}
    systems["random"] = encode_with(work.acting(chance, "random", language))
    descriptions = {}
    if (under := work.under_in(language)) is not None:
        systems["family"] = encode_with(work.acting(None, language=language))
        descriptions["family"] = f"{under} alone, which this adapter is stacked on"
    if wrong is not None:
        made = wrong.adapter.with_strength(adapter.strength)
        systems["wrong-family"] = encode_with(work.acting(made, "control", language))
        descriptions["wrong-family"] = wrong.description()
    return systems, descriptions


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
        suite = work.data.suites[0]
        acting = work.acting(other, "seed", suite.language)
        result = results_on({"core": encode_with(work.encoder), "adapter": encode_with(acting)}, suite)["adapter"]
        found.append(SeedScore(seed=seed, raw=result.raw.recall, centred=result.centred.recall))
    return found
