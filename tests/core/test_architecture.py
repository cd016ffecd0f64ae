"""The architecture maps against transformers' own networks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModel

import hubkit.core
from hubkit.core import load_model
from hubkit.core.architecture import architecture, linear_shape
from hubkit.errors import NotFoundError

TYPES = sorted(path.stem for path in (Path(hubkit.core.__file__).parent / "architectures").glob("*.json"))
SIZES = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4}


@pytest.fixture(params=TYPES)
def network(request):
    torch.manual_seed(0)
    own = {"hidden_dim": 40} if request.param == "distilbert" else {"intermediate_size": 40}
    config = AutoConfig.for_model(request.param, **SIZES, **own, vocab_size=50, pad_token_id=1, bos_token_id=0)
    config.reference_compile = False
    return AutoModel.from_config(config).eval()


def recorded(model, paths):
    """The first input and the output of each module in one forward pass, by path."""
    seen, hooks = {}, []
    for path in paths:

        def keep(module, inputs, outputs, path=path):
            seen[path] = (inputs[0] if inputs else None, outputs)

        hooks.append(model.get_submodule(path).register_forward_hook(keep))
    with torch.inference_mode():
        result = model(input_ids=torch.arange(2, 12).view(1, -1)).last_hidden_state
    for hook in hooks:
        hook.remove()
    return seen, result


def test_the_types_with_a_map():
    assert TYPES == ["bert", "distilbert", "modernbert", "roberta", "xlm-roberta"]
    with pytest.raises(NotFoundError, match=r"'t5'.*"):
        architecture("t5")


def test_linear_layers_have_the_shape_of_their_role(network):
    places = architecture(network.config.model_type)
    layers = network.get_submodule(places.layers)
    assert len(layers) == 2
    for layer in layers:
        for role, path in places.linears.items():
            weight = layer.get_submodule(path).weight
            assert tuple(reversed(weight.shape)) == linear_shape(places, network.config, role), role


def test_every_linear_layer_of_a_layer_has_a_role(network):
    places = architecture(network.config.model_type)
    layer = network.get_submodule(places.layers)[0]
    linears = {path for path, module in layer.named_modules() if isinstance(module, torch.nn.Linear)}
    assert linears == set(places.linears.values())


def test_blocks_are_a_sum_and_its_norm(network):
    """Post-norm: the norm reads dense + input. Pre-norm: the sum goes on, its norm belongs to the next block."""
    places = architecture(network.config.model_type)
    parts = {
        f"{places.layers}.{layer}.{path}"
        for layer in (0, 1)
        for block in places.blocks.values()
        for path in (block.dense, block.input, block.norm)
        if path is not None
    }
    seen, result = recorded(network, parts)
    for layer in (0, 1):
        for name, block in places.blocks.items():
            at = f"{places.layers}.{layer}"
            h, x = seen[f"{at}.{block.dense}"][1], seen[f"{at}.{block.input}"][0]
            if not places.norm_first:
                read, normed = seen[f"{at}.{block.norm}"]
                torch.testing.assert_close(read, h + x)
                after = f"{places.layers}.{layer + 1}.{places.blocks['attention'].input}"
                follower = seen[f"{at}.{places.blocks['output'].input}"][0] if name == "attention" else None
                follower = follower if name == "attention" else seen[after][0] if layer == 0 else result
                torch.testing.assert_close(normed, follower)
            elif block.norm is not None:
                normed = seen[f"{at}.{block.norm}"][1]
                torch.testing.assert_close(normed, seen[f"{at}.{places.blocks['output'].input}"][0])


def test_embeddings_feed_the_first_layer(network):
    places = architecture(network.config.model_type)
    first = f"{places.layers}.0.{places.blocks['attention'].input}"
    seen, _ = recorded(network, [places.embeddings, places.word_embeddings, first])
    torch.testing.assert_close(seen[places.embeddings][1], seen[first][0])
    assert seen[places.word_embeddings][1].shape == (1, 10, 32)


def test_adapterhub_keeps_its_modules_at_the_sites(network):
    import adapters

    adapters.init(network)
    places = architecture(network.config.model_type)
    for layer in (0, 1):
        for block in places.blocks.values():
            assert hasattr(network.get_submodule(f"{places.layers}.{layer}.{block.site}"), "adapter_fusion_layer")


def test_cores_of_every_type_open_and_run(core):
    model = load_model(core)
    assert core.hidden_size == 32
    assert getattr(model.config, "reference_compile", False) is False
    with torch.inference_mode():
        found = model(input_ids=torch.arange(4, 12).view(1, -1)).last_hidden_state
    assert found.shape == (1, 8, 32)
    assert not any(parameter.requires_grad for parameter in model.parameters())
