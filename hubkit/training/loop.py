"""The training loop: seeded, measured by its own clock, checkpointed, and resumed by running it again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hubkit.adapter.method import method
from hubkit.plugins import load_registered
from hubkit.training import mixture as mixtures
from hubkit.training.backend import Trainable, TrainableAdapter
from hubkit.training.budget import Budget
from hubkit.training.checkpoint import State, load_checkpoint, save_checkpoint
from hubkit.training.mixture import Mixture
from hubkit.training.objective import Batch, Objective
from hubkit.training.recipe import Recipe
from hubkit.training.targets import Targets

if TYPE_CHECKING:
    from hubkit.core import Core
    from hubkit.corpora.source import Pair

CHECKPOINT_SECONDS = 20.0
DEV_EVALUATIONS = 8


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run shows while it works. ``dev`` is the last development score, ``left`` the seconds still to train."""

    fraction: float
    step: int
    loss: float
    sentences_per_second: float
    left: float | None
    dev: float | None


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished run: the adapter's tensors (names of the method), its configuration and how it went."""

    tensors: dict[str, Tensor]
    config: dict[str, Any]
    state: State
    resumed: bool


Observer = Callable[[Progress], None]
DevScore = Callable[[dict[str, Tensor]], float]


class Training:
    """One run in ``folder``, where it keeps its checkpoint: of the ``network``, or of one adapter on the core."""

    def __init__(
        self, core: Core, recipe: Recipe, mixture: Mixture, targets: Targets, budget: Budget, seed: int, folder: Path,
        network: Trainable | None = None,
    ) -> None:  # fmt: skip
        self.recipe, self.mixture, self.targets = recipe, mixture, targets
        self.budget, self.seed, self.folder = budget, seed, folder
        self.objective: Objective = load_registered("objectives", recipe.objective)(**recipe.objective_parameters)
        self.network = network or _adapter(core, recipe, seed)
        self.parameters = self.network.trainable()
        self.optimiser = torch.optim.AdamW(
            self.parameters.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.state = load_checkpoint(folder, self.parameters, self.optimiser) or State()
        self.resumed = self.state.step > 0

    def run(self, observe: Observer | None = None, dev_score: DevScore | None = None) -> Trained:
        """Train until the budget is spent. Interrupted (Ctrl-C), the state is saved and the interrupt goes on."""
        watch = _Watch(self, observe, dev_score)
        try:
            self._train(watch)
        except KeyboardInterrupt:
            self._save()
            raise
        self._save()
        self.network.assert_core_unchanged()
        return Trained(self.network.adapter_tensors(), self.network.config, self.state, self.resumed)

    def _train(self, watch: _Watch) -> None:
        groups = mixtures.batches(self.mixture, self.recipe.batch_size, self.seed, self.state.group)
        while self.fraction() < 1:
            group = next(groups)
            encoded = [self._encode(batch) for batch in group]
            for tokens, teacher, same in encoded:
                if self.fraction() >= 1:
                    break
                started = time.perf_counter()
                loss = self._step(tokens, teacher, same)
                self.state.seconds += time.perf_counter() - started
                self.state.step += 1
                self.state.sentences += len(teacher)
                watch.stepped(loss)
            self.state.group += 1
            watch.group_done()

    def fraction(self) -> float:
        """Fraction of the budget that is spent."""
        return self.budget.progress(self.state.seconds, self.state.step)

    def _encode(self, batch: list[Pair]) -> tuple[Any, Tensor, Tensor]:
        """Tokens of the batch, teacher vectors (b, h), and which rows share their English side (b, b)."""
        frozen = self.targets.frozen
        tokens = frozen.tokenizer(
            [frozen.core.prefix + pair.text for pair in batch],
            padding=True, truncation=True, max_length=self.recipe.max_tokens, return_tensors="pt",
        )  # fmt: skip
        english = [pair.english for pair in batch]
        numbers = torch.tensor([english.index(text) for text in english])
        return tokens, torch.from_numpy(self.targets(english)), numbers[:, None] == numbers[None, :]

    def _step(self, tokens: Any, teacher: Tensor, same: Tensor) -> float:
        rate = self.recipe.learning_rate * schedule(self.fraction(), self.recipe.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        student = self.network(tokens["input_ids"], tokens["attention_mask"])
        loss = self.objective(Batch(student, teacher, same)).value
        if (penalty := self.network.penalty()) is not None:
            loss = loss + penalty
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), self.recipe.clip)
        self.optimiser.step()
        return float(loss.detach())

    def _save(self) -> None:
        save_checkpoint(self.folder, self.parameters, self.optimiser, self.state)


def _adapter(core: Core, recipe: Recipe, seed: int) -> Trainable:
    return TrainableAdapter(core, method(recipe.method), adapter_config(core, recipe), seed)


def adapter_config(core: Core, recipe: Recipe) -> dict[str, Any]:
    """The AdapterHub configuration that ``recipe`` asks for on ``core``.

    The lower layers get no adapter, so that no gradient goes through them: Rücklé et al. 2021, "AdapterDrop"
    (arXiv 2010.11918).
    """
    from transformers import AutoConfig

    layers = int(AutoConfig.from_pretrained(core.folder).num_hidden_layers)
    skipped = list(range(int(layers * recipe.skip_lower)))
    return method(recipe.method).adapterhub_config(**{"leave_out": skipped, **recipe.hyperparameters})


class _Watch:
    """Reports progress, scores the development source now and then, and saves checkpoints, off the clock."""

    def __init__(self, training: Training, observe: Observer | None, dev_score: DevScore | None) -> None:
        self._training, self._observe, self._dev_score = training, observe, dev_score
        self._saved = time.monotonic()
        self._loss: float | None = None
        self._dev: float | None = None
        self._evaluations = int(training.fraction() * DEV_EVALUATIONS)

    def stepped(self, loss: float) -> None:
        self._loss = loss if self._loss is None else 0.95 * self._loss + 0.05 * loss
        if self._observe is None:
            return
        state, fraction = self._training.state, self._training.fraction()
        left = state.seconds * (1 - fraction) / fraction if fraction > 0 else None
        speed = state.sentences / max(state.seconds, 1e-9)
        self._observe(Progress(fraction, state.step, self._loss, speed, left, self._dev))

    def group_done(self) -> None:
        training = self._training
        if self._dev_score and int(training.fraction() * DEV_EVALUATIONS) > self._evaluations:
            self._evaluations = int(training.fraction() * DEV_EVALUATIONS)
            self._dev = self._dev_score(training.network.adapter_tensors())
        point = {"step": float(training.state.step), "loss": round(self._loss or 0.0, 4)}
        if self._dev is not None:
            point["dev"] = round(self._dev, 4)
        training.state.curve.append(point)
        if time.monotonic() - self._saved > CHECKPOINT_SECONDS:
            training._save()
            self._saved = time.monotonic()


def schedule(fraction: float, warmup: float) -> float:
    """Factor on the learning rate: linear from 0 to 1 over ``warmup``, then linear to 0 at the end of the budget."""
    if fraction < warmup:
        return max(fraction / warmup, 0.02)
    return max((1 - fraction) / (1 - warmup), 0.0)
