"""The network in training: vectors and gradients of ``adapters``, over a frozen recipe, from a middle layer on."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
import torch

from hubkit.adapter.method import method
from hubkit.composition.data import as_recipe
from hubkit.core import Core
from hubkit.core.architecture import architecture
from hubkit.errors import UsageError
from hubkit.runtime.encoder import Encoder
from hubkit.training.activations import Activations
from hubkit.training.backend import TrainableAdapter
from hubkit.training.stacked import TrainableStack

TEXTS = ["the boat", "the road and the river and the rain", "a"]
METHODS = ("seq_bn", "double_seq_bn", "par_bn", "seq_bn_inv", "lora", "ia3")


@pytest.fixture(params=["bert", "xlm-roberta", "distilbert", "modernbert"])
def core(request: pytest.FixtureRequest, cores: dict[str, Core]) -> Core:
    return cores[request.param]


def tokens(core: Core) -> tuple[torch.Tensor, torch.Tensor]:
    found = Encoder(core).tokenizer(TEXTS, padding=True, return_tensors="pt")
    return found["input_ids"], found["attention_mask"]


def config(name: str, **more: object) -> dict[str, object]:
    return method(name).adapterhub_config(**more)


@pytest.mark.parametrize("name", METHODS)
def test_it_computes_what_adapters_does_and_the_same_gradients(core: Core, name: str):
    theirs = TrainableAdapter(core, method(name), config(name), seed=3)
    start = {key: tensor + 0.05 * torch.randn_like(tensor) for key, tensor in theirs.adapter_tensors().items()}
    state = theirs.model.state_dict()
    for key, tensor in start.items():
        state[method(name).to_adapterhub(key, "trained")].copy_(tensor)
    ours = TrainableStack(Encoder(core), name, config(name), 3, initial=start)
    ids, mask = tokens(core)
    real = mask.bool()
    expected, found = theirs.hidden(ids, mask), ours.hidden(ids, mask)
    assert torch.allclose(found[real], expected[real], atol=2e-5)
    expected[real].square().sum().backward()
    found[real].square().sum().backward()
    named = dict(theirs.model.named_parameters(remove_duplicate=False))
    for key, parameter in ours.trainable().items():
        assert parameter.grad is not None
        gradient = named[method(name).to_adapterhub(key, "trained")].grad
        scale = gradient.abs().max().clamp(min=1)
        assert torch.allclose(parameter.grad / scale, gradient / scale, atol=1e-4), key


def test_it_begins_as_adapters_begins(bert: Core):
    theirs = TrainableAdapter(bert, method("lora"), config("lora"), seed=5).adapter_tensors()
    ours = TrainableStack(Encoder(bert), "lora", config("lora"), 5).adapter_tensors()
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_under_it_a_frozen_recipe_acts(bert: Core, make_adapter):
    encoder = Encoder(bert)
    encoder.bank.add(make_adapter(bert, "seq_bn", seed=1, name="fam-x"))
    stack = TrainableStack(encoder, "seq_bn", config("seq_bn"), 2, under=as_recipe("fam-x"))
    plain = TrainableStack(encoder, "seq_bn", config("seq_bn"), 2)
    with torch.no_grad():
        for parameter in [*stack.trainable().values(), *plain.trainable().values()]:
            parameter.zero_()
    ids, mask = tokens(bert)
    over, alone = stack.hidden(ids, mask), plain.hidden(ids, mask)
    with ExitStack() as held:
        held.enter_context(torch.inference_mode())
        expected = encoder.with_recipe(as_recipe("fam-x")).encode(TEXTS, prompt="", normalize_embeddings=False)
    from hubkit.core.pooling import pool

    assert torch.allclose(pool(over, mask, bert.pooling), torch.from_numpy(expected), atol=1e-5)
    assert not torch.allclose(over, alone, atol=1e-3)
    assert set(stack.trainable()) == set(plain.trainable())


def test_the_upper_layers_go_on_from_what_the_lower_ones_gave(core: Core):
    encoder = Encoder(core)
    stack = TrainableStack(encoder, "seq_bn", config("seq_bn", leave_out=[0]), 2)
    assert stack.first_layer == 1
    kept = Activations(encoder, 1, 64)
    ids, mask = tokens(core)
    whole = stack.hidden(ids, mask)
    for _ in range(2):  # computed, then read
        part = stack.from_layer(kept(ids, mask), mask)
        assert torch.allclose(part[mask.bool()], whole[mask.bool()], atol=5e-3)
    again = Activations(encoder, 1, 64)
    assert torch.equal(again(ids, mask), kept(ids, mask))
    assert kept.nbytes == again.nbytes == int(mask.sum()) * core.hidden_size * 2


def test_numbers_that_are_missing_are_computed_again(bert: Core):
    encoder = Encoder(bert)
    kept = Activations(encoder, 1, 64)
    ids, mask = tokens(bert)
    before = kept(ids, mask)
    kept._path.write_bytes(kept._path.read_bytes()[:64])
    kept.close()
    assert torch.equal(Activations(encoder, 1, 64)(ids, mask), before)


def test_an_adapter_of_another_shape_is_no_beginning(bert: Core):
    small = TrainableStack(Encoder(bert), "lora", config("lora", r=2), 0).adapter_tensors()
    with pytest.raises(UsageError, match="other tensors"):
        TrainableStack(Encoder(bert), "lora", config("lora", r=4), 0, initial=small)


def gradients(stack: TrainableStack, ids: torch.Tensor, mask: torch.Tensor, upper: bool) -> dict[str, torch.Tensor]:
    """Of the network as a whole, or of its upper layers over some states."""
    states = torch.randn(*ids.shape, stack.core.hidden_size, generator=torch.Generator().manual_seed(1))
    hidden = stack.from_layer(states, mask) if upper else stack.hidden(ids, mask)
    hidden[mask.bool()].square().sum().backward()
    found = {key: parameter.grad.clone() for key, parameter in stack.trainable().items()}
    for parameter in stack.trainable().values():
        parameter.grad = None
    return found


@pytest.mark.parametrize("upper", [False, True], ids=["whole", "upper"])
@pytest.mark.parametrize("name", ["seq_bn", "lora", "par_bn"])
def test_layers_that_are_computed_again_give_the_same_gradients(core: Core, name: str, upper: bool):
    kept, again = (TrainableStack(Encoder(core), name, config(name, leave_out=[0]), 3) for _ in range(2))
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for key, parameter in kept.trainable().items():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
            again.trainable()[key].copy_(parameter)
    calls = count_calls(again)
    again.recompute()
    again.recompute()  # once is enough
    ids, mask = tokens(core)
    expected, found = gradients(kept, ids, mask, upper), gradients(again, ids, mask, upper)
    assert calls == ([0, 2] if upper else [1, 2])
    assert any(gradient.any() for gradient in expected.values())
    assert all(torch.allclose(found[key], expected[key], rtol=1e-6, atol=1e-6) for key in expected)


def count_calls(stack: TrainableStack) -> list[int]:
    """How often what is in each layer is computed; the list goes on counting."""
    where = architecture(stack.core.model_type)
    layers = stack.model.get_submodule(where.layers)
    calls = [0] * len(layers)
    for number, layer in enumerate(layers):

        def count(*_: object, number: int = number) -> None:
            calls[number] += 1

        layer.get_submodule(where.blocks["attention"].input).register_forward_hook(count)
    return calls
