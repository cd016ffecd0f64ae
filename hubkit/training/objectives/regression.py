"""Regression: a linear layer turns a sentence's vector into a number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from hubkit.training.objective import Batch, Data, Loss, Setup
from hubkit.training.objectives.heads import built, needed

if TYPE_CHECKING:
    from torch import nn


@dataclass(slots=True)
class Regression:
    """Squared error of a sentence's score, by default the score itself: bring scores to about −1 … 1.

    ``scale`` multiplies the vectors, which have length 1. Where an example has a second sentence, it is not looked at;
    see :class:`hubkit.training.objectives.similarity.Similarity`.
    """

    scale: float = 20.0
    name: str = "regression"
    _head: nn.Linear | None = field(default=None, init=False, repr=False, compare=False)

    data: ClassVar[Data] = "scored"

    def head(self, hidden_size: int, setup: Setup) -> nn.Linear:
        """A linear layer from vectors to one number; see :class:`hubkit.training.objective.HasHead`."""
        from torch import nn

        self._head = nn.Linear(hidden_size, 1)
        return self._head

    def __call__(self, batch: Batch) -> Loss:
        """Loss of a batch with ``labels`` (b,)."""
        head, scores = built(self._head, self.name), needed(batch.labels, self.name, "a score for each sentence")
        error = head(self.scale * batch.student).squeeze(1) - scores.to(batch.student)
        return Loss(error.square().mean(), {"absolute error": float(error.detach().abs().mean())})
