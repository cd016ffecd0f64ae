"""Training state on disk: parameters, optimiser, average, random state and counters in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hubkit.durable import written_file
from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from hubkit.training.optimiser import Average

FILE, BEST = "checkpoint.safetensors", "best.safetensors"
_RANDOM = "random"


@dataclass(slots=True)
class State:
    """Where a run is: what it has done, seen and found; everything but the tensors.

    ``group`` and ``batch`` are the next to be trained on, and a group began at ``group_fraction`` of the budget;
    ``groups`` are the language groups that have joined; ``best`` is the best development score, ``since`` the
    evaluations since.
    """

    step: int = 0
    group: int = 0
    batch: int = 0
    group_fraction: float = 0.0
    seconds: float = 0.0
    sentences: int = 0
    tokens: int = 0
    evaluations: int = 0
    groups: int = 1
    joined_at: float | None = None
    best: float | None = None
    since: int = 0
    stopped: bool = False
    dev: dict[str, float] = field(default_factory=dict)
    first_dev: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    curve: list[dict[str, float]] = field(default_factory=list)


def save_checkpoint(
    folder: Path,
    parameters: Mapping[str, nn.Parameter],
    optimiser: torch.optim.Optimizer,
    state: State,
    average: Average | None = None,
) -> None:
    """Write the run's state to ``folder``, whole or not at all. Raises :class:`HubkitError` when the disk is full."""
    tensors: dict[str, Tensor] = {_RANDOM: torch.get_rng_state()}
    scalars: dict[str, dict[str, Any]] = {}
    for name, parameter in parameters.items():
        tensors[f"parameter:{name}"] = parameter.detach()
        for key, value in optimiser.state[parameter].items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{key}:{name}"] = value
            else:
                scalars.setdefault(name, {})[key] = value
    if average is not None:
        tensors |= {f"average:{name}": tensor for name, tensor in average.kept.items()}
    groups = [{key: value for key, value in group.items() if key != "params"} for group in optimiser.param_groups]
    facts = {
        "state": json.dumps(asdict(state)),
        "optimiser": json.dumps({"scalars": scalars, "groups": groups}),
        "averaged": str(average.count if average is not None else 0),
    }
    try:
        with written_file(folder / FILE) as aside:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, aside, metadata=facts)
    except (OSError, SafetensorError) as error:
        raise HubkitError(
            f"The checkpoint in {folder} cannot be written: {error}.",
            "Make room and run the same command: it goes on from the checkpoint before.",
        ) from error


def load_checkpoint(
    folder: Path,
    parameters: Mapping[str, nn.Parameter],
    optimiser: torch.optim.Optimizer,
    average: Average | None = None,
) -> tuple[State, Tensor] | None:
    """Restore a run from ``folder``: where it was, and the state of the random generator.

    ``None`` when there is no usable checkpoint, or it is of other parameters.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as stored:
            facts = stored.metadata()
            state, optimised = State(**json.loads(facts["state"])), json.loads(facts["optimiser"])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError):
        return None
    if not _fits(tensors, parameters):
        return None
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(tensors[f"parameter:{name}"])
    for name, parameter in parameters.items():
        optimiser.state[parameter] = {**_moments(tensors, name, parameter.device), **optimised["scalars"].get(name, {})}
    for group, values in zip(optimiser.param_groups, optimised["groups"], strict=True):
        group.update(values)
    if average is not None:
        kept = {name: tensors.get(f"average:{name}") for name in parameters}
        average.kept = {
            name: tensor.clone().to(parameters[name].device) for name, tensor in kept.items() if tensor is not None
        }
        average.count = int(facts.get("averaged", "0"))
    return state, tensors[_RANDOM]


def _fits(tensors: Mapping[str, Tensor], parameters: Mapping[str, nn.Parameter]) -> bool:
    """Whether these are tensors of exactly these parameters."""
    kept = {name.partition(":")[2]: tensor.shape for name, tensor in tensors.items() if name.startswith("parameter:")}
    return _RANDOM in tensors and kept == {name: parameter.shape for name, parameter in parameters.items()}


def _moments(tensors: Mapping[str, Tensor], name: str, device: torch.device) -> dict[str, Tensor]:
    """What the optimiser keeps of a parameter, on its device; numbers of steps stay on the CPU, as torch has them."""
    found = {}
    for full, tensor in tensors.items():
        part, _, owner = full.partition(":")
        if owner == name and part.startswith("optimiser."):
            key = part.removeprefix("optimiser.")
            found[key] = tensor.clone() if key == "step" else tensor.clone().to(device)
    return found
