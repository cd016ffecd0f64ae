"""Translation retrieval: does a sentence find its own translation among all of them, in both directions?

Scores are cosines. What counts as found, so that neither duplicates nor a collapsed encoder can flatter a result:
items whose text or English is the same (up to case and spacing) are translations of each other and each of them is
correct; a wrong candidate that ties with the best correct one is ranked before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubkit.errors import HubkitError

Vectors = npt.NDArray[np.float32]
Groups = npt.NDArray[np.int64]
Correct = Callable[[slice], npt.NDArray[np.bool_]]  # rows of queries → which candidates are right for each (rows, m)

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
    distractors: npt.ArrayLike | None = None,
) -> Retrieval:
    """Rank ``target`` (n, d) for each row of ``source`` (n, d) and the reverse; row i of one translates row i.

    ``texts`` and ``english`` are the sentences behind the rows: equal ones count as the same (see the module).
    ``distractors`` (m, d) are more candidates beside ``target``, all of them wrong. Vectors are L2-normalised here.
    :class:`HubkitError` when shapes differ or a vector is not finite.
    """
    left, right = normalised(source), normalised(target)
    if left.shape != right.shape or not len(left):
        raise HubkitError(
            f"Retrieval needs two equal, non-empty sets of vectors, got shapes {left.shape} and {right.shape}.",
            "Encode both sides of the same suite.",
        )
    same = _same(_groups(texts, len(left)), _groups(english, len(left)))
    pool = right if distractors is None else np.concatenate([right, normalised(distractors)])
    return Retrieval(ranks(left, pool, same), ranks(right, left, same))


def centred(vectors: npt.ArrayLike, of: npt.ArrayLike | None = None) -> Vectors:
    """``vectors`` (n, d) without the mean of ``of`` (default: their own), L2-normalised: what one side shares goes.

    All-but-the-mean of Mu & Viswanath 2018 with no component removed; here the mean is that of the pool itself.
    """
    array = normalised(vectors)
    others = array if of is None else normalised(of)
    return normalised(array - others.mean(axis=0, dtype=np.float64).astype(np.float32))


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
    return np.array([numbers.setdefault(folded(sentence), len(numbers)) for sentence in sentences], dtype=np.int64)


def folded(sentence: str) -> str:
    """What equal sentences share: they differ in case and spacing at most."""
    return " ".join(sentence.casefold().split())


def _same(*groupings: Groups) -> Correct:
    """Two items are translations of each other when they share a group in any of the groupings (n,)."""

    def correct(rows: slice) -> npt.NDArray[np.bool_]:
        found = [group[rows, None] == group[None, :] for group in groupings]
        mask: npt.NDArray[np.bool_] = np.logical_or.reduce(found)
        return mask

    return correct


def ranks(queries: Vectors, candidates: Vectors, correct: Correct) -> npt.NDArray[np.int64]:
    """Rank (n,) of each query's best right candidate: 1 + the wrong candidates that score as high or higher.

    ``queries`` (n, d) and ``candidates`` (m, d) have length 1; candidates beyond the width of ``correct`` are wrong.
    """
    found = np.empty(len(queries), dtype=np.int64)
    step = max(1, _CHUNK_SCORES // len(candidates))
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        scores, right = queries[rows] @ candidates.T, correct(rows)
        right = np.pad(right, ((0, 0), (0, scores.shape[1] - right.shape[1])))
        best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
        found[rows] = 1 + ((scores >= best) & ~right).sum(axis=1)
    return found
