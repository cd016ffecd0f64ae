"""Classification of tokens: a linear layer on each token's vector (Devlin et al. 2019, arXiv 1810.04805)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from hubkit.training.objective import UNLABELLED, Batch, Data, Loss, Setup
from hubkit.training.objectives.heads import built, check_range, class_names, needed

if TYPE_CHECKING:
    from torch import nn


@dataclass(slots=True)
class TokenClassification:
    """Cross-entropy of the tags of tokens, averaged over the tokens that have one."""

    name: str = "token_classification"
    _head: nn.Linear | None = field(default=None, init=False, repr=False, compare=False)

    data: ClassVar[Data] = "tagged"

    def head(self, hidden_size: int, setup: Setup) -> nn.Linear:
        """A linear layer from token vectors to ``setup.labels``; see :class:`hubkit.training.objective.HasHead`."""
        from torch import nn

        self._head = nn.Linear(hidden_size, len(class_names(setup, self.name)))
        return self._head

    def __call__(self, batch: Batch) -> Loss:
        """Loss of a batch with ``hidden`` (b, t, h) and ``labels`` (b, t), -100 where a token has none."""
        from torch.nn.functional import cross_entropy

        head, labels = built(self._head, self.name), needed(batch.labels, self.name, "a tag for each word")
        hidden = needed(batch.hidden, self.name, "token vectors")
        chosen = labels != UNLABELLED
        if not bool(chosen.any()):
            return Loss(0 * hidden.sum(), {"accuracy": 0.0})
        true = labels[chosen]
        check_range(true, head.out_features, self.name)
        logits = head(hidden[chosen])
        right = (logits.detach().argmax(1) == true).float().mean()
        return Loss(cross_entropy(logits, true), {"accuracy": float(right)})
