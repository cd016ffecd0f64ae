"""Classification of sentences: a linear layer on the sentence's vector (Devlin et al. 2019, arXiv 1810.04805)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from hubkit.training.objective import Batch, Data, Loss, Setup
from hubkit.training.objectives.heads import built, check_range, class_names, needed

if TYPE_CHECKING:
    from torch import nn


@dataclass(slots=True)
class Classification:
    """Cross-entropy of a sentence's class. ``scale`` multiplies the vectors, which have length 1.

    ``smoothing`` is the share of probability spread over all classes (Szegedy et al. 2016, arXiv 1512.00567).
    """

    scale: float = 20.0
    smoothing: float = 0.0
    name: str = "classification"
    _head: nn.Linear | None = field(default=None, init=False, repr=False, compare=False)

    data: ClassVar[Data] = "labelled"

    def head(self, hidden_size: int, setup: Setup) -> nn.Linear:
        """A linear layer from vectors to ``setup.labels``; see :class:`hubkit.training.objective.HasHead`."""
        from torch import nn

        self._head = nn.Linear(hidden_size, len(class_names(setup, self.name)))
        return self._head

    def __call__(self, batch: Batch) -> Loss:
        """Loss of a batch with ``labels`` (b,)."""
        from torch.nn.functional import cross_entropy

        head, labels = built(self._head, self.name), needed(batch.labels, self.name, "a class for each sentence")
        check_range(labels, head.out_features, self.name)
        logits = head(self.scale * batch.student)
        right = (logits.detach().argmax(1) == labels).float().mean()
        return Loss(cross_entropy(logits, labels, label_smoothing=self.smoothing), {"accuracy": float(right)})
