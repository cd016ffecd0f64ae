"""The head that guesses masked pieces: a transformation, then the product with the pieces' input embeddings."""

from __future__ import annotations

from torch import Tensor, nn


class MlmHead(nn.Module):
    """Token vectors (n, h) → logits (n, p) over the pieces with ids ``pieces`` (p,), ascending.

    The transformation and the bias of each piece are learnt; the embeddings are the core's and stay. The
    transformation begins as the identity, and is BERT's without its non-linearity: linear layer and layer norm.
    """

    pieces: Tensor
    rows: Tensor

    def __init__(self, hidden_size: int, pieces: Tensor, embeddings: Tensor) -> None:
        """``embeddings`` (v, h) are those of the whole vocabulary; the rows of ``pieces`` are copied."""
        super().__init__()
        device = embeddings.device
        self.register_buffer("pieces", pieces.to(device), persistent=False)
        self.register_buffer("rows", embeddings.detach()[pieces.to(device)].float(), persistent=False)
        self.dense = nn.Linear(hidden_size, hidden_size, device=device)
        self.norm = nn.LayerNorm(hidden_size, device=device)
        self.bias = nn.Parameter(embeddings.new_zeros(len(pieces)).float())
        nn.init.eye_(self.dense.weight)
        nn.init.zeros_(self.dense.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """See the class."""
        transformed: Tensor = self.norm(self.dense(hidden))
        return transformed @ self.rows.T + self.bias
