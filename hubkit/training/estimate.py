"""What a run will take, from its first steps: time, memory and disk."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hubkit.training.budget import Budget
from hubkit.training.loop import Progress, Training
from hubkit.training.memory import peak_memory

if TYPE_CHECKING:
    from hubkit.runtime.encoder import Encoder
    from hubkit.training.mixture import Mixture
    from hubkit.training.recipe import Recipe
    from hubkit.training.targets import Targets

PROBE_STEPS = 20
_SAMPLE = 64  # sentences that are encoded to know how fast that is
_CHECKPOINT = 3  # an adapter's tensors and the two moments of its optimiser


@dataclass(frozen=True, slots=True)
class Speed:
    """What the first steps of a run showed."""

    steps: int
    seconds_per_step: float
    sentences_per_step: float
    parameters: int
    peak_memory_bytes: int

    @classmethod
    def of(cls, training: Training) -> Speed:
        """The speed of a run so far."""
        state = training.state
        return cls(
            steps=state.step,
            seconds_per_step=state.seconds / state.step,
            sentences_per_step=state.sentences / state.step,
            parameters=sum(parameter.numel() for parameter in training.parameters.values()),
            peak_memory_bytes=peak_memory(),
        )

    def steps_in(self, budget: Budget) -> int:
        """Steps that the budget has room for."""
        return budget.steps or max(1, round((budget.seconds or 0.0) / self.seconds_per_step))

    def seconds_in(self, budget: Budget) -> float:
        """Seconds of training."""
        return budget.seconds or self.steps_in(budget) * self.seconds_per_step


def probe(training: Training, steps: int = PROBE_STEPS) -> Speed:
    """Train some steps and look; the run cannot be continued. Its folder must be nobody else's."""
    training.budget = Budget(steps=steps)
    training.run()
    return Speed.of(training)


def seconds_of_targets(targets: Targets, mixture: Mixture, sentences: float) -> float:
    """Seconds that the frozen core takes for the English of so many draws; what is kept already is free."""
    english = sorted({pair.english for pairs in mixture.pairs.values() for pair in pairs if hasattr(pair, "english")})
    if not english:
        return 0.0
    sample = [english[index] for index in np.random.default_rng(0).permutation(len(english))[:_SAMPLE]]
    started = time.perf_counter()
    targets(sample)
    each = (time.perf_counter() - started) / len(sample)
    return each * distinct(mixture, sentences)


def distinct(mixture: Mixture, draws: float) -> float:
    """How many different sentences so many draws are expected to give: Σ n (1 − exp(−draws · share / n))."""
    counts = [(len(pairs), mixture.shares[tag]) for tag, pairs in mixture.pairs.items()]
    return float(sum(count * -np.expm1(-draws * share / count) for count, share in counts))


def seconds_per_text(encoder: Encoder, texts: Sequence[str]) -> float:
    """Seconds that the encoder takes for one of ``texts``, from a few of them."""
    if not texts:
        return 0.0
    sample = [texts[index] for index in np.random.default_rng(0).permutation(len(texts))[: _SAMPLE // 2]]
    started = time.perf_counter()
    encoder.encode(sample, show_progress_bar=False)
    return (time.perf_counter() - started) / len(sample)


def disk_bytes(speed: Speed, recipe: Recipe, mixture: Mixture, draws: float, width: int) -> dict[str, int]:
    """Bytes by what they are for: the adapter, the checkpoint, the kept English vectors, the kept activations."""
    adapter = 4 * speed.parameters
    averages = bool(recipe.ema or recipe.average) + (recipe.patience is not None)
    seen = distinct(mixture, draws)
    found = {
        "adapter": adapter,
        "checkpoint": adapter * (_CHECKPOINT + averages),
        "English vectors": round(seen * (4 * width + 16)),
    }
    if recipe.cache_activations:
        lengths = [len(example.text) for pairs in mixture.pairs.values() for example in pairs[:1000]]
        tokens = min(recipe.max_tokens, float(np.mean(lengths)) / 3.0)  # about three characters a token
        found["activations"] = round(seen * tokens * width * 2)
    return found


class Watching:
    """Sees the progress of a run and says once, after :data:`PROBE_STEPS`, how fast it is."""

    def __init__(self, training: Training) -> None:
        self._training, self._begun = training, training.state.step
        self.speed: Speed | None = None

    def __call__(self, progress: Progress) -> Speed | None:
        """The speed, the first time that it is known."""
        if self.speed is not None or progress.step - self._begun < PROBE_STEPS:
            return None
        self.speed = Speed.of(self._training)
        return self.speed
