"""What goes on beside the steps, off the clock: progress, development scores, checkpoints, early stopping."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from hubkit.durable import written_file
from hubkit.training import distributed
from hubkit.training.checkpoint import BEST
from hubkit.training.memory import peak_gpu_memory, peak_memory
from hubkit.training.optimiser import evaluating

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.training.loop import Training

CHECKPOINT_SECONDS = 20.0
DEV_EVALUATIONS = 8
FALL = 0.02  # a language whose score is lower by more than this, while the mean is higher, is warned of
_SMOOTHING = 0.95


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run shows while it works.

    ``losses`` are smoothed and by name: "loss", each objective, "gradient" (the norm), and with several objectives
    "gradient of" each; ``now`` are those of the last step. ``dev`` is the mean of the last development scores,
    ``scores`` and ``first_scores`` are the last and the first by language; ``left`` are seconds still to train.
    """

    fraction: float
    step: int
    loss: float
    sentences_per_second: float
    left: float | None
    dev: float | None
    losses: Mapping[str, float] = field(default_factory=dict)
    now: Mapping[str, float] = field(default_factory=dict)
    learning_rate: float = 0.0
    scores: Mapping[str, float] = field(default_factory=dict)
    first_scores: Mapping[str, float] = field(default_factory=dict)
    peak_memory_bytes: int = 0
    peak_gpu_bytes: int = 0


Observer = Callable[[Progress], None]
DevScore = Callable[[dict[str, "Tensor"]], Mapping[str, float]]
"""An adapter's tensors → a score for each language of the development text."""


class Watch:
    """Reports progress, scores the development text now and then, and saves checkpoints."""

    def __init__(self, training: Training, observe: Observer | None, dev_score: DevScore | None) -> None:
        self._training, self._observe, self._dev_score = training, observe, dev_score
        self._saved = time.monotonic()
        self._smoothed: dict[str, float] = {}

    def wants_norms(self, batch: int) -> bool:
        """Whether the norm of each objective's gradient is measured in this step: once in a group of batches."""
        return batch == 0

    def stepped(self, losses: Mapping[str, float]) -> None:
        """A step is done."""
        for name, value in losses.items():
            before = self._smoothed.get(name, value)
            self._smoothed[name] = _SMOOTHING * before + (1 - _SMOOTHING) * value
        if self._observe is None or distributed.number():
            return
        state, fraction = self._training.state, self._training.own_fraction()
        left = state.seconds * (1 - fraction) / fraction if fraction > 0 else None
        speed = state.sentences / max(state.seconds, 1e-9)
        self._observe(
            Progress(
                fraction, state.step, self._smoothed["loss"], speed, left, self._dev(), dict(self._smoothed),
                dict(losses), self._training.optimiser.param_groups[0]["lr"], dict(state.dev), dict(state.first_dev),
                peak_memory(), peak_gpu_memory(),
            )
        )  # fmt: skip

    def group_done(self) -> None:
        """A group of batches is done: note the loss, score, let languages join, save."""
        training, state = self._training, self._training.state
        due = int(training.fraction() * DEV_EVALUATIONS)
        if self._dev_score and due > state.evaluations:
            state.evaluations = due
            self._evaluate(self._dev_score)
        self._let_languages_join()
        shown = {name: round(value, 4) for name, value in self._smoothed.items() if name != "gradient"}
        point = {"step": float(state.step), **shown}
        if (dev := self._dev()) is not None:
            point["dev"] = round(dev, 4)
        state.curve.append(point)
        if time.monotonic() - self._saved > CHECKPOINT_SECONDS:
            training.save()
            self._saved = time.monotonic()

    def best_tensors(self) -> dict[str, Tensor] | None:
        """The adapter of the best evaluation, where the recipe stops early."""
        path = self._training.folder / BEST
        if self._training.recipe.patience is None or self._training.state.best is None or not path.is_file():
            return None
        try:
            return dict(load_file(path))
        except (OSError, SafetensorError):
            return None

    def _dev(self) -> float | None:
        scores = self._training.state.dev
        return sum(scores.values()) / len(scores) if scores else None

    def _evaluate(self, dev_score: DevScore) -> None:
        """The macro average decides; an evaluation with a language that falls under where it began is not the best."""
        training, state = self._training, self._training.state
        with evaluating(training.optimiser), training.average.acting():
            tensors = training.network.adapter_tensors()
        before, mean_before = dict(state.dev), self._dev()
        state.dev = dict(dev_score(tensors))
        state.first_dev = state.first_dev or dict(state.dev)
        mean = self._dev()
        assert mean is not None
        if mean_before is not None and mean > mean_before:
            self._warn_of_falls(before)
        fallen = any(state.dev[tag] < first - FALL for tag, first in state.first_dev.items() if tag in state.dev)
        if training.recipe.patience is None:
            return
        if state.best is None or (mean > state.best and not fallen):
            state.best, state.since = mean, 0
            if distributed.number() == 0:
                with written_file(training.folder / BEST) as aside:
                    save_file(tensors, aside)
        else:
            state.since += 1
            state.stopped = state.since >= training.recipe.patience

    def _warn_of_falls(self, before: Mapping[str, float]) -> None:
        state = self._training.state
        for tag, score in state.dev.items():
            if tag in before and score < before[tag] - FALL:
                state.warnings.append(
                    f"Step {state.step}: {tag} falls from {before[tag]:.3f} to {score:.3f} on development text while "
                    "the mean rises: give it a larger share (own, floor, alpha)."
                )

    def _let_languages_join(self) -> None:
        """The next group joins by the clock, or with a gate as soon as the score has risen since the last one."""
        training, state = self._training, self._training.state
        groups = len(training.mixture.order)
        if state.groups >= groups:
            return
        by_clock = 1 + int(training.fraction() / training.recipe.curriculum_share * groups)
        dev = self._dev()
        risen = training.recipe.gate and dev is not None and state.joined_at is not None and dev > state.joined_at
        if dev is not None and state.joined_at is None:
            state.joined_at = dev
        if by_clock > state.groups or risen:
            state.groups = min(groups, max(by_clock, state.groups + 1))
            state.joined_at = dev
