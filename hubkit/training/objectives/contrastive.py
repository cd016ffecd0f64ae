"""Contrastive alignment to a frozen teacher.

Symmetric InfoNCE with in-batch negatives (van den Oord et al. 2018, "Representation Learning with Contrastive
Predictive Coding", arXiv 1807.03748) between a sentence and the frozen core's vector of its translation (Reimers &
Gurevych 2020, "Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation", arXiv 2004.09813).
"""

from __future__ import annotations

from dataclasses import dataclass
from hubkit.training.objective import Batch, Loss


@dataclass(frozen=True, slots=True)
class Contrastive:
    """Symmetric InfoNCE. ``temperature`` divides the cosines; rows with the same English side are no negatives."""

    temperature: float = 0.02
    name: str = "contrastive"

    def __call__(self, batch: Batch) -> Loss:
        """Loss of a batch with ``teacher`` and ``same``; see :class:`hubkit.training.objective.Objective`."""
        import torch
        from torch.nn.functional import cross_entropy

        student, teacher, same = batch.aligned()
        labels = torch.arange(len(student), device=student.device)
        duplicate = same & ~torch.eye(len(student), dtype=torch.bool, device=student.device)
        logits = (student @ teacher.T / self.temperature).masked_fill(duplicate, float("-inf"))
        value = (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2
        accuracy = (logits.argmax(1) == labels).float().mean()
        return Loss(value, {"in-batch accuracy": float(accuracy)})
