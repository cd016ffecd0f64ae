"""A linear head on frozen vectors: logistic regression, its strength of regularisation chosen on its own data.

Linear probing of representations (Alain & Bengio 2016, arXiv 1610.01644); transfer from English follows XTREME (Hu et
al. 2020, arXiv 2003.11080), with a frozen encoder.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hubkit.errors import HubkitError, UsageError

STRENGTHS = (1.0, 10.0, 100.0)  # inverse regularisation on vectors of length 1
FOLDS = 3
ITERATIONS = 1000


@dataclass(frozen=True, slots=True)
class LinearHead:
    """A fitted head. ``strength`` is the inverse regularisation C that cross-validation chose."""

    model: Any
    strength: float

    def __call__(self, vectors: npt.ArrayLike) -> list[str]:
        """The class of each of the vectors (n, h)."""
        array = np.asarray(vectors, dtype=np.float64)
        return [str(label) for label in self.model.predict(array)] if len(array) else []


def fit_head(vectors: npt.ArrayLike, labels: Sequence[str], strengths: Sequence[float] = STRENGTHS) -> LinearHead:
    """Fit a head on vectors (n, h) and their classes; deterministic.

    The strength is the one of ``strengths`` with the best cross-validated accuracy on these examples alone; where a
    class has fewer than ``FOLDS`` examples it is the middle one. Raises :class:`UsageError` for fewer than two classes,
    :class:`HubkitError` when scikit-learn is not installed.
    """
    _check(labels)
    array, names = np.asarray(vectors, dtype=np.float64), np.asarray(labels, dtype=object).astype(str)
    rarest = min(Counter(labels).values())
    strength = strengths[len(strengths) // 2]
    if len(strengths) > 1 and rarest >= FOLDS:
        strength = max(strengths, key=lambda each: (_validated(array, names, each), -each))
    return LinearHead(_fitted(array, names, strength), strength)


def _validated(vectors: npt.NDArray[np.float64], labels: npt.NDArray[Any], strength: float) -> float:
    """Accuracy over stratified folds."""
    from sklearn.model_selection import StratifiedKFold

    right = 0
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(vectors, labels):
        model = _fitted(vectors[train], labels[train], strength)
        right += int((model.predict(vectors[test]) == labels[test]).sum())
    return right / len(labels)


def _fitted(vectors: npt.NDArray[np.float64], labels: npt.NDArray[Any], strength: float) -> Any:
    regression = _logistic_regression()(C=strength, max_iter=ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of not having converged: what counts is what it predicts
        return regression.fit(vectors, labels)


def _logistic_regression() -> Any:
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise HubkitError(
            "Tasks with labels need scikit-learn, which is not installed.", 'Run pip install "hubkit[evaluation]".'
        ) from error
    return LogisticRegression


def _check(labels: Sequence[str]) -> None:
    counts = Counter(labels)
    if len(counts) < 2:
        raise UsageError(
            f"The English training data has {len(counts)} classes: {', '.join(counts) or 'none'}.",
            "A head needs examples of two classes or more.",
        )
