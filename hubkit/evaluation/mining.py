"""Bitext mining: which sentences of two pools translate each other, when many have no translation there.

Margin score and the search in both directions: Artetxe & Schwenk 2019, "Margin-based Parallel Corpus Mining with
Multilingual Sentence Embeddings" (ACL, arXiv 1811.01136).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubkit.evaluation.retrieval import Vectors, normalised

NEIGHBOURS = 4
NOTHING = float("inf")  # the threshold that accepts no pair

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Rows of a text and an English sentence that may translate each other; a score near 1 says that they do not."""

    text: int
    english: int
    score: float


def margins(texts: npt.ArrayLike, english: npt.ArrayLike, neighbours: int = NEIGHBOURS) -> Floats:
    """Ratio margin (n, m) of every text (n, d) and English sentence (m, d).

    cos(x, y) over the mean of x's and y's mean cosine with their ``neighbours`` nearest of the other side.
    """
    left, right = normalised(texts), normalised(english)
    cosines = (left @ right.T).astype(np.float64)
    around_text = _nearest_mean(cosines, neighbours)
    around_english = _nearest_mean(cosines.T, neighbours)
    usual = (around_text[:, None] + around_english[None, :]) / 2
    found: Floats = cosines / np.where(np.abs(usual) > 1e-9, usual, 1e-9)
    return found


def _nearest_mean(cosines: Floats, neighbours: int) -> Floats:
    """Mean of the largest ``neighbours`` cosines of each row."""
    count = min(neighbours, cosines.shape[1])
    means: Floats = np.partition(cosines, -count, axis=1)[:, -count:].mean(axis=1)
    return means


def candidates(scores: Floats) -> list[Candidate]:
    """Pairs to accept or not, the best score first, each text and each English sentence once at most.

    The best partner of every text and of every English sentence are asked for; of two pairs that share a side the
    better one stays (the strategy "max" of the paper). Equal scores go by row.
    """
    rows, columns = np.arange(scores.shape[0]), np.arange(scores.shape[1])
    proposed = {*zip(rows, scores.argmax(axis=1), strict=True), *zip(scores.argmax(axis=0), columns, strict=True)}
    ordered = sorted(proposed, key=lambda pair: (-scores[pair], pair))
    texts: set[int] = set()
    english: set[int] = set()
    kept = []
    for text, other in ordered:
        if text not in texts and other not in english:
            kept.append(Candidate(int(text), int(other), float(scores[text, other])))
            texts.add(text)
            english.add(other)
    return kept


def best_threshold(scores: Sequence[float], right: Sequence[bool], gold: int) -> float:
    """The score from which on accepting gives the highest F1 when ``gold`` pairs are to be found.

    Halfway between two scores; of equal F1 the highest threshold, and :data:`NOTHING` when none accepts a right pair.
    """
    order = sorted(range(len(scores)), key=lambda index: -scores[index])
    best, threshold, hits = 0.0, NOTHING, 0
    for taken, index in enumerate(order, start=1):
        hits += right[index]
        below = scores[order[taken]] if taken < len(order) else scores[index]
        if taken < len(order) and below == scores[index]:
            continue  # equal scores are accepted together
        if (f1 := 2 * hits / (taken + gold)) > best:
            best, threshold = f1, (scores[index] + below) / 2
    return threshold


def nearest_neighbour_f1(texts: npt.ArrayLike, english: npt.ArrayLike) -> Floats:
    """F1 of bitext mining as mteb computes it, as one number for each row (n,), whose mean it is.

    mteb takes each text's nearest English sentence for its predicted class and scikit-learn's ``f1_score`` with
    ``average="weighted"``. Every class occurs once, so that the F1 of class i is 2 / (1 + c_i) when text i finds i, c_i
    being how many texts found i, and 0 otherwise (Muennighoff et al. 2023, arXiv 2210.07316). Rows are told apart by
    their place, so a duplicate counts as wrong; of equal cosines the first row is found.
    """
    left, right = normalised(texts), normalised(english)
    found = _nearest(left, right)
    times = np.bincount(found, minlength=len(right))
    hits = found == np.arange(len(left))
    scores: Floats = np.where(hits, 2 / (1 + times[: len(left)]), 0.0)
    return scores


def _nearest(left: Vectors, right: Vectors) -> npt.NDArray[np.int64]:
    """The nearest row of ``right`` for each row of ``left`` (n,)."""
    step = 1000
    parts = [(left[start : start + step] @ right.T).argmax(axis=1) for start in range(0, len(left), step)]
    return np.concatenate(parts)
