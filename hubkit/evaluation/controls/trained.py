"""Full fine-tuning and PEFT's LoRA at the adapter's budget: its text, its order, its objective, as many steps.

They act at the adapter's strength, as every trained control does: W + strength · change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.evaluation.controls.context import ControlContext, tested
from hubkit.evaluation.controls.kept import KeptControl, control_folder, digest, kept_or_trained
from hubkit.runtime.changed import changed
from hubkit.training import full as full_tuning
from hubkit.training import peft_lora
from hubkit.training.budget import Budget
from hubkit.training.curriculum import mixture_of
from hubkit.training.loop import Trained, Training

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.evaluation.task import Tested
    from hubkit.training.backend import Trainable

LEARNING_RATES: Mapping[str, float] = {"lora": 1e-3, "full": 1e-4}
_OF_ADAPTERS = {"method", "hyperparameters", "skip_lower", "recompute"}  # of a recipe; they decide nothing here
_EQUAL_STEPS = {"cache_activations": False, "recompute": False, "patience": None, "gate": False}


def lora(context: ControlContext, learning_rate: float = LEARNING_RATES["lora"]) -> Tested:
    """The system ``lora``: PEFT's LoRA on all linear layers."""
    core, device = context.encoder.core, context.encoder.device
    control = train(context, "lora", lambda: peft_lora.TrainableLora(core, context.seed, device), learning_rate)
    return _tested(context, "lora", "LoRA of PEFT on all linear layers", control, peft_lora.changes)


def full(context: ControlContext, learning_rate: float = LEARNING_RATES["full"]) -> Tested:
    """The system ``full``: all transformer layers fine-tuned."""
    core, device = context.encoder.core, context.encoder.device
    control = train(context, "full", lambda: full_tuning.TrainableCore(core, device), learning_rate)
    return _tested(context, "full", "full fine-tuning of all transformer layers", control, full_tuning.changes)


def train(context: ControlContext, name: str, network: Callable[[], Trainable], learning_rate: float) -> KeptControl:
    """The kept control of this name, else one trained now with the network, at a learning rate of its own."""
    recipe, targets = context.budget()
    pairs, tag, core = context.training_pairs(), context.language.tag, context.encoder.core
    domains = {source.name: source.domain for source in context.sources}
    chosen = recipe.model_copy(update={**_EQUAL_STEPS, "learning_rate": learning_rate})

    def run(folder: Path) -> tuple[Trained, dict[str, Any]]:
        mixture = mixture_of(chosen, pairs, tag, context.seed, domains)
        budget = Budget(steps=context.steps)
        training = Training(core, chosen, mixture, targets, budget, context.seed, folder, network())
        return training.run(context.observe), {"control": name, "languages": sorted(pairs)}

    data = [digest(pairs), tag, domains if chosen.easy_first == "domain" else {}]
    decides = [core.fingerprint, chosen.model_dump(mode="json", exclude=_OF_ADAPTERS), data]
    return kept_or_trained(control_folder(name, *decides, context.seed), context.steps, run, context.note)


def _tested(
    context: ControlContext, name: str, what: str, control: KeptControl,
    changes: Callable[[Mapping[str, Any], Mapping[str, Tensor]], dict[str, Tensor]],
) -> Tested:  # fmt: skip
    description = f"{what}: {control.parameters:,} parameters, the same text and objective, {control.steps} steps"
    made = changes(control.config, control.tensors)
    return tested(context, name, description, changed(context.encoder, made, context.adapter.strength, description))
