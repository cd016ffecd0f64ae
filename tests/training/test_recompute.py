"""Layers that are computed again: what is random in them is the same twice, and what acts in them too."""

from __future__ import annotations

import threading

import torch
from torch import nn

from hubkit.runtime.hooks import acting, now_acting
from hubkit.training.recompute import recompute


class Noisy(nn.Module):
    """A layer with dropout that notes what acts while it is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))
        self.seen: list[object] = []

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        self.seen.append(now_acting())
        return nn.functional.dropout(given * self.weight, 0.5)


def gradient(layer: Noisy) -> torch.Tensor:
    torch.manual_seed(5)
    loss = layer(torch.ones(64, 4)).square().sum()
    torch.manual_seed(6)  # whatever is drawn between
    loss.backward()
    assert layer.weight.grad is not None
    return layer.weight.grad


def test_dropout_drops_the_same_numbers_again() -> None:
    plain, again = Noisy(), Noisy()
    recompute([again])
    assert torch.equal(gradient(plain), gradient(again))
    assert len(plain.seen) == 1 and len(again.seen) == 2


def test_what_acted_then_acts_again_on_another_thread() -> None:
    layer, something = Noisy(), object()
    recompute([layer])
    with acting(something):
        loss = layer(torch.ones(2, 4)).sum()
    worker = threading.Thread(target=loss.backward)
    worker.start()
    worker.join()
    assert layer.seen == [something, something]


def test_without_gradients_nothing_is_computed_twice() -> None:
    layer = Noisy()
    recompute([layer])
    with torch.no_grad():
        layer(torch.ones(2, 4))
    assert len(layer.seen) == 1
