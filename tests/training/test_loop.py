"""Training on a tiny core: it learns, it is seeded, it resumes, and the core stays as it was."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch

from hubkit.adapter.store import adapter_from_state
from hubkit.core import Core, load_model
from hubkit.corpora.source import Pair
from hubkit.errors import VerificationError
from hubkit.runtime.encoder import Encoder
from hubkit.training.budget import Budget
from hubkit.training.checkpoint import FILE
from hubkit.training.loop import Progress, Training, schedule
from hubkit.training.mixture import Mixture, mix
from hubkit.training.recipe import Recipe
from hubkit.training.targets import Targets

WORDS = ("boat", "rain", "road", "cat", "song", "hill", "lamp", "bread", "river", "door")
HYPERPARAMETERS = {"lora": {"r": 4}, "seq_bn": {"reduction_factor": 2}}


def pairs(count: int = 64) -> list[Pair]:
    """A toy language: English written backwards."""
    english = [f"the {WORDS[i % 10]} and the {WORDS[(i // 10 + i) % 10]} {i}" for i in range(count)]
    return [Pair(text[::-1], text, "toy", str(number), "CC0-1.0") for number, text in enumerate(english)]


def recipe(method: str = "seq_bn", **more: object) -> Recipe:
    return Recipe(method=method, hyperparameters=HYPERPARAMETERS[method], batch_size=8, learning_rate=5e-3, **more)


@pytest.fixture
def mixture() -> Mixture:
    return mix({"toy": pairs(), "other": pairs(32)}, "toy")


def training(core: Core, mixture: Mixture, folder: Path, steps: int, **more: object) -> Training:
    settings = recipe(**more)
    return Training(core, settings, mixture, Targets(Encoder(core)), Budget(steps=steps), 0, folder)


@pytest.fixture(params=["bert", "modernbert", "xlm-roberta"])
def core(request: pytest.FixtureRequest, cores: dict[str, Core]) -> Core:
    """Without DistilBERT, whose tiny random network does not learn this task in so few steps."""
    return cores[request.param]


@pytest.mark.parametrize("method", ["lora", "seq_bn"])
def test_the_loss_falls_and_the_core_stays(core: Core, mixture: Mixture, tmp_path: Path, method: str):
    seen: list[Progress] = []
    before = {name: tensor.clone() for name, tensor in load_model(core).state_dict().items()}
    steps = 300 if core.model_type == "distilbert" else 60  # it begins where the loss is lower, and learns later
    run = training(core, mixture, tmp_path, steps, method=method)
    trained = run.run(seen.append)
    assert trained.state.step == steps
    assert seen[-1].loss < seen[0].loss
    assert seen[-1].fraction == 1
    for name, tensor in load_model(core).state_dict().items():
        assert torch.equal(tensor, before[name])
    assert all(torch.isfinite(tensor).all() for tensor in trained.tensors.values())


def test_only_the_adapter_learns(bert: Core, mixture: Mixture, tmp_path: Path):
    run = training(bert, mixture, tmp_path, 3)
    names = set(run.parameters)
    assert names
    assert all(".adapters." in name for name in names)


def test_a_changed_core_is_noticed(bert: Core, mixture: Mixture, tmp_path: Path):
    run = training(bert, mixture, tmp_path, 2)
    with torch.no_grad():
        run.network.model.embeddings.word_embeddings.weight[0, 0] += 1
    with pytest.raises(VerificationError, match="changed the frozen core"):
        run.run()


def test_the_runtime_gives_the_vectors_that_training_saw(core: Core, mixture: Mixture, tmp_path: Path):
    run = training(core, mixture, tmp_path, 20)
    trained = run.run()
    adapter = adapter_from_state("lang-x", "seq_bn", trained.config, trained.tensors, core)
    texts = ["short", "a much longer sentence with many words", ""]
    encoder = Encoder(core).adapted(adapter)
    tokens = encoder.tokenizer([core.prefix + text for text in texts], padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = run.network(tokens["input_ids"], tokens["attention_mask"])
    found = encoder.encode(texts, convert_to_tensor=True, show_progress_bar=False)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_same_seed_gives_the_same_adapter(bert: Core, mixture: Mixture, tmp_path: Path):
    first = training(bert, mixture, tmp_path / "a", 12).run()
    second = training(bert, mixture, tmp_path / "b", 12).run()
    assert all(torch.equal(first.tensors[name], second.tensors[name]) for name in first.tensors)


def test_an_interrupted_run_goes_on(bert: Core, mixture: Mixture, tmp_path: Path):
    def interrupt(progress: Progress) -> None:
        if progress.step == 16:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        training(bert, mixture, tmp_path, 40).run(interrupt)
    assert (tmp_path / FILE).is_file()
    again = training(bert, mixture, tmp_path, 40)
    assert again.resumed
    assert again.state.step == 16
    trained = again.run()
    assert trained.state.step == 40
    assert trained.resumed


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", b"\x10\0\0\0\0\0\0\0{}"])
def test_a_broken_checkpoint_is_started_over(bert: Core, mixture: Mixture, tmp_path: Path, content: bytes):
    (tmp_path / FILE).write_bytes(content)
    run = training(bert, mixture, tmp_path, 4)
    assert not run.resumed
    assert run.run().state.step == 4


def test_the_learning_rate_rises_then_falls_to_zero():
    assert schedule(0.0, 0.1) < schedule(0.05, 0.1) < schedule(0.1, 0.1) == 1.0
    assert schedule(1.0, 0.1) == 0.0
    assert schedule(0.55, 0.1) == pytest.approx(0.5)
