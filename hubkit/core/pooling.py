"""Token vectors → one sentence vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def pool(hidden: Tensor, mask: Tensor | None, pooling: str = "mean") -> Tensor:
    """Pool (n, t, h) token vectors with their mask (n, t) to (n, h): the mean over real tokens, or the first token.

    Without a mask all tokens are real.
    """
    if pooling == "cls":
        return hidden[:, 0]
    if mask is None:
        return hidden.mean(1)
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
