"""Similarity of pairs: the cosine of two sentences is drawn to their score.

The regression objective of Reimers & Gurevych 2019, "Sentence-BERT", arXiv 1908.10084. Nothing is learnt but the
vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hubkit.errors import UsageError
from hubkit.training.objective import Batch, Data, Loss
from hubkit.training.objectives.heads import needed


@dataclass(frozen=True, slots=True)
class Similarity:
    """Squared error of the cosine; scores from ``lowest`` to ``highest`` stand for cosines from 0 to 1."""

    lowest: float = 0.0
    highest: float = 1.0
    name: str = "similarity"

    data: ClassVar[Data] = "scored"

    def __post_init__(self) -> None:
        if not self.lowest < self.highest:
            raise UsageError(f"Scores go from {self.lowest} to {self.highest}.", "lowest must be below highest.")

    def __call__(self, batch: Batch) -> Loss:
        """Loss of a batch with ``labels`` (b,) and the other sentences' vectors in ``teacher`` (b, h)."""
        scores = needed(batch.labels, self.name, "a score for each pair").to(batch.student)
        other = needed(batch.teacher, self.name, "a second sentence for each score")
        if float(scores.min()) < self.lowest or float(scores.max()) > self.highest:
            raise UsageError(
                f"A score lies outside {self.lowest} … {self.highest}: they go from {float(scores.min()):g} to "
                f"{float(scores.max()):g}.",
                "Set lowest and highest in objective_parameters.",
            )
        cosine = (batch.student * other).sum(1)
        error = cosine - (scores - self.lowest) / (self.highest - self.lowest)
        return Loss(error.square().mean(), {"absolute error": float(error.detach().abs().mean())})
