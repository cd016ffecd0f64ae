"""Masked language modelling: guess the pieces that were masked.

15 % of a sentence's pieces are chosen; of those 80 % are masked, 10 % replaced by another piece, 10 % left (Devlin et
al. 2019, "BERT", arXiv 1810.04805). What is chosen from are the pieces of the language, a few thousand, not the core's
250,000: the others never occur, and scoring them would take most of a step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from hubkit.errors import UsageError
from hubkit.training.objective import UNLABELLED, Batch, Data, Loss, Setup
from hubkit.training.objectives.heads import built, needed

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    from hubkit.training.objectives.mlm_head import MlmHead


@dataclass(slots=True)
class Mlm:
    """Cross-entropy of the masked pieces over the language's own pieces, averaged over those that were chosen.

    ``share`` of the pieces are chosen, at least one a sentence; ``masked`` and ``replaced`` are shares of the chosen.
    """

    share: float = 0.15
    masked: float = 0.8
    replaced: float = 0.1
    name: str = "mlm"
    _head: MlmHead | None = field(default=None, init=False, repr=False, compare=False)
    _mask: int = field(default=-1, init=False, repr=False, compare=False)

    data: ClassVar[Data] = "text"

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or min(self.masked, self.replaced) < 0 or self.masked + self.replaced > 1:
            raise UsageError(
                f"mlm cannot choose {self.share} of pieces, mask {self.masked} and replace {self.replaced} of those.",
                "share lies between 0 and 1, and masked and replaced together are at most 1.",
            )

    def head(self, hidden_size: int, setup: Setup) -> nn.Module:
        """A transformation of token vectors before the tied embeddings; see :class:`.mlm_head.MlmHead`.

        Raises :class:`UsageError` without ``setup.pieces``, ``setup.embeddings`` or ``setup.mask``.
        """
        import torch

        from hubkit.training.objectives.mlm_head import MlmHead

        if setup.mask is None:
            raise UsageError("The core's tokenizer has no mask token.", "Choose a core with one, such as e5-small.")
        if setup.pieces is None or setup.embeddings is None or not len(setup.pieces):
            raise UsageError("mlm needs the pieces of the training text and the core's embeddings.", "Give text.")
        special = setup.pieces.new_tensor([*setup.special, setup.mask])
        own = torch.unique(setup.pieces)
        own = own[~(own[:, None] == special[None, :]).any(1)]
        self._mask = setup.mask
        self._head = MlmHead(hidden_size, own, setup.embeddings)
        return self._head

    def prepare(self, input_ids: Tensor, attention_mask: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Ids with some pieces masked or replaced, and labels: the true id of each chosen piece, -100 elsewhere.

        Special tokens, padding and pieces that are none of the language's are never chosen. See
        :class:`hubkit.training.objective.Prepares`.
        """
        import torch

        pieces = built(self._head, self.name).pieces.cpu()
        ids = input_ids.cpu()
        eligible = torch.isin(ids, pieces) & attention_mask.cpu().bool()
        drawn = torch.rand(ids.shape, generator=generator).masked_fill(~eligible, 2.0)
        wanted = (self.share * eligible.sum(1, keepdim=True)).round().clamp(min=1)
        chosen = (drawn.argsort(1).argsort(1) < wanted) & eligible
        fate = torch.rand(ids.shape, generator=generator)
        others = pieces[torch.randint(len(pieces), ids.shape, generator=generator)]
        seen = torch.where(chosen & (fate < self.masked), self._mask, ids)
        seen = torch.where(chosen & (fate >= self.masked) & (fate < self.masked + self.replaced), others, seen)
        return seen.to(input_ids.device), torch.where(chosen, ids, UNLABELLED).to(input_ids.device)

    def __call__(self, batch: Batch) -> Loss:
        """Loss of a batch with ``hidden`` (b, t, h) and ``labels`` (b, t): ids of the chosen pieces, else -100."""
        import torch
        from torch.nn.functional import cross_entropy

        head = built(self._head, self.name)
        hidden, labels = (needed(value, self.name, "masked text") for value in (batch.hidden, batch.labels))
        chosen = torch.isin(labels, head.pieces)
        if not bool(chosen.any()):
            return Loss(0 * hidden.sum(), {"accuracy": 0.0})
        true = torch.searchsorted(head.pieces, labels[chosen])
        logits = head(hidden[chosen])
        right = (logits.detach().argmax(1) == true).float().mean()
        return Loss(cross_entropy(logits, true), {"accuracy": float(right)})
