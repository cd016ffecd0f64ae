"""After training: the adapter's strength and its mean vector, and the development score while it trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hubkit.adapter.store import Adapter, adapter_from_state
from hubkit.evaluation.retrieval import centred, retrieve
from hubkit.training.loop import DevScore, Training
from hubkit.training.strength import Choice, choose_strength
from hubkit.training.targets import Targets
from hubkit.workflows.data import Data
from hubkit.workflows.events import Events

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.runtime.encoder import Encoder

MEAN_OVER = 1000
WATCHED_PAIRS = 100


def _scorer(data: Data, encoder: Encoder, targets: Targets, limit: int) -> Callable[[Adapter], NDArray[np.float64]]:
    """Recall per development pair, raw and centred averaged, both directions."""
    pairs = data.development[:limit]
    english = targets([pair.english for pair in pairs])

    def score(adapter: Adapter) -> NDArray[np.float64]:
        vectors = encoder.adapted(adapter).encode([pair.text for pair in pairs], show_progress_bar=False)
        raw, without_mean = retrieve(vectors, english), retrieve(centred(vectors), centred(english))
        return (raw.item_recall + without_mean.item_recall) / 2

    return score


def development_scores(training: Training, data: Data, encoder: Encoder, targets: Targets) -> DevScore | None:
    """What the training loop shows: R@1 on a part of the development source, or nothing without one."""
    if not data.development:
        return None
    score = _scorer(data, encoder, targets, WATCHED_PAIRS)

    def dev_score(tensors: dict[str, Tensor]) -> float:
        method, config = training.recipe.method, training.network.config
        adapter = adapter_from_state("development", method, config, tensors, encoder.core)
        return float(score(adapter).mean())

    return dev_score


def tune_strength(
    adapter: Adapter, asked: float | None, data: Data, encoder: Encoder, targets: Targets, events: Events
) -> Choice:
    """The strength that was asked for, else the one chosen on the development source, else the default."""
    if asked is not None:
        return Choice(asked, {}, None)
    if not data.development:
        choice = choose_strength(None, None)
        events.note(f"strength {choice.strength} (the default: there is no development source)")
        return choice
    score = _scorer(data, encoder, targets, len(data.development))
    choice = choose_strength(lambda strength: score(adapter.with_strength(strength)), data.development_source)
    events.note(f"strength {choice.strength}, chosen on {data.development_source}")
    return choice


def mean_vector(adapter: Adapter, data: Data, encoder: Encoder) -> Adapter:
    """The adapter with the mean of its unit vectors over the language's own training sentences, for centring."""
    import torch

    texts = sorted({pair.text for pair in data.pairs[data.language.tag]})
    random = np.random.default_rng(0)
    sample = [texts[index] for index in random.permutation(len(texts))[:MEAN_OVER]]
    mean = encoder.adapted(adapter).fit_centre(sample, show_progress_bar=False)
    return replace(adapter, centre=torch.from_numpy(mean))
