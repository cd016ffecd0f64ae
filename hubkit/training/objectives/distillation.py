"""Distillation: a sentence's vector is drawn to the teacher's vector of its English.

Reimers & Gurevych 2020, "Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation", arXiv
2004.09813. Both sides have length 1, so that their mean squared error and one minus their cosine are the same up to a
factor: ‖u − v‖² = 2 (1 − cos).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hubkit.training.objective import Batch, Data, Loss
from hubkit.training.objectives.centring import centred


@dataclass(frozen=True, slots=True)
class Distillation:
    """Squared distance to the teacher, summed over the vector and averaged over the batch: 0 … 4.

    ``centred`` removes the batch's mean from each side first (:mod:`hubkit.training.objectives.centring`).
    """

    centred: bool = False
    name: str = "distillation"

    data: ClassVar[Data] = "pairs"

    def __call__(self, batch: Batch) -> Loss:
        """Loss of a batch with ``teacher``; see :class:`hubkit.training.objective.Objective`."""
        student, teacher, _ = batch.aligned()
        if self.centred:
            student, teacher = centred(student), centred(teacher)
        cosine = (student.detach() * teacher).sum(1).mean()
        return Loss((student - teacher).square().sum(1).mean(), {"cosine": float(cosine)})
