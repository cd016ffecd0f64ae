"""Several recipes, one vector: the average of their vectors, weighted by hand or by how sure each recipe is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.composition.recipe import Ensemble

SHARPNESS = 0.05  # temperature of the softmax over anchors


@dataclass(frozen=True, eq=False)
class Anchors:
    """Unit vectors (m, hidden) of texts, against which an ensemble's recipes show how sure they are."""

    vectors: Tensor

    def entropy(self, vectors: Tensor) -> Tensor:
        """Entropy (k,) of softmax(cosine to each anchor), between 0 (sure of one) and 1 (all the same)."""
        if len(self.vectors) < 2:
            raise UsageError("Entropy needs two anchors or more.", "Call fit_anchors() with a few hundred sentences.")
        cosines = functional.normalize(vectors, dim=1) @ self.vectors.to(vectors).T
        shares = torch.log_softmax(cosines / SHARPNESS, dim=1)
        return -(shares.exp() * shares).sum(1) / torch.log(torch.tensor(float(len(self.vectors))))


def combined(ensemble: Ensemble, vectors: Tensor, anchors: Anchors | None) -> Tensor:
    """One vector (hidden,) from one of each recipe, (k, hidden): Σ wᵢ vᵢ of their unit vectors.

    wᵢ are the ensemble's weights, or softmax(−entropy / temperature). Wang et al., 2021 (arXiv 2109.04877) weigh by the
    entropy of a classifier's prediction; a sentence encoder predicts which anchor is meant.
    """
    unit = functional.normalize(vectors, dim=1)
    if ensemble.weights is not None:
        weights = torch.tensor(ensemble.weights, dtype=unit.dtype, device=unit.device)
        return (weights / weights.sum()) @ unit
    if anchors is None:
        raise UsageError(
            f"{ensemble} is weighted by entropy, and there are no anchors.",
            "Call encoder.fit_anchors(texts) first, or give the ensemble weights.",
        )
    assert ensemble.temperature is not None
    return torch.softmax(-anchors.entropy(unit) / ensemble.temperature, dim=0) @ unit
