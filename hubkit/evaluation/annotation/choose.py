"""Which pairs of a suite are judged: true ones and near wrong ones, most of them where the cosine decides least.

Uncertainty sampling (Lewis & Gale 1994, SIGIR) alone would say nothing of the rest, so that a part is drawn from it,
and every pair has the weight of the pairs that it stands for (stratified sampling: Cochran 1977, *Sampling
Techniques*).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hubkit.errors import UsageError
from hubkit.evaluation.annotation.judgement import Judgement, Kind, Pair, digest
from hubkit.evaluation.neighbours import nearest_wrong
from hubkit.evaluation.retrieval import Vectors, centred, folded, normalised
from hubkit.evaluation.suite import ParallelSuite

Rows = npt.NDArray[np.int64]
Cosines = npt.NDArray[np.float64]

FEWEST, MOST = 20, 100
NEAR = 1 / 3  # of the pairs of a kind are near the decision
NEAR_QUOTA = 2 / 3  # of those that are judged come from them
_DIGITS = 4  # of a cosine, so that two machines choose the same


@dataclass(frozen=True, slots=True)
class Encoded:
    """A suite with unit vectors (n, d) of both its sides, raw and centred."""

    suite: ParallelSuite
    raw: tuple[Vectors, Vectors]
    centred: tuple[Vectors, Vectors]

    @classmethod
    def of(cls, suite: ParallelSuite, texts: npt.ArrayLike, english: npt.ArrayLike) -> Encoded:
        """From vectors (n, d) of both sides."""
        return cls(suite, (normalised(texts), normalised(english)), (centred(texts), centred(english)))

    def cosines(self, texts: Rows, english: Rows) -> tuple[Cosines, Cosines]:
        """Cosines (m,), raw and centred, of the pairs of these rows (m,)."""
        raw, without = (
            np.einsum("md,md->m", left[texts], right[english], dtype=np.float64).round(_DIGITS)
            for left, right in (self.raw, self.centred)
        )
        return raw, without


@dataclass(frozen=True, slots=True)
class Candidates:
    """The pairs that can be asked for: rows of the texts and of the English side (m,), with their cosines (m,)."""

    encoded: Encoded
    kinds: tuple[Kind, ...]
    texts: Rows
    english: Rows
    raw: Cosines
    centred: Cosines


def candidates(encoded: Encoded) -> Candidates:
    """Every pair of the suite and the nearest wrong ones in both directions; no two of the same sentences."""
    suite, (left, right) = encoded.suite, encoded.raw
    true = [(row, row) for row in range(len(suite))]
    forward = enumerate(nearest_wrong(left, right, suite.texts, suite.english).rows)
    backward = enumerate(nearest_wrong(right, left, suite.english, suite.texts).rows)
    wrong = {(row, int(best)) for row, best in forward if best >= 0}
    wrong |= {(int(best), row) for row, best in backward if best >= 0}
    distinct = {(folded(suite.texts[a]), folded(suite.english[b])): (a, b) for a, b in [*sorted(wrong), *true]}
    pairs = np.array(list(distinct.values()), dtype=np.int64)
    texts, english = pairs[:, 0], pairs[:, 1]
    kinds: tuple[Kind, ...] = tuple("true" if a == b else "wrong" for a, b in pairs)
    return Candidates(encoded, kinds, texts, english, *encoded.cosines(texts, english))


def choose(found: Candidates, count: int, seed: int = 0) -> list[Pair]:
    """``count`` pairs, half of them true, in an order that tells nothing; the same seed gives the same pairs.

    Raises :class:`UsageError` for fewer than :data:`FEWEST` or more than :data:`MOST`.
    """
    if not FEWEST <= count <= MOST:
        raise UsageError(f"{count} pairs were asked for.", f"Ask for {FEWEST} to {MOST}.")
    rng = np.random.default_rng(seed)
    is_true = np.array([kind == "true" for kind in found.kinds])
    threshold = best_cut(found.raw[is_true], found.raw[~is_true])
    quotas = _quotas(int(is_true.sum()), int((~is_true).sum()), count)
    chosen: list[Pair] = []
    for kind, quota in quotas.items():
        rows = np.flatnonzero([own == kind for own in found.kinds])
        for name, stratum, drawn in _strata(rows, np.abs(found.raw - threshold), quota):
            if drawn:
                picked = rng.choice(stratum, size=drawn, replace=False)
                chosen += _pairs(
                    found.encoded, found.texts[picked], found.english[picked], f"{kind} {name}", drawn / len(stratum)
                )
    return [chosen[place] for place in rng.permutation(len(chosen))]


def _quotas(true: int, wrong: int, count: int) -> dict[Kind, int]:
    """Half of each kind, or what there is of it and more of the other."""
    of_wrong = min(wrong, max(count // 2, count - true))
    return {"true": min(true, count - of_wrong), "wrong": of_wrong}


def _strata(
    rows: npt.NDArray[np.int64], distances: npt.NDArray[np.float64], quota: int
) -> list[tuple[str, npt.NDArray[np.int64], int]]:
    """The stratum near the decision and the rest of ``rows``, and how many are drawn from each."""
    order = rows[np.lexsort((rows, distances[rows]))]
    size = min(len(rows), max(1, round(NEAR * len(rows)))) if len(rows) else 0
    near, far = order[:size], order[size:]
    from_near = min(len(near), max(round(NEAR_QUOTA * quota), quota - len(far)))
    return [("near", near, from_near), ("far", far, min(len(far), quota - from_near))]


def _pairs(encoded: Encoded, texts: Rows, english: Rows, stratum: str, share: float) -> list[Pair]:
    """The pairs of these rows, drawn as ``share`` of their stratum."""
    suite = encoded.suite
    return [
        Pair(
            kind="true" if text == other else "wrong",
            key=suite.keys[text],
            english_key=suite.keys[other],
            text=suite.texts[text],
            english=suite.english[other],
            cosine=float(raw),
            centred=float(without),
            stratum=stratum,
            weight=round(1 / share, 4),
        )
        for text, other, raw, without in zip(texts, english, *encoded.cosines(texts, english), strict=True)
    ]


def best_cut(above: npt.NDArray[np.float64], below: npt.NDArray[np.float64]) -> float:
    """The value that best has ``above`` on or above it and ``below`` under it; the middle, where several do.

    Best is the largest sum of the two shares. Where one of the two is empty, it is the mean of the other.
    """
    if not len(above) or not len(below):
        return float(np.concatenate([above, below]).mean())
    values = np.unique(np.concatenate([above, below]))
    cuts = np.concatenate([[values[0] - 1e-6], (values[1:] + values[:-1]) / 2, [values[-1] + 1e-6]])
    shares = (above[None, :] >= cuts[:, None]).mean(axis=1) + (below[None, :] < cuts[:, None]).mean(axis=1)
    best = np.flatnonzero(shares >= shares.max() - 1e-12)
    return float(cuts[best[len(best) // 2]])


def same_pairs(encoded: Encoded, judged: Sequence[Judgement]) -> list[Pair]:
    """The pairs that another annotator judged, in that order, with the cosines of now; text is found by its hash.

    Raises :class:`UsageError` for a pair that the suite does not have.
    """
    suite = encoded.suite
    texts = {digest(text): row for row, text in enumerate(suite.texts)}
    english = {digest(text): row for row, text in enumerate(suite.english)}
    pairs: list[Pair] = []
    for one in judged:
        if one.text_sha256 not in texts or one.english_sha256 not in english:
            raise UsageError(
                f"The pair {one.key} / {one.english_key} of {one.annotator} is not in {suite.name} as it is here.",
                "Judge the suite that the other annotator judged, or leave --same-as out.",
            )
        rows = [np.array([found]) for found in (texts[one.text_sha256], english[one.english_sha256])]
        (pair,) = _pairs(encoded, rows[0], rows[1], one.stratum, 1 / one.weight)
        pairs.append(replace(pair, kind=one.kind))
    return pairs
