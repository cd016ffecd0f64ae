"""AdapterFusion trained in hubkit's own runtime, over adapters, stacks and merges."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import adapters
import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from hubkit.adapter.golden import Golden, probe_sentences
from hubkit.adapter.method import method
from hubkit.adapter.store import import_adapterhub, save_adapter
from hubkit.composition.data import as_recipe
from hubkit.composition.recipe import Fuse
from hubkit.core import load_model
from hubkit.core.pooling import pool
from hubkit.corpora.source import Pair
from hubkit.errors import UsageError
from hubkit.registry.installed import install_folder
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.load import load
from hubkit.runtime.stacks import Resolving
from hubkit.training.budget import Budget
from hubkit.training.fusion import RECIPE, TrainableFusion, TrainedFusion, branch_texts, train_fusion
from hubkit.training.loop import Progress
from hubkit.training.mixture import mix
from hubkit.training.recipe import Recipe
from hubkit.training.targets import Targets

WORDS = ("boat", "rain", "road", "cat", "song", "hill", "lamp", "bread", "river", "door")
TEXTS = ["", "a", "the boat and the road 7", "a much longer sentence with many words " * 3]
QUICK = RECIPE.model_copy(update={"batch_size": 8, "learning_rate": 2e-2})
PLAIN = "fuse(lang-a, lang-b)"


def pairs(count: int = 64) -> list[Pair]:
    """A toy language: English written backwards."""
    english = [f"the {WORDS[i % 10]} and the {WORDS[(i // 10 + i) % 10]} {i}" for i in range(count)]
    return [Pair(text[::-1], text, "toy", str(number), "CC0-1.0") for number, text in enumerate(english)]


@pytest.fixture
def encoder(bert, make_adapter):
    """Four bottlenecks in memory."""
    made = Encoder(bert)
    for seed, name in enumerate(("lang-a", "lang-b", "lang-c", "fam-d")):
        made.bank.add(make_adapter(bert, "seq_bn", seed=seed, name=name))
    return made


def run(
    encoder: Encoder, folder: Path, branches: str = PLAIN, steps: int = 40, recipe: Recipe = QUICK, **more: Any
) -> TrainedFusion:
    fuse, mixture, targets = as_recipe(branches), mix({"toy": pairs()}), Targets(encoder.adapted(None))
    assert isinstance(fuse, Fuse)
    return train_fusion(encoder, fuse, "fuse-ab", mixture, targets, Budget(steps=steps), folder, recipe=recipe, **more)


@pytest.mark.parametrize("recipe", [PLAIN, "fuse(fam-d + lang-a, merge(lang-b: 0.6, lang-c: 0.4), 0.5*lang-c)"])
def test_the_loss_falls_and_what_is_frozen_stays(bert, encoder, tmp_path, recipe):
    before = load_model(bert).state_dict()
    members = encoder.with_recipe("fam-d + lang-a").encode(TEXTS)
    losses: list[float] = []
    made = run(encoder, tmp_path, recipe, 150, observe=lambda progress: losses.append(progress.loss))
    assert losses[-1] < 0.93 * losses[0]
    assert all(torch.equal(tensor, before[name]) for name, tensor in encoder.model.state_dict().items())
    assert (encoder.with_recipe("fam-d + lang-a").encode(TEXTS) == members).all()
    assert made.adapter.fused == tuple(str(branch) for branch in as_recipe(recipe).parts)
    encoder.bank.add(made.adapter)
    found = encoder.with_recipe(Fuse(*made.branches.parts, fusion="fuse-ab")).encode(TEXTS)
    assert abs(found - members).max() > 1e-3
    assert np.isfinite(found).all()


@pytest.mark.parametrize("method_name", ["seq_bn", "double_seq_bn"])
def test_gradients_are_those_of_adapters(core, method_name, trained, adapters_model):
    folders = [trained(core, method_name, name, seed) for seed, name in enumerate(("lang-a", "lang-b"), start=1)]
    encoder, model = Encoder(core), adapters_model(core)
    for folder in folders:
        encoder.bank.add(import_adapterhub(folder, core, method_name))
        model.load_adapter(str(folder), use_safetensors=True)
    with ExitStack() as held:
        branches = Resolving(encoder.bank, held).branches(as_recipe(PLAIN))
        ours = TrainableFusion(encoder.network, branches, {}, 0)
        model.add_adapter_fusion(adapters.composition.Fuse("lang-a", "lang-b"), "dynamic")
        names = {key: method("fusion").to_adapterhub(key, "lang-a,lang-b") for key in ours.trainable()}
        given = {names[key]: value for key, value in ours.adapter_tensors().items()}
        assert not model.load_state_dict(given, strict=False).unexpected_keys
        model.train_adapter_fusion(adapters.composition.Fuse("lang-a", "lang-b"))
        model.eval()
        ids = torch.randint(4, 260, (3, 12), generator=torch.Generator().manual_seed(1))
        mask = (torch.arange(12) < torch.tensor([[12], [5], [9]])).long()
        target = torch.randn(3, 32, generator=torch.Generator().manual_seed(2))
        vectors = normalize(pool(ours.hidden(ids, mask), mask, core.pooling), dim=-1)
        (vectors * target).sum().backward()
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
    (torch.nn.functional.normalize(pool(hidden, mask, core.pooling), dim=-1) * target).sum().backward()
    theirs = dict(model.named_parameters())
    for key, parameter in ours.trainable().items():
        torch.testing.assert_close(parameter.grad, theirs[names[key]].grad, atol=1e-5, rtol=1e-4)
    assert sum(float(parameter.grad.abs().sum()) for parameter in ours.trainable().values()) > 0.01
    assert not [name for name, parameter in encoder.model.named_parameters() if parameter.grad is not None]


def test_only_where_a_branch_acts_there_are_weights(bert, make_adapter, tmp_path):
    encoder = Encoder(bert)
    encoder.bank.add(make_adapter(bert, "seq_bn", name="lang-a", leave_out=[0]))
    encoder.bank.add(make_adapter(bert, "double_seq_bn", name="lang-b", leave_out=[0]))
    adapter = run(encoder, tmp_path, steps=3).adapter
    assert set(adapter.sites()) == {"encoder.layer.1.attention.output", "encoder.layer.1.output"}


def test_values_are_drawn_to_the_identity_unless_it_is_switched_off(encoder, tmp_path):
    def distance(folder: str, **hyperparameters: bool) -> float:
        settings = QUICK.model_copy(update={"hyperparameters": hyperparameters})
        tensors = run(encoder, tmp_path / folder, recipe=settings).adapter.tensors
        return sum(float((value - torch.eye(32)).square().sum()) for key, value in tensors.items() if "value" in key)

    assert distance("a") < 0.9 * distance("b", regularization=False)


def test_the_same_seed_gives_the_same_fusion(encoder, tmp_path):
    first, second, third = (run(encoder, tmp_path / str(n), steps=5, seed=seed) for n, seed in enumerate((0, 0, 1)))
    assert all(torch.equal(first.adapter.tensors[key], second.adapter.tensors[key]) for key in first.adapter.tensors)
    assert any(not torch.equal(first.adapter.tensors[key], third.adapter.tensors[key]) for key in first.adapter.tensors)


def test_an_interrupted_run_goes_on(encoder, tmp_path):
    def interrupt(progress: Progress) -> None:
        if progress.step == 16:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(encoder, tmp_path, steps=32, observe=interrupt)
    made = run(encoder, tmp_path, steps=32)
    assert made.trained.resumed
    assert made.trained.state.step == 32


def test_what_is_saved_is_what_was_trained(bert, make_adapter, make_manifest, save, tmp_path):
    for seed, name in enumerate(("lang-a", "lang-b")):
        install_folder(save(make_adapter(bert, "seq_bn", seed=seed, name=name), bert))
    encoder = load(core=str(bert.folder))
    made = run(encoder, tmp_path / "run")
    encoder.bank.add(made.adapter)
    expected = encoder.with_recipe("fuse(lang-a, lang-b, fusion=fuse-ab)").encode(TEXTS)
    install_folder(save_fusion(made, encoder, make_manifest, tmp_path / "fuse-ab"))
    fresh = [
        load(recipe="fuse(lang-a, lang-b, fusion=fuse-ab)", core=str(bert.folder)),
        load("fuse-ab", core=str(bert.folder)),
        load(tmp_path / "fuse-ab", core=str(bert.folder)),
    ]
    for again in fresh:
        np.testing.assert_allclose(again.encode(TEXTS), expected, atol=1e-6)
    assert abs(expected - encoder.with_recipe("lang-a").encode(TEXTS)).max() > 1e-3


def save_fusion(made: TrainedFusion, encoder: Encoder, make_manifest: Any, folder: Path) -> Path:
    needed = [{"name": name, "spec": "==0.1.0", "role": "fuse"} for name in ("lang-a", "lang-b")]
    manifest = make_manifest(made.adapter, encoder.core, kind="fusion", dependencies=needed)
    probes = probe_sentences(("Mwaramutse", "Amakuru"))
    vectors = encoder.with_recipe("fuse(lang-a, lang-b, fusion=fuse-ab)").encode(probes, convert_to_tensor=True)
    save_adapter(folder, made.adapter, encoder.core, manifest, Golden(probes, vectors))
    return folder


@pytest.mark.parametrize("method_name", ["lora", "ia3", "seq_bn_inv"])
def test_what_acts_elsewhere_than_at_blocks_is_refused(bert, encoder, make_adapter, tmp_path, method_name):
    encoder.bank.add(make_adapter(bert, method_name, name="lang-e"))
    with pytest.raises(UsageError, match="lang-e cannot be fused: it acts at"):
        run(encoder, tmp_path, "fuse(lang-a, lang-e)", steps=1)


def test_one_adapter_in_two_versions_is_refused():
    with pytest.raises(UsageError, match="Two branches are lang-a"):
        branch_texts(as_recipe("fuse(lang-a==0.1.0, lang-a==0.2.0)"))
    assert branch_texts(as_recipe("fuse(lang-a==0.1.0, 0.5*lang-b>=1 + lang-c)")) == ["lang-a", "0.5*lang-b + lang-c"]
