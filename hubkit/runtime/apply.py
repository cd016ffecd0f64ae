"""One adapter for every row of the batch; a bank of adapters with a recipe per row takes the same place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch.nn import functional

from hubkit.adapter.sites import Bottleneck, LowRank
from hubkit.core.architecture import architecture
from hubkit.errors import VerificationError
from hubkit.runtime.hooks import linear_sites, output_sites

if TYPE_CHECKING:
    from torch import Tensor, nn

    from hubkit.adapter.store import Adapter

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "gelu_new": lambda x: functional.gelu(x, approximate="tanh"),
    "silu": functional.silu,
    "swish": functional.silu,
    "tanh": torch.tanh,
    "leakyrelu": functional.leaky_relu,
}
AnySite = TypeVar("AnySite", LowRank, Bottleneck)


@dataclass(frozen=True, slots=True)
class AppliedAdapter:
    """An adapter's sites as tensors on the model's device; see :class:`hubkit.runtime.hooks.Acting`."""

    linears: Mapping[str, LowRank]
    outputs: Mapping[str, Bottleneck]

    def at_linear(self, site: str, inputs: Tensor, outputs: Tensor) -> Tensor:
        found = self.linears.get(site)
        return outputs if found is None else add_low_rank(found, inputs, outputs)

    def at_output(self, site: str, norm: nn.Module, inputs: Tensor, outputs: Tensor) -> Tensor:
        found = self.outputs.get(site)
        if found is None:
            return outputs
        # forward() rather than a call: a call would run this very hook again.
        renormalised: Tensor = norm.forward(inputs + bottleneck(found, outputs))
        return renormalised


def add_low_rank(site: LowRank, inputs: Tensor, outputs: Tensor) -> Tensor:
    """outputs (…, out) + (inputs (…, in) downᵀ) upᵀ; in inference mode ``outputs`` itself is added to."""
    narrow = functional.linear(inputs, site.down).flatten(0, -2)
    if torch.is_inference_mode_enabled() and outputs.is_contiguous():
        outputs.view(-1, outputs.shape[-1]).addmm_(narrow, site.up.T)
        return outputs
    return torch.addmm(outputs.flatten(0, -2), narrow, site.up.T).view_as(outputs)


def bottleneck(site: Bottleneck, hidden: Tensor) -> Tensor:
    """What the bottleneck adds to the sum before the norm, from the normed hidden states (…, hidden)."""
    narrow = ACTIVATIONS[site.activation](functional.linear(hidden, site.down, site.down_bias))
    return functional.linear(narrow, site.up, site.up_bias)


def apply_adapter(adapter: Adapter, model: nn.Module, model_type: str) -> AppliedAdapter:
    """Bring an adapter's tensors to the model's device and type.

    Raises :class:`VerificationError` when the model has no such place, or one of another width.
    """
    places = architecture(model_type)
    linears, outputs = linear_sites(model, places), output_sites(model, places)
    parameter = next(model.parameters())
    low_ranks: dict[str, LowRank] = {}
    bottlenecks: dict[str, Bottleneck] = {}
    for path, site in adapter.sites().items():
        if isinstance(site, LowRank) and _fits(linears.get(path), site.up.shape[0], site.down.shape[1]):
            low_ranks[path] = _moved(site, parameter)
        elif isinstance(site, Bottleneck) and _fits(outputs.get(path), site.up.shape[0]):
            bottlenecks[path] = _moved(site, parameter)
        else:
            raise VerificationError(
                f"Adapter {adapter.name} acts at {path}, which this {model_type} does not have in that width.",
                "Load it on the core it was made for.",
            )
    return AppliedAdapter(low_ranks, bottlenecks)


def _fits(module: nn.Module | None, *shape: int) -> bool:
    weight = getattr(module, "weight", None)
    return weight is not None and tuple(weight.shape) == shape


def _moved(site: AnySite, like: Tensor) -> AnySite:
    values: dict[str, Any] = {field.name: getattr(site, field.name) for field in fields(site)}
    tensors = {name: value.detach().to(like) for name, value in values.items() if isinstance(value, torch.Tensor)}
    return type(site)(**values | tensors)
