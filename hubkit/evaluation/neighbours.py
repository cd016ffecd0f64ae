"""For every sentence the nearest wrong translation: what wins where retrieval fails, and what nearly does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubkit.evaluation.retrieval import Vectors, folded, normalised

Indices = npt.NDArray[np.int64]
Cosines = npt.NDArray[np.float64]

_CHUNK_SCORES = 4_000_000  # scores held at a time; 16 MB


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest wrong candidate of each query (n,): its row, −1 where there is none, and its cosine."""

    rows: Indices
    cosines: Cosines


def nearest_wrong(
    queries: npt.ArrayLike, candidates: npt.ArrayLike, own: Sequence[str], others: Sequence[str]
) -> Nearest:
    """The nearest row of ``candidates`` (n, d) that does not translate the row of ``queries`` (n, d); i translates i.

    ``own`` are the sentences behind the queries, ``others`` those behind the candidates. As in retrieval, rows whose
    sentences are equal on either side (up to case and spacing) are translations of each other.
    """
    left, right = normalised(queries), normalised(candidates)
    groups = [_numbered(own), _numbered(others)]
    rows, cosines = np.empty(len(left), dtype=np.int64), np.empty(len(left))
    step = max(1, _CHUNK_SCORES // len(right))
    for start in range(0, len(left), step):
        part = slice(start, start + step)
        scores = _without_right_ones(left[part] @ right.T, part, groups)
        best = scores.argmax(axis=1)
        found = scores[np.arange(len(best)), best]
        rows[part] = np.where(np.isfinite(found), best, -1)
        cosines[part] = np.where(np.isfinite(found), found, -1.0)
    return Nearest(rows, cosines)


def true_cosines(queries: npt.ArrayLike, candidates: npt.ArrayLike) -> Cosines:
    """The cosine (n,) of row i of ``queries`` (n, d) with row i of ``candidates`` (n, d)."""
    products: Cosines = np.einsum("nd,nd->n", normalised(queries), normalised(candidates), dtype=np.float64)
    return products


def _numbered(sentences: Sequence[str]) -> Indices:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(folded(sentence), len(numbers)) for sentence in sentences], dtype=np.int64)


def _without_right_ones(scores: Vectors, part: slice, groups: Sequence[Indices]) -> Vectors:
    """``scores`` with −∞ where the candidate is a right one."""
    right = np.logical_or.reduce([group[part, None] == group[None, :] for group in groups])
    masked: Vectors = np.where(right, -np.inf, scores)
    return masked
