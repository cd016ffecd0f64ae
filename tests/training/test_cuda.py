"""Training on a GPU: it runs where there is one; where a checkpoint and a head come to lie is tested without."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hubkit.core import Core, load_model
from hubkit.corpora.source import Pair
from hubkit.runtime.encoder import Encoder
from hubkit.training.budget import Budget
from hubkit.training.checkpoint import State, load_checkpoint, save_checkpoint
from hubkit.training.examples import Labelled
from hubkit.training.loop import Progress, Training
from hubkit.training.mixture import Mixture, mix
from hubkit.training.optimiser import Average, optimiser_of
from hubkit.training.parts import Collate, parts_of
from hubkit.training.recipe import Recipe
from hubkit.training.targets import Targets

WORDS = ("boat", "rain", "road", "cat", "song", "hill", "lamp", "bread", "river", "door")
ENGLISH = [f"the {WORDS[i % 10]} and the {WORDS[(i // 10 + i) % 10]} {i}" for i in range(64)]
PAIRS = [Pair(text[::-1], text, "toy", str(number), "CC0-1.0") for number, text in enumerate(ENGLISH)]
LABELLED = [Labelled(text, number % 2, "toy", str(number)) for number, text in enumerate(ENGLISH)]
BESIDE = [{"objective": "mlm", "weight": 0.1}]
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


def training(core: Core, folder: Path, device: str, mixture: Mixture, **more: Any) -> Training:
    values = {"hyperparameters": {"reduction_factor": 2}, "batch_size": 8, "learning_rate": 5e-3, **more}
    targets = Targets(Encoder(core, model=load_model(core).to(device)))
    targets.frozen.tokenizer.mask_token = targets.frozen.tokenizer.unk_token
    labels = ("a", "b") if mixture.pairs["toy"] is LABELLED else ()
    return Training(core, Recipe(**values), mixture, targets, Budget(steps=5), 0, folder, labels=labels)


def interrupt(progress: Progress) -> None:
    if progress.step == 3:
        signal.raise_signal(signal.SIGINT)


VARIANTS = [
    {"beside": BESIDE, "ema": 0.9},
    {"cache_activations": True, "average": 0.9, "word_dropout": 0.2},
    {"recompute": True, "precision": "bfloat16"},
    {"method": "lora", "hyperparameters": {"r": 4}, "precision": "float32"},
]


@needs_gpu
@pytest.mark.parametrize("more", VARIANTS, ids=lambda more: " ".join(more))
def test_a_run_on_a_gpu_goes_on_and_ends_as_if_it_had_not_been_interrupted(
    bert: Core, tmp_path: Path, more: dict[str, Any]
) -> None:
    made = mix({"toy": PAIRS}, "toy")
    whole = training(bert, tmp_path / "whole", "cuda", made, **more).run()
    with pytest.raises(KeyboardInterrupt):
        training(bert, tmp_path / "cut", "cuda", made, **more).run(interrupt)
    again = training(bert, tmp_path / "cut", "cuda", made, **more)
    assert again.resumed and {parameter.device.type for parameter in again.parameters.values()} == {"cuda"}
    trained = again.run()
    assert trained.state.step == 5
    assert {tensor.device.type for tensor in trained.tensors.values()} == {"cpu"}
    assert all(torch.allclose(trained.tensors[name], whole.tensors[name], atol=1e-5) for name in whole.tensors)


@needs_gpu
def test_a_gpu_and_a_cpu_train_the_same_adapter(bert: Core, tmp_path: Path) -> None:
    made = mix({"toy": PAIRS}, "toy")
    on = {where: training(bert, tmp_path / where, where, made, precision="float32").run() for where in ("cpu", "cuda")}
    for name, tensor in on["cpu"].tensors.items():
        assert torch.allclose(on["cuda"].tensors[name], tensor, atol=1e-3), name


@needs_gpu
@pytest.mark.parametrize("objective", ["classification", "multitask"])
def test_a_head_is_trained_on_a_gpu(bert: Core, tmp_path: Path, objective: str) -> None:
    examples: Any = LABELLED if objective == "classification" else PAIRS
    trained = training(bert, tmp_path, "cuda", mix({"toy": examples}), objective=objective).run()
    assert trained.state.step == 5
    assert {tensor.device.type for tensor in trained.heads.values()} <= {"cpu"}


@pytest.mark.parametrize("more", VARIANTS[2:], ids=lambda more: " ".join(more))
def test_products_in_bfloat16_train_too(core: Core, tmp_path: Path, more: dict[str, Any]) -> None:
    """What a GPU does by default, on the CPU."""
    made = mix({"toy": PAIRS}, "toy")
    trained = training(core, tmp_path, "cpu", made, **{**more, "precision": "bfloat16"}).run()
    assert trained.state.step == 5
    assert {tensor.dtype for tensor in trained.tensors.values()} == {torch.float32}


def test_a_checkpoint_is_restored_where_the_parameters_are(tmp_path: Path) -> None:
    """The device "meta" stands for one that is not the CPU."""
    recipe = Recipe(ema=0.5)
    here = {"w": nn.Parameter(torch.ones(2, 3))}
    optimiser, average = optimiser_of(recipe, here), Average(recipe, here)
    here["w"].sum().backward()
    optimiser.step()
    average.stepped(0.5)
    save_checkpoint(tmp_path, here, optimiser, State(step=1), average)
    there = {"w": nn.Parameter(torch.empty(2, 3, device="meta"))}
    optimiser, average = optimiser_of(recipe, there), Average(recipe, there)
    assert load_checkpoint(tmp_path, there, optimiser, average) is not None
    state = optimiser.state[there["w"]]
    assert {name: tensor.device.type for name, tensor in state.items()} == {
        "step": "cpu", "exp_avg": "meta", "exp_avg_sq": "meta",
    }  # fmt: skip
    assert average.kept["w"].device.type == "meta"


@pytest.mark.parametrize("objective", ["classification", "mlm"])
def test_a_head_lies_where_the_network_is(bert: Core, objective: str) -> None:
    targets = Targets(Encoder(bert))
    targets.frozen.tokenizer.mask_token = targets.frozen.tokenizer.unk_token
    examples: Any = LABELLED if objective == "classification" else PAIRS
    (part,) = parts_of(Recipe(objective=objective), mix({"toy": examples}))
    part.prepare_head(Collate(targets, 32), ("a", "b"), 0, torch.device("meta"))
    assert part.head is not None
    assert {tensor.device.type for tensor in [*part.head.parameters(), *part.head.buffers()]} == {"meta"}
