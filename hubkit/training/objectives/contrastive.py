"""Contrastive alignment to a frozen teacher.

Symmetric InfoNCE with in-batch negatives (van den Oord et al. 2018, "Representation Learning with Contrastive
Predictive Coding", arXiv 1807.03748) between a sentence and the frozen core's vector of its translation (Reimers &
Gurevych 2020, "Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation", arXiv 2004.09813).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hubkit.training.objective import Batch, Data, Loss
from hubkit.training.objectives.centring import centred

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Contrastive:
    """Symmetric InfoNCE. ``temperature`` divides the cosines; rows with the same English side are no negatives.

    ``margin`` is taken off the cosine of each translation, so that it must win by that much (Yang et al. 2019,
    "Improving Multilingual Sentence Embedding using Bi-directional Dual Encoder with Additive Margin Softmax", arXiv
    1902.08564). ``hard_negatives`` is the concentration β with which negatives count more the nearer they are (Robinson
    et al. 2021, "Contrastive Learning with Hard Negative Samples", arXiv 2010.04592; without its correction for false
    negatives): a negative's weight is proportional to exp(β · logit) and is 1 on average; 0 weighs all alike.
    ``centred`` removes the batch's mean from each side first, so that the loss sees only what centring cannot give.
    """

    temperature: float = 0.02
    margin: float = 0.0
    hard_negatives: float = 0.0
    centred: bool = False
    name: str = "contrastive"

    data: ClassVar[Data] = "pairs"

    def __call__(self, batch: Batch) -> Loss:
        """Loss of a batch with ``teacher`` and ``same``; see :class:`hubkit.training.objective.Objective`."""
        import torch
        from torch.nn.functional import cross_entropy

        student, teacher, same = batch.aligned()
        if self.centred:
            student, teacher = centred(student), centred(teacher)
        own = torch.eye(len(student), dtype=torch.bool, device=student.device)
        labels = torch.arange(len(student), device=student.device)
        cosines = student @ teacher.T
        if self.margin:
            cosines = cosines - self.margin * own.to(cosines)
        logits = (cosines / self.temperature).masked_fill(same & ~own, float("-inf"))
        forward, backward = self._weighed(logits, own), self._weighed(logits.T, own)
        value = (cross_entropy(forward, labels) + cross_entropy(backward, labels)) / 2
        accuracy = (logits.argmax(1) == labels).float().mean()
        return Loss(value, {"in-batch accuracy": float(accuracy)})

    def _weighed(self, logits: Tensor, own: Tensor) -> Tensor:
        """The logits (b, b) of each row plus the logarithm of each negative's weight."""
        if not self.hard_negatives:
            return logits
        negative = ~own & logits.isfinite()
        count = negative.sum(1, keepdim=True)
        hardness = self.hard_negatives * logits.masked_fill(~negative, 0)
        seen = hardness.masked_fill(~negative & (count > 0), float("-inf"))  # a row without negatives stays finite
        mean = seen.logsumexp(1, keepdim=True) - count.clamp(min=1).log()
        return logits + (hardness - mean).masked_fill(~negative, 0)
