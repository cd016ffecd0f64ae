"""What an adapter does at one place of the core: a few kinds of change, as data that the runtime carries out.

Every kind has a ``factor``: the scaling that the adapter was trained with, times its strength. Tensors are stored as
they were trained, so that they can stay views of one buffer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Reads = Literal["norm", "hidden", "residual"]


@dataclass(frozen=True, slots=True)
class LowRank:
    """At a linear layer with input x and output y: y + factor (x downᵀ) upᵀ. Hu et al., 2021 (arXiv 2106.09685).

    ``down`` (r, in), ``up`` (out, r).
    """

    down: Tensor
    up: Tensor
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Scale:
    """At a linear layer with output y: y (1 + factor (scale − 1)). Liu et al., 2022 (arXiv 2205.05638).

    ``scale`` (out,).
    """

    scale: Tensor
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """At a block whose sum z = h + x enters a norm N: z + factor (f(v downᵀ + down_bias) upᵀ + up_bias).

    h is what the block computed, x what it was given. The bottleneck ``reads`` v = N(z) ("norm"; Pfeiffer et al., 2020,
    arXiv 2005.00247), v = h ("hidden"; Houlsby et al., 2019, arXiv 1902.00751) or v = x ("residual", in parallel; He et
    al., 2021, arXiv 2110.04366). ``down`` (b, hidden), ``down_bias`` (b,), ``up`` (hidden, b), ``up_bias`` (hidden,);
    ``activation`` names f.
    """

    down: Tensor
    down_bias: Tensor
    up: Tensor
    up_bias: Tensor
    activation: str
    reads: Reads = "norm"
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Coupling:
    """At the embeddings, whose halves are a and b: a' = a + factor F(b), b' = b + factor G(a').

    MAD-X: Pfeiffer et al., 2020 (arXiv 2005.00052). F and G are bottlenecks from half to half: ``f_down``
    (w, hidden/2), ``f_up`` (hidden/2, w) and their biases.
    """

    f_down: Tensor
    f_down_bias: Tensor
    f_up: Tensor
    f_up_bias: Tensor
    g_down: Tensor
    g_down_bias: Tensor
    g_up: Tensor
    g_up_bias: Tensor
    activation: str
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Fusion:
    """At a block with branches that would each add u_i: z + Σ p_i (u_i valueᵀ), p = softmax over i of q · k_i.

    q = v queryᵀ + query_bias, k_i = u_i keyᵀ + key_bias; v is what the last branch reads. All matrices are
    (hidden, hidden). AdapterFusion: Pfeiffer et al., 2021 (arXiv 2005.00247).
    """

    query: Tensor
    query_bias: Tensor
    key: Tensor
    key_bias: Tensor
    value: Tensor


Site = LowRank | Scale | Bottleneck | Coupling | Fusion
