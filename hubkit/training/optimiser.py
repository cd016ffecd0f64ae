"""The optimiser of a run, its learning rate over the budget, and averages of the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubkit.training.recipe import Recipe

_LOWEST = 0.02  # of the learning rate, in the first steps of the warm-up


def optimiser_of(recipe: Recipe, parameters: Mapping[str, nn.Parameter]) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019), or its schedule-free form (Defazio et al. 2024, arXiv 2405.15682).

    Matrices are decayed; biases and scales, which have one dimension, are not.
    """
    matrices = [parameter for parameter in parameters.values() if parameter.ndim > 1]
    rest = [parameter for parameter in parameters.values() if parameter.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate)
    try:
        from schedulefree import AdamWScheduleFree
    except ImportError as error:
        raise HubkitError("The optimiser schedule_free is not installed.", "pip install schedulefree") from error
    made: torch.optim.Optimizer = AdamWScheduleFree(groups, lr=recipe.learning_rate)
    return made


def rate(recipe: Recipe, fraction: float) -> float:
    """Learning rate after ``fraction`` of the budget: a linear warm-up, then linear or cosine to 0, or constant."""
    if fraction < recipe.warmup:
        return recipe.learning_rate * max(fraction / recipe.warmup, _LOWEST)
    if recipe.optimiser == "schedule_free" or recipe.schedule == "constant":
        return recipe.learning_rate
    left = max((1 - fraction) / (1 - recipe.warmup), 0.0)
    return recipe.learning_rate * (left if recipe.schedule == "linear" else (1 - math.cos(math.pi * left)) / 2)


@contextmanager
def evaluating(optimiser: torch.optim.Optimizer) -> Iterator[None]:
    """Let the parameters be those to evaluate and keep: a schedule-free optimiser has others while it trains."""
    inner: Any = optimiser
    switches = hasattr(inner, "eval")
    if switches:
        inner.eval()
    try:
        yield
    finally:
        if switches:
            inner.train()


class Average:
    """A second set of weights: an exponential moving average, or the mean over the end of the budget.

    The mean is that of Izmailov et al. 2018 ("Averaging Weights Leads to Wider Optima", arXiv 1803.05407). Without
    either the weights are the parameters themselves.
    """

    def __init__(self, recipe: Recipe, parameters: Mapping[str, nn.Parameter]) -> None:
        self._decay, self._from = recipe.ema, 1 - recipe.average
        self._parameters = parameters
        self.kept: dict[str, Tensor] = {}
        self.count = 0

    def stepped(self, fraction: float) -> None:
        """Take the parameters in after a step."""
        if not self._decay and (self._from >= 1 or fraction < self._from):
            return
        self.count += 1
        share = 1 / self.count if not self._decay else max(1 - self._decay, 1 / self.count)
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                if name in self.kept:
                    self.kept[name].lerp_(parameter.detach(), share)
                else:
                    self.kept[name] = parameter.detach().clone()

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Put the average into the network inside the block."""
        if not self.kept:
            yield
            return
        own = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}
        self._copy(self.kept)
        try:
            yield
        finally:
            self._copy(own)

    def _copy(self, tensors: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self._parameters.items():
                parameter.copy_(tensors[name])
