"""After training: the adapter's strength and its mean vector, and the development score while it trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hubkit.adapter.method import method
from hubkit.adapter.store import Adapter, adapter_from_state
from hubkit.errors import UsageError
from hubkit.evaluation.retrieval import centred, retrieve
from hubkit.training.loop import DevScore, Training
from hubkit.training.strength import Choice, choose_strength
from hubkit.workflows.work import Work

if TYPE_CHECKING:
    from torch import Tensor

MEAN_OVER = 1000
WATCHED_PAIRS = 100


def _scorer(work: Work, limit: int | None = None) -> Callable[[Adapter], NDArray[np.float64]]:
    """Recall per development pair, raw and centred averaged, both directions."""
    pairs = work.data.development[:limit]
    english = work.targets([pair.english for pair in pairs])

    def score(adapter: Adapter) -> NDArray[np.float64]:
        vectors = work.encoder.adapted(adapter).encode([pair.text for pair in pairs], show_progress_bar=False)
        raw, without_mean = retrieve(vectors, english), retrieve(centred(vectors), centred(english))
        return (raw.item_recall + without_mean.item_recall) / 2

    return score


def development_scores(work: Work, training: Training) -> DevScore | None:
    """What the training loop shows: R@1 on a part of the development source, or nothing without one."""
    if not work.data.development:
        return None
    score = _scorer(work, WATCHED_PAIRS)

    def dev_score(tensors: dict[str, Tensor]) -> dict[str, float]:
        method, config = training.recipe.method, training.network.config
        adapter = adapter_from_state("development", method, config, tensors, work.encoder.core)
        return {work.language.tag: float(score(adapter).mean())}

    return dev_score


def tune_strength(work: Work, adapter: Adapter, asked: float | None) -> Choice:
    """The strength that was asked for, else the one chosen on the development source, else the default.

    It is 1 for a method whose stored form has no factor on all that it does.
    """
    if not method(adapter.method).strength_is_scaling:
        if asked not in (None, 1.0):
            raise UsageError(f"{adapter.method} is stored at strength 1 only, not {asked:g}.", "Leave --strength out.")
        work.events.note(f"strength 1: {adapter.method} is stored at no other")
        return Choice(1.0, {}, None)
    if asked is not None:
        return Choice(asked, {}, None)
    if not work.data.development:
        choice = choose_strength(None, None)
        work.events.note(f"strength {choice.strength} (the default: there is no development source)")
        return choice
    score = _scorer(work)
    choice = choose_strength(lambda strength: score(adapter.with_strength(strength)), work.data.development_source)
    work.events.note(f"strength {choice.strength}, chosen on {choice.source}")
    return choice


def with_mean_vector(work: Work, adapter: Adapter) -> Adapter:
    """The adapter with the mean of its unit vectors over the language's own training sentences, for centring."""
    import torch

    texts = sorted({pair.text for pair in work.data.pairs[work.language.tag]})
    random = np.random.default_rng(0)
    sample = [texts[index] for index in random.permutation(len(texts))[:MEAN_OVER]]
    mean = work.encoder.adapted(adapter).fit_centre(sample, show_progress_bar=False)
    return replace(adapter, centre=torch.from_numpy(mean))
