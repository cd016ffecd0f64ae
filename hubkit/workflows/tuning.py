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


Score = Callable[[Adapter], dict[str, NDArray[np.float64]]]


def _scorer(work: Work, limit: int | None = None) -> Score:
    """Recall per development pair by language, raw and centred averaged, both directions."""
    chosen = {tag: pairs[:limit] for tag, pairs in work.data.development.items()}
    english = {tag: work.targets([pair.english for pair in pairs]) for tag, pairs in chosen.items()}

    def score(adapter: Adapter) -> dict[str, NDArray[np.float64]]:
        found = {}
        for tag, pairs in chosen.items():
            encoder = work.acting(adapter, "development", tag)
            vectors = encoder.encode([pair.text for pair in pairs], show_progress_bar=False)
            raw, without_mean = retrieve(vectors, english[tag]), retrieve(centred(vectors), centred(english[tag]))
            found[tag] = (raw.item_recall + without_mean.item_recall) / 2
        return found

    return score


def development_scores(work: Work, training: Training) -> DevScore | None:
    """What the training loop shows: R@1 on a part of the development source, or nothing without one."""
    if not work.data.development:
        return None
    score = _scorer(work, WATCHED_PAIRS)

    def dev_score(tensors: dict[str, Tensor]) -> dict[str, float]:
        method, config = training.recipe.method, training.network.config
        adapter = adapter_from_state("development", method, config, tensors, work.encoder.core)
        return {tag: float(values.mean()) for tag, values in score(adapter).items()}

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

    def values(strength: float) -> NDArray[np.float64]:
        return np.concatenate(list(score(adapter.with_strength(strength)).values()))

    choice = choose_strength(values, work.data.development_source)
    work.events.note(f"strength {choice.strength}, chosen on {choice.source}")
    return choice


def with_mean_vector(work: Work, adapter: Adapter) -> Adapter:
    """The adapter with the mean of its unit vectors over the language's own training sentences, for centring.

    An adapter of several languages has none: each of them has a mean of its own. Nor has one that is stacked on another
    adapter in each language, or that has met none of its language's text.
    """
    import torch

    if len(work.data.languages) > 1 or work.stacks or not work.data.pairs.get(work.language.tag):
        return adapter
    texts = sorted({pair.text for pair in work.data.pairs[work.language.tag]})
    random = np.random.default_rng(0)
    sample = [texts[index] for index in random.permutation(len(texts))[:MEAN_OVER]]
    mean = work.acting(adapter).fit_centre(sample, show_progress_bar=False)
    return replace(adapter, centre=torch.from_numpy(mean))
