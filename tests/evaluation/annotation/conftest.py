"""A suite of numbered sentences with vectors, and judgements made from what is known to be true of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hubkit.evaluation.annotation.choose import Encoded
from hubkit.evaluation.annotation.judgement import Judgement, digest
from hubkit.evaluation.suite import ParallelSuite

MakeJudgement = Callable[..., Judgement]


def judgement(number: int, label: str = "same", **changes: Any) -> Judgement:
    """A judgement of the pair ``t3`` / ``e3``; a ``wrong`` one is of ``t3`` / ``e4``."""
    other = number if changes.get("kind", "true") == "true" else number + 1
    content: dict[str, Any] = {
        "annotator": "Ann", "time": "2026-01-02T03:04:05Z", "language": "rw", "suite": "toy", "license": "CC0-1.0",
        "system": "lang-rw==0.1.0", "core": "sha256:" + "a" * 64, "seed": 0, "kind": "true", "key": str(number),
        "english_key": str(other), "text_sha256": digest(f"t{number}"), "english_sha256": digest(f"e{other}"),
        "cosine": 0.8, "centred": 0.4, "stratum": "true near", "weight": 1.0, "label": label,
    }  # fmt: skip
    return Judgement.model_validate({**content, **changes})


@pytest.fixture
def judged() -> MakeJudgement:
    return judgement


@pytest.fixture
def toy_suite() -> ParallelSuite:
    numbers = range(60)
    texts, english = (tuple(f"{side}{number}" for number in numbers) for side in "te")
    return ParallelSuite("toy", "made up", "CC0-1.0", "prose", "rw", texts, english, tuple(map(str, numbers)))


@pytest.fixture
def encoded(toy_suite: ParallelSuite) -> Encoded:
    """Meanings seen through noise: most sentences find their own, some do not."""
    rng = np.random.default_rng(0)
    meanings = rng.normal(size=(60, 16))
    return Encoded.of(toy_suite, meanings + rng.normal(size=meanings.shape), meanings)
