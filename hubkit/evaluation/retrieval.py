"""Translation retrieval: does a sentence find its own translation among all of them, in both directions?

Scores are cosines. What counts as found, so that neither duplicates nor a collapsed encoder can flatter a result:
items whose text or English is the same (up to case and spacing) are translations of each other and each of them is
correct; a wrong candidate that ties with the best correct one is ranked before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubkit.errors import HubkitError

Vectors = npt.NDArray[np.float32]
Groups = npt.NDArray[np.int64]

_CHUNK_SCORES = 4_000_000  # scores held at a time; 16 MB


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Ranks of the correct translation, 1 = found first; each array has one entry per item (n,)."""

    forward_ranks: npt.NDArray[np.int64]  # text → English
    backward_ranks: npt.NDArray[np.int64]  # English → text

    @property
    def forward_hits(self) -> npt.NDArray[np.bool_]:
        return np.equal(self.forward_ranks, 1)

    @property
    def backward_hits(self) -> npt.NDArray[np.bool_]:
        return np.equal(self.backward_ranks, 1)

    @property
    def item_recall(self) -> npt.NDArray[np.float64]:
        """R@1 of each item, mean of its two directions (n,): 0, .5 or 1. What the intervals resample."""
        return (self.forward_hits.astype(np.float64) + self.backward_hits) / 2

    @property
    def forward(self) -> float:
        """R@1, text → English."""
        return float(self.forward_hits.mean())

    @property
    def backward(self) -> float:
        """R@1, English → text."""
        return float(self.backward_hits.mean())

    @property
    def recall(self) -> float:
        """R@1, mean of both directions."""
        return float(self.item_recall.mean())

    @property
    def mrr(self) -> float:
        """Mean reciprocal rank, mean of both directions."""
        return float(((1 / self.forward_ranks) + (1 / self.backward_ranks)).mean() / 2)


def retrieve(
    source: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    texts: Sequence[str] | None = None,
    english: Sequence[str] | None = None,
) -> Retrieval:
    """Rank ``target`` (n, d) for each row of ``source`` (n, d) and the reverse; row i of one translates row i.

    ``texts`` and ``english`` are the sentences behind the rows: equal ones count as the same (see the module).
    Vectors are L2-normalised here. :class:`HubkitError` when shapes differ or a vector is not finite.
    """
    left, right = normalised(source), normalised(target)
    if left.shape != right.shape or not len(left):
        raise HubkitError(
            f"Retrieval needs two equal, non-empty sets of vectors, got shapes {left.shape} and {right.shape}.",
            "Encode both sides of the same suite.",
        )
    groups = (_groups(texts, len(left)), _groups(english, len(left)))
    return Retrieval(_ranks(left, right, groups), _ranks(right, left, groups))


def centred(vectors: npt.ArrayLike) -> Vectors:
    """``vectors`` (n, d) without their mean, L2-normalised: removes what all sentences of one side share.

    All-but-the-mean of Mu & Viswanath 2018 with no component removed; here the mean is that of the pool itself.
    """
    array = normalised(vectors)
    return normalised(array - array.mean(axis=0, dtype=np.float64).astype(np.float32))


def normalised(vectors: npt.ArrayLike) -> Vectors:
    """``vectors`` (n, d) as float32 of length 1; a zero vector stays zero. :class:`HubkitError` when not finite."""
    array = np.asarray(vectors, dtype=np.float32)
    if array.ndim != 2 or not np.isfinite(array).all():
        raise HubkitError(
            f"An encoder gave vectors of shape {array.shape} that are not (sentences, width) or not finite.",
            "Check the adapter: its weights may have diverged in training.",
        )
    lengths = np.maximum(np.linalg.norm(array, axis=1, keepdims=True), 1e-12)
    unit: Vectors = (array / lengths).astype(np.float32, copy=False)
    return unit


def _groups(sentences: Sequence[str] | None, count: int) -> Groups:
    """An integer per sentence (n,), the same for the same sentence up to case and spacing."""
    if sentences is None:
        return np.arange(count)
    if len(sentences) != count:
        raise HubkitError(f"{len(sentences)} sentences for {count} vectors.", "Pass the sentences that were encoded.")
    numbers: dict[str, int] = {}
    folded = (" ".join(sentence.casefold().split()) for sentence in sentences)
    return np.array([numbers.setdefault(sentence, len(numbers)) for sentence in folded], dtype=np.int64)


def _ranks(queries: Vectors, candidates: Vectors, groups: tuple[Groups, Groups]) -> npt.NDArray[np.int64]:
    """Rank (n,) of the best correct candidate: 1 + the wrong candidates that score as high or higher."""
    ranks = np.empty(len(queries), dtype=np.int64)
    step = max(1, _CHUNK_SCORES // len(candidates))
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        scores = queries[rows] @ candidates.T
        correct = np.zeros(scores.shape, dtype=bool)
        for group in groups:
            correct |= group[rows, None] == group[None, :]
        best = np.where(correct, scores, -np.inf).max(axis=1, keepdims=True)
        ranks[rows] = 1 + ((scores >= best) & ~correct).sum(axis=1)
    return ranks
