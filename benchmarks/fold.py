"""How much a recipe costs, by the way it is run: with hooks, folded, compiled, and in ONNX Runtime.

    python benchmarks/fold.py [--rounds 30] [--threads 1] [--no-onnx] [--json] [--check]

Random adapters on the default core: LoRA, and a stack of two bottlenecks. From token ids to vectors, so without
the tokenizer, at a batch of 1 × 32 tokens and one of 32 × 32. Every round times each way once, in an order of its own;
a ratio is the median over rounds of (time ÷ the plain core's time in that round).
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import click
import torch

from hubkit.adapter.method import method
from hubkit.adapter.store import Adapter, adapter_from_state
from hubkit.core import Core, open_core
from hubkit.core.architecture import architecture
from hubkit.runtime.batches import Batch
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.fold import compiled

LORA, STACK = "lang-lora", "fam-bottleneck + lang-bottleneck"
METHODS = {"lang-lora": "lora", "fam-bottleneck": "seq_bn", "lang-bottleneck": "seq_bn"}
SHAPES = ((1, 32), (32, 32))
# (way, compared with, at most): a folded recipe is as fast as the core, a compiled one not slower than its hooks.
TARGETS = (("lora folded", "core", 1.05), ("stack compiled", "stack hooked", 1.02))
Way = Callable[[torch.Tensor, torch.Tensor], Any]


def random_adapter(core: Core, name: str, seed: int) -> Adapter:
    """An adapter of the method's default size with random tensors."""
    from transformers import AutoConfig

    chosen = method(METHODS[name])
    config = chosen.adapterhub_config()
    generator = torch.Generator().manual_seed(seed)
    model_config = AutoConfig.from_pretrained(core.folder)
    tensors = chosen.initial_tensors(config, model_config, architecture(core.model_type), generator)
    state = {chosen.to_adapterhub(key, name): value for key, value in tensors.items()}
    return adapter_from_state(name, chosen.name, config, state, core)


def pooled(encoder: Encoder, held: ExitStack) -> Way:
    """What :meth:`Encoder.encode` does with a batch."""
    network = encoder.network
    stacked = network.folded or held.enter_context(network.stacked(encoder.recipe))  # type: ignore[arg-type]
    return lambda ids, mask: network.pooled(Batch(list(range(len(ids))), ids, mask), [stacked] * len(ids))


def in_torch(encoder: Encoder) -> Way:
    """The recipe as one module."""
    model = compiled(encoder)

    def run(ids: torch.Tensor, mask: torch.Tensor) -> Any:
        with torch.inference_mode():
            return model(ids, mask)

    return run


def in_onnx_runtime(encoder: Encoder, folder: Path, threads: int) -> Way:
    """The recipe as one module, exported."""
    import onnxruntime

    shapes = ({0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=encoder.core.max_tokens)},) * 2
    example = torch.full((2, 8), 5), torch.ones((2, 8), dtype=torch.long)
    names = ["input_ids", "attention_mask"]
    program = torch.onnx.export(
        compiled(encoder), example, dynamo=True, dynamic_shapes=shapes, input_names=names, verbose=False
    )
    assert program is not None
    file = folder / f"{len(list(folder.iterdir()))}.onnx"
    program.save(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda ids, mask: session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})


def ways(core: Core, threads: int, onnx: bool, folder: Path, held: ExitStack) -> Iterator[tuple[str, Way]]:
    """Each way of running a recipe."""
    encoder = Encoder(core)
    for seed, name in enumerate(METHODS):
        encoder.bank.add(random_adapter(core, name, seed))
    lora, stack = encoder.with_recipe(LORA), encoder.with_recipe(STACK)
    yield "core", pooled(encoder.fold(), held)  # a model without hooks
    yield "lora hooked", pooled(lora, held)
    yield "lora folded", pooled(lora.fold(), held)
    yield "stack hooked", pooled(stack, held)
    yield "stack compiled", in_torch(stack)
    if onnx:
        yield "lora in ONNX Runtime", in_onnx_runtime(lora, folder, threads)
        yield "stack in ONNX Runtime", in_onnx_runtime(stack, folder, threads)


def measure(ran: dict[str, Way], shape: tuple[int, int], rounds: int) -> dict[str, list[float]]:
    """Seconds of every way in every round, after two rounds to warm up."""
    generator = torch.Generator().manual_seed(0)
    ids, mask = torch.randint(10, 200_000, shape, generator=generator), torch.ones(shape, dtype=torch.long)
    seconds: dict[str, list[float]] = {name: [] for name in ran}
    shuffled = random.Random(0)
    for number in range(rounds + 2):
        for name in shuffled.sample(list(ran), len(ran)):
            start = time.perf_counter()
            ran[name](ids, mask)
            if number >= 2:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(seconds: dict[str, list[float]], name: str, other: str) -> float:
    """Median over rounds of one way's time by another's."""
    return median(own / its for own, its in zip(seconds[name], seconds[other], strict=True))


@click.command()
@click.option("--rounds", default=30, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--onnx/--no-onnx", default=True, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--check", is_flag=True, help="Exit 1 when folding costs something or compiling gains nothing.")
def main(rounds: int, threads: int, onnx: bool, as_json: bool, check: bool) -> None:
    """Print milliseconds and ratios to the plain core of every way to run a recipe."""
    torch.set_num_threads(threads)
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        ran = dict(ways(open_core(), threads, onnx, folder, held))
        found = {shape: measure(ran, shape, rounds) for shape in SHAPES}
    missed = [
        f"{name} is {value:.3f} × {other} at {rows} × {length}, target {most}"
        for (rows, length), seconds in found.items()
        for name, other, most in TARGETS
        if (value := ratio(seconds, name, other)) > most
    ]
    table = {
        f"{rows}x{length}": {
            name: {"milliseconds": 1000 * median(own), "ratio": ratio(seconds, name, "core")}
            for name, own in seconds.items()
        }
        for (rows, length), seconds in found.items()
    }
    if as_json:
        click.echo(json.dumps({"rounds": rounds, "threads": threads, "batches": table, "missed": missed}, indent=2))
    else:
        for shape, cells in table.items():
            for name, cell in cells.items():
                click.echo(f"{shape:6} {name:22} {cell['milliseconds']:8.2f} ms  {cell['ratio']:.3f} × core")
        click.echo("\n".join(missed) or "all targets met")
    if check and missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
