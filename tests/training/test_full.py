"""Full fine-tuning and PEFT's LoRA as networks to train: what learns, what stays, what is kept and how it is used."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hubkit.core.architecture import architecture
from hubkit.core.pooling import pool
from hubkit.errors import VerificationError
from hubkit.runtime.changed import changed
from hubkit.runtime.encoder import Encoder
from hubkit.training import full, peft_lora

TEXTS = ["Mwaramutse neza", "a much longer sentence with many words", "x"]


@pytest.fixture(params=["full", "lora"])
def made(request, core):
    """A network to train, and what says how its tensors change the core."""
    if request.param == "full":
        return full.TrainableCore(core), full.changes
    pytest.importorskip("peft")
    return peft_lora.TrainableLora(core, seed=0, rank=4, alpha=8), peft_lora.changes


def batch(core):
    tokens = Encoder(core).tokenizer([core.prefix + text for text in TEXTS], padding=True, return_tensors="pt")
    return tokens["input_ids"], tokens["attention_mask"]


def train(network, steps=6, rate=1e-2):
    ids, mask = batch(network.core)
    optimiser = torch.optim.Adam(network.trainable().values(), lr=rate)
    for _ in range(steps):
        network.hidden(ids, mask).square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()


def vectors(network):
    ids, mask = batch(network.core)
    with torch.no_grad():
        hidden = network.hidden(ids, mask)
    return torch.nn.functional.normalize(pool(hidden, mask, network.core.pooling), dim=1).numpy()


def test_it_begins_as_the_core(made):
    network, changes = made
    np.testing.assert_allclose(vectors(network), Encoder(network.core).encode(TEXTS), atol=1e-5)
    found = changes(network.config, network.adapter_tensors())
    assert all(not change.any() for change in found.values())


def test_what_is_kept_gives_the_vectors_that_training_saw(made):
    network, changes = made
    train(network)
    encoder = Encoder(network.core)
    tuned = changed(encoder, changes(network.config, network.adapter_tensors()), 1.0, "a test")
    np.testing.assert_allclose(tuned.encode(TEXTS), vectors(network), atol=1e-5)
    assert np.abs(tuned.encode(TEXTS) - encoder.encode(TEXTS)).max() > 1e-3
    network.assert_core_unchanged()


def test_every_layer_learns_and_nothing_else(made):
    network, _ = made
    where = architecture(network.core.model_type)
    layers = len(network.model.get_submodule(where.layers))
    names = network.trainable()
    assert all(name.startswith(f"{where.layers}.") for name in names)
    assert {int(name.removeprefix(f"{where.layers}.").split(".")[0]) for name in names} == set(range(layers))
    train(network, 1)
    changed_ones = {name for name, tensor in network.adapter_tensors().items() if tensor.any()}
    assert len(changed_ones) > len(names) // 2


def test_a_changed_embedding_is_noticed(made):
    network, _ = made
    where = architecture(network.core.model_type)
    with torch.no_grad():
        network.model.get_submodule(where.word_embeddings).weight[5, 0] += 1
    with pytest.raises(VerificationError, match="changed the frozen core"):
        network.assert_core_unchanged()


def test_a_changed_linear_layer_under_lora_is_noticed(bert):
    pytest.importorskip("peft")
    network = peft_lora.TrainableLora(bert, 0)
    with torch.no_grad():
        network.model.encoder.layer[0].output.dense.base_layer.weight[0, 0] += 1
    with pytest.raises(VerificationError):
        network.assert_core_unchanged()


def test_the_seed_decides_where_lora_begins(bert):
    pytest.importorskip("peft")
    one, same, other = (peft_lora.TrainableLora(bert, seed).adapter_tensors() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_lora_is_on_every_linear_layer(bert):
    pytest.importorskip("peft")
    network = peft_lora.TrainableLora(bert, 0, rank=4, alpha=8)
    assert len(network.config["target_modules"]) == 2 * 6
    assert len(network.trainable()) == 2 * 2 * 6
    assert network.trainable()["encoder.layer.1.intermediate.dense.lora_A"].shape == (4, 32)
