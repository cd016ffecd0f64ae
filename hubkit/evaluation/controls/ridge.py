"""The ridge: the best linear map of the core's vectors, in closed form, drawn towards the identity.

With X (n, h) the frozen core's unit vectors of training text, Y (n, h) those of its English, and the mean of each taken
away, W minimises ‖XW − Y‖² + λ‖W − I‖²: W = (XᵀX + λI)⁻¹ (XᵀY + λI). A sentence's vector x becomes
(x − mean of X) W + mean of Y. At λ → ∞ that is the core with its language's offset moved onto that of English.

Ridge regression: Hoerl & Kennard 1970 (Technometrics 12). Linear maps between embedding spaces: Mikolov et al. 2013
(arXiv 1309.4168); towards the identity, because both sides are one space already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hubkit.evaluation.controls.context import ControlContext, NotHadError, encode_with
from hubkit.evaluation.task import Encode, Tested
from hubkit.training.mixture import mix

if TYPE_CHECKING:
    from hubkit.corpora.source import Pair

Matrix = npt.NDArray[np.float64]
STRENGTH = (
    10.0  # λ over the mean eigenvalue of XᵀX; best of .01 … 100 on prose that was not fitted on (docs/controls.md)
)
MOST_PAIRS = 4000
FEWEST_PAIRS = 20


@dataclass(frozen=True, slots=True)
class Ridge:
    """The map x → (x − ``source``) ``weights`` + ``target``; ``weights`` (h, h), both means (h,)."""

    weights: Matrix
    source: Matrix
    target: Matrix

    def __call__(self, vectors: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Mapped vectors (n, h), of length 1."""
        mapped = (np.asarray(vectors, np.float64) - self.source) @ self.weights + self.target
        lengths = np.maximum(np.linalg.norm(mapped, axis=1, keepdims=True), 1e-12)
        unit: npt.NDArray[np.float32] = (mapped / lengths).astype(np.float32)
        return unit


def fit(texts: npt.ArrayLike, english: npt.ArrayLike, strength: float = STRENGTH) -> Ridge:
    """The ridge from vectors of texts (n, h) to those of their English (n, h).

    λ = ``strength`` · trace(XᵀX) / h, so that it means the same for any number of sentences.
    """
    x, y = np.asarray(texts, np.float64), np.asarray(english, np.float64)
    source, target = x.mean(axis=0), y.mean(axis=0)
    x, y = x - source, y - target
    gram, identity = x.T @ x, np.eye(x.shape[1])
    pull = max(strength * float(np.trace(gram)) / len(gram), 1e-12) * identity
    return Ridge(np.linalg.solve(gram + pull, x.T @ y + pull), source, target)


def make(context: ControlContext) -> Tested:
    """The system ``ridge``, fitted on the adapter's training text."""
    recipe, targets = context.budget()
    pairs = sample(context, recipe.alpha, recipe.own)
    map_ = fit(targets([pair.text for pair in pairs]), targets([pair.english for pair in pairs]))
    description = f"closed-form ridge towards the identity on the core's vectors, fitted on {len(pairs):,} pairs"
    core = encode_with(context.encoder)
    return Tested("ridge", description, _mapped(core, map_), core)


def _mapped(core: Encode, map_: Ridge) -> Encode:
    def encode(texts: list[str]) -> npt.NDArray[Any]:
        return map_(core(texts))

    return encode


def sample(context: ControlContext, alpha: float, own: float) -> list[Pair]:
    """At most :data:`MOST_PAIRS` of the training pairs, of each language in proportion to its share of the draws."""
    mixture = mix(context.training_pairs(), context.language.tag, alpha, own)
    random = np.random.default_rng(context.seed)
    chosen: list[Pair] = []
    for tag in sorted(mixture.pairs):
        found = mixture.pairs[tag]
        count = min(len(found), max(1, round(mixture.shares[tag] * MOST_PAIRS)))
        chosen += [found[index] for index in random.permutation(len(found))[:count]]
    if len(chosen) < FEWEST_PAIRS:
        raise NotHadError(f"the training text has {len(chosen)} pairs; a ridge needs {FEWEST_PAIRS}")
    return chosen
