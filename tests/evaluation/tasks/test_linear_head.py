"""The head: it separates what can be separated, and is the same every time."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest

from hubkit.errors import HubkitError, UsageError
from hubkit.evaluation.tasks.linear_head import STRENGTHS, fit_head


def cloud(seed: int, count: int = 30) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    labels = ["a", "b", "c"] * (count // 3)
    centres = dict(zip("abc", np.eye(3, 8), strict=True))
    return np.array([centres[label] for label in labels]) + 0.1 * rng.normal(size=(count, 8)), labels


def test_it_separates_and_repeats() -> None:
    vectors, labels = cloud(0)
    head = fit_head(vectors, labels)
    fresh, expected = cloud(1)
    assert head(fresh) == expected
    assert head.strength in STRENGTHS
    assert fit_head(vectors, labels)(fresh) == expected
    assert head(np.empty((0, 8))) == []


def test_noise_is_regularised_more() -> None:
    rng = np.random.default_rng(0)
    labels = [str(number % 2) for number in range(60)]
    vectors = rng.normal(size=(60, 40)) * 0.5 + np.array([[float(label)] for label in labels]) * 0.15
    assert fit_head(vectors, labels, (0.001, 1e6)).strength == 0.001


def test_a_rare_class_leaves_no_validation() -> None:
    vectors, labels = cloud(0)
    assert fit_head(vectors, [*labels[:-1], "d"]).strength == STRENGTHS[1]


def test_one_class_is_none() -> None:
    with pytest.raises(UsageError, match="has 1 classes: a"):
        fit_head(np.eye(2), ["a", "a"])


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(HubkitError, match=r'pip install "hubkit\[evaluation\]"'):
        fit_head(*cloud(0), strengths=(1.0,))
