"""Classification of pairs: entailment, paraphrase, relevance.

A linear layer on (u, v, |u − v|, u · v) of the two sentences' vectors (Conneau et al. 2017, arXiv 1705.02364; Reimers &
Gurevych 2019, "Sentence-BERT", arXiv 1908.10084).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from hubkit.training.objective import Batch, Data, Loss, Setup
from hubkit.training.objectives.heads import built, check_range, class_names, needed

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(slots=True)
class Pair:
    """Cross-entropy of a pair's class. ``scale`` multiplies the vectors, which have length 1."""

    scale: float = 20.0
    name: str = "pair"
    _head: nn.Linear | None = field(default=None, init=False, repr=False, compare=False)

    data: ClassVar[Data] = "labelled"

    def head(self, hidden_size: int, setup: Setup) -> nn.Linear:
        """A linear layer from four vectors to ``setup.labels``; see :class:`hubkit.training.objective.HasHead`."""
        from torch import nn

        self._head = nn.Linear(4 * hidden_size, len(class_names(setup, self.name)))
        return self._head

    def __call__(self, batch: Batch) -> Loss:
        """Loss of a batch with ``labels`` (b,) and the other sentences' vectors in ``teacher`` (b, h)."""
        from torch.nn.functional import cross_entropy

        head, labels = built(self._head, self.name), needed(batch.labels, self.name, "a class for each pair")
        check_range(labels, head.out_features, self.name)
        other = needed(batch.teacher, self.name, "a second sentence for each class")
        logits = head(self.scale * features(batch.student, other))
        right = (logits.detach().argmax(1) == labels).float().mean()
        return Loss(cross_entropy(logits, labels), {"accuracy": float(right)})


def features(one: Tensor, other: Tensor) -> Tensor:
    """(u, v, |u − v|, u · v), the last element by element: (b, 4 h)."""
    import torch

    return torch.cat([one, other, (one - other).abs(), one * other], dim=1)
