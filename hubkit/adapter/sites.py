"""What an adapter does at one place of the core: two kinds of change, as data that the runtime carries out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class LowRank:
    """At a linear layer with input x and output y: y + (x downᵀ) upᵀ. Hu et al., 2021 (arXiv 2106.09685).

    ``down`` (r, in), ``up`` (out, r); the scaling is folded into ``up``.
    """

    down: Tensor
    up: Tensor


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """At a post-norm block that ends in LN(z): LN(z + f(LN(z) downᵀ + down_bias) upᵀ + up_bias).

    ``down`` (b, hidden), ``down_bias`` (b,), ``up`` (hidden, b), ``up_bias`` (hidden,); the scaling is folded into
    ``up`` and ``up_bias``; ``activation`` names f. Pfeiffer et al., 2020 (arXiv 2005.00247).
    """

    down: Tensor
    down_bias: Tensor
    up: Tensor
    up_bias: Tensor
    activation: str


Site = LowRank | Bottleneck
