"""Vectors without their batch's mean: what all sentences of one side share says nothing about any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_SHORTEST = 1e-4  # of a centred vector; equal rows would have none


def centred(vectors: Tensor) -> Tensor:
    """``vectors`` (b, h) minus their mean, of length 1; the gradient goes through the mean.

    Mu & Viswanath 2018, "All-but-the-Top", arXiv 1702.01417, with no component removed but the mean.
    """
    from torch.nn.functional import normalize

    return normalize(vectors - vectors.mean(0), dim=1, eps=_SHORTEST)
