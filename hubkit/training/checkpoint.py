"""Training state on disk: adapter, optimiser moments and counters in one safetensors file, written whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hubkit.durable import written_file

FILE = "checkpoint.safetensors"
_MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(slots=True)
class State:
    """Counters of a run: optimiser steps, groups of batches begun, seconds spent, and the loss curve."""

    step: int = 0
    group: int = 0
    seconds: float = 0.0
    sentences: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)


def save_checkpoint(
    folder: Path, parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Optimizer, state: State
) -> None:
    """Write the run's state to ``folder``."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in parameters.items():
        tensors[f"parameter:{name}"] = parameter.detach()
        for moment in _MOMENTS:
            if moment in optimiser.state[parameter]:
                tensors[f"{moment}:{name}"] = optimiser.state[parameter][moment]
    with written_file(folder / FILE) as aside:
        save_file(tensors, aside, metadata={"state": json.dumps(asdict(state))})


def load_checkpoint(
    folder: Path, parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Optimizer
) -> State | None:
    """Restore parameters and optimiser from ``folder``; ``None`` when there is no usable checkpoint."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as stored:
            state = State(**json.loads(stored.metadata()["state"]))
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError):
        return None
    if {name.partition(":")[2] for name in tensors} != set(parameters):
        return None
    for name, parameter in parameters.items():
        with torch.no_grad():
            parameter.copy_(tensors[f"parameter:{name}"])
        if f"exp_avg:{name}" in tensors:
            moments = {moment: tensors[f"{moment}:{name}"].clone() for moment in _MOMENTS}
            optimiser.state[parameter] = {"step": torch.tensor(float(state.step)), **moments}
    return state
