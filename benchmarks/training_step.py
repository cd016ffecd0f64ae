"""One training step on the default core: processor seconds and peak memory.

    python benchmarks/training_step.py --batch 128 --tokens 64 --skip-lower 0 --steps 3 [--recompute]
    python benchmarks/training_step.py --batch 32 --steps 20 [--compile]

Sentences are random pieces of ``--tokens`` tokens or, without it, of 8 to 40, 24 on average, padded to the longest of
their batch. A step is forward, backward and update. ``--compile`` puts ``torch.compile(dynamic=True)`` over each layer
that has an adapter, and leaves the steps that compiled out of the median. Leave the machine alone meanwhile.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

import click
import torch
from torch import Tensor, nn

from hubkit.core import open_core
from hubkit.core.architecture import architecture
from hubkit.core.pooling import pool
from hubkit.runtime.encoder import Encoder
from hubkit.training.loop import adapter_config
from hubkit.training.memory import peak_memory
from hubkit.training.optimiser import optimiser_of
from hubkit.training.recipe import UPPER_HALF, Recipe
from hubkit.training.stacked import TrainableStack

SHORTEST, LONGEST = 8, 40
SLOW = 3.0  # a step that takes so many times the median has compiled


def batches(batch: int, tokens: int | None, steps: int, words: int) -> list[tuple[Tensor, Tensor]]:
    """Token ids (b, t) and masks (b, t), seeded."""
    generator, found = torch.Generator().manual_seed(0), []
    for _ in range(steps):
        lengths = torch.randint(SHORTEST, LONGEST + 1, (batch,), generator=generator)
        if tokens is not None:
            lengths.fill_(tokens)
        ids = torch.randint(1000, words, (batch, int(lengths.max())), generator=generator)
        found.append((ids, (torch.arange(ids.shape[1]) < lengths[:, None]).long()))
    return found


def step(stack: TrainableStack, optimiser: torch.optim.Optimizer, ids: Tensor, mask: Tensor) -> float:
    """Processor seconds of one step; the loss is the sentence vectors' distance to a fixed vector."""
    started = time.process_time()
    vectors = nn.functional.normalize(pool(stack.hidden(ids, mask), mask, stack.core.pooling), dim=-1)
    loss: Any = (vectors - 0.05).square().sum()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return time.process_time() - started


@click.command(help=__doc__)
@click.option("--batch", default=32)
@click.option("--tokens", type=int)
@click.option("--steps", default=20)
@click.option("--skip-lower", default=UPPER_HALF)
@click.option("--method", default=Recipe().method)
@click.option("--recompute", is_flag=True)
@click.option("--compile", "compiled", is_flag=True)
def main(
    batch: int, tokens: int | None, steps: int, skip_lower: float, method: str, recompute: bool, compiled: bool
) -> None:
    core, recipe = open_core("e5-small"), Recipe(method=method, skip_lower=skip_lower)
    stack = TrainableStack(Encoder(core), recipe.method, adapter_config(core, recipe), 0)
    if recompute:
        stack.recompute()
    if compiled:
        for layer in list(stack.model.get_submodule(architecture(core.model_type).layers))[stack.first_layer :]:
            layer.compile(dynamic=True)
    optimiser, before = optimiser_of(recipe, stack.trainable()), peak_memory()
    words = stack.model.config.vocab_size
    times = [step(stack, optimiser, *each) for each in batches(batch, tokens, steps, words)]
    usual = [seconds for seconds in times if seconds < SLOW * statistics.median(times)]
    print(json.dumps({
        "processor seconds a step": round(statistics.median(usual), 3),
        "all seconds": [round(seconds, 2) for seconds in times],
        "peak MiB": peak_memory() >> 20, "peak MiB before the first step": before >> 20,
        "threads": torch.get_num_threads(),
    }, indent=None))  # fmt: skip


if __name__ == "__main__":
    main()
