"""What each kind of site computes, for one adapter or for several whose rows lie side by side in the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from hubkit.adapter.sites import Bottleneck, Coupling, Fusion, LowRank, Scale

if TYPE_CHECKING:
    from torch import Tensor

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "gelu_new": lambda x: functional.gelu(x, approximate="tanh"),
    "silu": functional.silu,
    "swish": functional.silu,
    "tanh": torch.tanh,
    "leakyrelu": functional.leaky_relu,
}


def low_rank(site: LowRank, factor: float, inputs: Tensor, outputs: Tensor) -> Tensor:
    """outputs (…, out) + factor (inputs (…, in) downᵀ) upᵀ."""
    narrow = functional.linear(inputs, site.down).flatten(0, -2)
    return torch.addmm(outputs.flatten(0, -2), narrow, site.up.T, alpha=factor).view_as(outputs)


def low_rank_each(sites: Sequence[LowRank], factors: Tensor, inputs: Tensor, outputs: Tensor) -> Tensor:
    """As :func:`low_rank` for g adapters of one rank: inputs (g, m, in), outputs (g, m, out), factors (g, 1, 1)."""
    narrow = torch.bmm(inputs, torch.stack([site.down for site in sites]).transpose(1, 2)) * factors
    return torch.baddbmm(outputs, narrow, torch.stack([site.up for site in sites]).transpose(1, 2))


def scaled(site: Scale, factor: float, outputs: Tensor) -> Tensor:
    """outputs (…, out) (1 + factor (scale − 1))."""
    return outputs * (site.scale if factor == 1.0 else 1.0 + factor * (site.scale - 1.0))


def bottleneck(site: Bottleneck, hidden: Tensor) -> Tensor:
    """What the bottleneck adds at factor 1, from what it reads (…, hidden)."""
    narrow = ACTIVATIONS[site.activation](functional.linear(hidden, site.down, site.down_bias))
    return functional.linear(narrow, site.up, site.up_bias)


def bottleneck_each(sites: Sequence[Bottleneck], hidden: Tensor) -> Tensor:
    """As :func:`bottleneck` for g adapters of one width and activation: hidden (g, m, hidden)."""
    down = torch.stack([site.down for site in sites]).transpose(1, 2)
    up = torch.stack([site.up for site in sites]).transpose(1, 2)
    down_bias = torch.stack([site.down_bias for site in sites]).unsqueeze(1)
    up_bias = torch.stack([site.up_bias for site in sites]).unsqueeze(1)
    narrow = ACTIVATIONS[sites[0].activation](torch.baddbmm(down_bias, hidden, down))
    return torch.baddbmm(up_bias, narrow, up)


def couple(site: Coupling, factor: float, embeddings: Tensor) -> Tensor:
    """Embeddings (…, hidden) through the additive coupling; see :class:`hubkit.adapter.sites.Coupling`."""
    activation = ACTIVATIONS[site.activation]
    width = site.f_up.shape[0]
    a, b = embeddings[..., :width], embeddings[..., width:]
    from_b = activation(functional.linear(b, site.f_down, site.f_down_bias))
    a = torch.add(a, functional.linear(from_b, site.f_up, site.f_up_bias), alpha=factor)
    from_a = activation(functional.linear(a, site.g_down, site.g_down_bias))
    b = torch.add(b, functional.linear(from_a, site.g_up, site.g_up_bias), alpha=factor)
    return torch.cat((a, b), -1)


def fuse(site: Fusion, read: Tensor, changes: Tensor) -> Tensor:
    """Attention of ``read`` (…, hidden) over what the branches would add, ``changes`` (…, branches, hidden)."""
    query = functional.linear(read, site.query, site.query_bias).unsqueeze(-2)
    key = functional.linear(changes, site.key, site.key_bias)
    weights = torch.softmax(query @ key.transpose(-1, -2), dim=-1)
    return (weights @ functional.linear(changes, site.value)).squeeze(-2)
