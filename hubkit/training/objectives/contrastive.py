"""Contrastive alignment to a frozen teacher.

Symmetric InfoNCE with in-batch negatives (van den Oord et al. 2018, "Representation Learning with Contrastive
Predictive Coding", arXiv 1807.03748) between a sentence and the frozen core's vector of its translation (Reimers &
Gurevych 2020, "Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation", arXiv 2004.09813).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.training.objective import Batch, Loss

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Contrastive:
    """Symmetric InfoNCE. ``temperature`` divides the cosines; rows with the same English side are no negatives.

    ``margin`` is taken off the cosine of each true pair (Yang et al. 2019, arXiv 1902.08564). ``hard_negatives`` is the
    concentration of weights on the negatives that are nearest (Robinson et al. 2021, arXiv 2010.04592). ``centred``
    takes each side's mean over the batch away, so that the loss sees only what centring cannot give: draw batches of
    one language then (``batch_by``).
    """

    temperature: float = 0.02
    margin: float = 0.0
    hard_negatives: float = 0.0
    centred: bool = False
    name: str = "contrastive"

    def __call__(self, batch: Batch) -> Loss:
        """Loss of a batch with ``teacher`` and ``same``; see :class:`hubkit.training.objective.Objective`."""
        import torch
        from torch.nn.functional import cross_entropy

        student, teacher, same = batch.aligned()
        if self.centred:
            student, teacher = _centred(student), _centred(teacher)
        own = torch.eye(len(student), dtype=torch.bool, device=student.device)
        cosines = student @ teacher.T
        logits = (cosines - self.margin * own if self.margin else cosines) / self.temperature
        logits = logits.masked_fill(same & ~own, float("-inf"))
        labels = torch.arange(len(student), device=student.device)
        forward, backward = (self._weighted(side, own) for side in (logits, logits.T))
        value = (cross_entropy(forward, labels) + cross_entropy(backward, labels)) / 2
        accuracy = (logits.argmax(1) == labels).float().mean()
        return Loss(value, {"in-batch accuracy": float(accuracy)})

    def _weighted(self, logits: Tensor, own: Tensor) -> Tensor:
        """Each negative's term times a weight ∝ exp(concentration × cosine) whose mean over the row is 1."""
        if not self.hard_negatives:
            return logits
        import torch

        negatives = logits.detach().masked_fill(own, float("-inf")) * (self.hard_negatives * self.temperature)
        count = torch.isfinite(negatives).sum(1, keepdim=True).clamp(min=1).log()
        weights = (torch.log_softmax(negatives, 1) + count).masked_fill(own | ~torch.isfinite(negatives), 0.0)
        return logits + torch.nan_to_num(weights, nan=0.0)


def _centred(vectors: Tensor) -> Tensor:
    """Vectors (b, h) without their mean, of length 1."""
    from torch.nn.functional import normalize

    return normalize(vectors - vectors.mean(0), dim=-1)
