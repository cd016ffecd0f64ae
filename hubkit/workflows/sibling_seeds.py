"""Adapters that differ from the evaluated one in the training seed alone: trained with its text and steps, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.adapter.store import adapter_from_state
from hubkit.composition.member import Member
from hubkit.composition.recipe import Stack
from hubkit.errors import HubkitError
from hubkit.evaluation.controls.context import encode_with
from hubkit.evaluation.controls.kept import control_folder, kept_or_trained
from hubkit.evaluation.task import Tested
from hubkit.training.budget import Budget
from hubkit.workflows.steps import training_of

if TYPE_CHECKING:
    from hubkit.adapter.store import Adapter
    from hubkit.runtime.encoder import Encoder
    from hubkit.training.loop import Trained
    from hubkit.workflows.subject import Subject
    from hubkit.workflows.work import Work


def sibling_seeds(subject: Subject, work: Work, seeds: Sequence[int]) -> dict[int, Tested]:
    """The systems of these seeds, at the strength of the evaluated adapter; kept ones are not trained again.

    Raises :class:`HubkitError` when it is not known how many steps the adapter had.
    """
    if subject.adapter is None or subject.config is None or subject.steps < 1:
        raise HubkitError(f"It is not known how long {subject.name} was trained.", "Leave --seeds out.")
    return {seed: _system(subject, work, seed) for seed in seeds}


def _system(subject: Subject, work: Work, seed: int) -> Tested:
    config, core, steps = work.config, subject.encoder.core, subject.steps
    assert subject.adapter is not None

    def train(folder: Path) -> tuple[Trained, dict[str, Any]]:
        training = training_of(replace(work, budget=Budget(steps=steps)), seed, folder)
        return training.run(work.events.training), {"seed": seed}

    further = [each.model_dump(mode="json", exclude={"data"}) for each in config.objectives]
    decides = [core.fingerprint, config.recipe.model_dump(mode="json"), further, work.data.digest(), str(work.pinned()),
               config.warm_start, seed]  # fmt: skip
    kept = kept_or_trained(control_folder("seed", *decides), steps, train, work.events.note)
    made = adapter_from_state(config.name, config.recipe.method, kept.config, kept.tensors, core)
    encoder = _acting(subject, made.with_strength(subject.adapter.strength), seed)
    english = encode_with(subject.encoder)
    return Tested("adapter", f"the same with training seed {seed}", encode_with(encoder), english, encoder)


def _acting(subject: Subject, adapter: Adapter, seed: int) -> Encoder:
    if subject.under is None:
        return subject.encoder.adapted(adapter)
    key = f"{adapter.name} seed {seed}"
    subject.encoder.bank.add(adapter, key)
    return subject.encoder.with_recipe(Stack(*subject.under.parts, Member(key)))
