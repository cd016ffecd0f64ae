"""What an adapter's sites say: the places, the shapes, the factors, and that they compute what `adapters` computes."""

from __future__ import annotations

import json

import adapters
import pytest
import torch
from torch.nn import functional

from hubkit.adapter.method import method
from hubkit.adapter.sites import Bottleneck, Coupling, LowRank, Scale
from hubkit.adapter.store import adapter_from_state, import_adapterhub
from hubkit.core import load_model
from hubkit.core.architecture import architecture

BLOCKS = {
    "bert": ("encoder.layer.{}.attention.output", "encoder.layer.{}.output"),
    "xlm-roberta": ("encoder.layer.{}.attention.output", "encoder.layer.{}.output"),
    "distilbert": ("transformer.layer.{}.attention_adapters", "transformer.layer.{}.output_adapters"),
    "modernbert": ("layers.{}.attention_adapters", "layers.{}.output_adapters"),
}
READS = {"seq_bn": "norm", "seq_bn_inv": "norm", "double_seq_bn": "hidden", "par_bn": "residual"}
FACTORS = {"par_bn": 4.0, "lora": 2.0}


@pytest.fixture
def adapter(core, method_name, trained):
    return import_adapterhub(trained(core, method_name), core, method_name)


@pytest.mark.parametrize("strength", [1.0, 0.25, -1.5])
def test_every_factor_is_scaling_times_strength(adapter, strength):
    factors = {site.factor for site in adapter.with_strength(strength).sites().values()}
    assert factors == {FACTORS.get(adapter.method, 1.0) * strength}


@pytest.mark.parametrize("method_name", sorted(READS))
def test_bottlenecks_are_at_the_blocks(core, adapter, method_name):
    wanted = BLOCKS[core.model_type] if method_name == "double_seq_bn" else BLOCKS[core.model_type][1:]
    sites = adapter.sites()
    coupling = sites.pop("embeddings", None)
    assert set(sites) == {place.format(layer) for place in wanted for layer in (0, 1)}
    assert isinstance(coupling, Coupling) == (method_name == "seq_bn_inv")
    width = 4 if method_name == "double_seq_bn" else 8
    for site in sites.values():
        assert isinstance(site, Bottleneck)
        assert site.reads == READS[method_name]
        assert site.activation == ("swish" if method_name == "double_seq_bn" else "relu")
        shapes = [tuple(part.shape) for part in (site.down, site.down_bias, site.up, site.up_bias)]
        assert shapes == [(width, 32), (width,), (32, width), (32,)]


@pytest.mark.parametrize(("method_name", "kind"), [("lora", LowRank), ("ia3", Scale)])
def test_linear_sites_are_at_linear_layers_of_their_shape(core, adapter, method_name, kind):
    model, sites = load_model(core), adapter.sites()
    layers = {path: model.get_submodule(path).weight for path in sites}
    joint, separate = ["query_key_value"], ["key", "value"] if method_name == "ia3" else ["query", "key", "value"]
    roles = (joint if core.model_type == "modernbert" else separate) + ["intermediate"]
    roles += ["output"] if method_name == "lora" else []
    places = architecture(core.model_type)
    assert set(sites) == {f"{places.layers}.{layer}.{places.linears[role]}" for layer in (0, 1) for role in roles}
    for path, site in sites.items():
        assert isinstance(site, kind)
        found = (site.up.shape[0], site.down.shape[1]) if isinstance(site, LowRank) else tuple(site.scale.shape)
        assert found == (tuple(layers[path].shape) if isinstance(site, LowRank) else (layers[path].shape[0],))


@pytest.mark.parametrize("alpha", [1, 3])
@pytest.mark.parametrize("letters", [["q"], ["v"], ["v", "q"], ["k", "v"], ["q", "k", "v"]])
@pytest.mark.parametrize("method_name", ["lora", "ia3"])
def test_linear_sites_compute_what_adapters_computes(core, method_name, letters, alpha):
    chosen, model = method(method_name), load_model(core)
    config = {**chosen.adapterhub_config(attn_matrices=letters), "alpha": alpha}
    adapters.init(model)
    model.add_adapter("lang-rw", config=adapters.AdapterConfig.load(config))
    model.set_active_adapters("lang-rw")
    torch.manual_seed(0)
    state = {key: value.normal_() for key, value in model.state_dict().items() if ".lang-rw." in key}
    adapter = adapter_from_state("lang-rw", method_name, config, state, core)
    for path, site in adapter.sites().items():
        layer = model.get_submodule(path)
        x = torch.randn(2, 3, layer.weight.shape[1])
        y = functional.linear(x, layer.weight, layer.bias)
        if isinstance(site, LowRank):
            ours = y + site.factor * functional.linear(functional.linear(x, site.down), site.up)
        else:
            ours = y * (1 + site.factor * (site.scale - 1))
        torch.testing.assert_close(ours, layer(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("hidden", [33, 32])
def test_a_coupling_computes_what_adapters_computes(hidden):
    """An odd width too, where the second half is the longer one."""
    from types import SimpleNamespace

    from adapters.methods.modeling import NICECouplingBlock

    chosen, places = method("seq_bn_inv"), architecture("bert")
    config = chosen.adapterhub_config(inv_adapter_reduction_factor=3, non_linearity="tanh", leave_out=[0, 1])
    size = SimpleNamespace(hidden_size=hidden, num_hidden_layers=2)
    tensors = chosen.initial_tensors(config, size, places, torch.Generator().manual_seed(0))
    tensors = {key: 20 * value for key, value in tensors.items()}
    theirs = NICECouplingBlock([[hidden]], non_linearity="tanh", reduction_factor=3)
    theirs.load_state_dict({key.removeprefix("invertible_adapters."): value for key, value in tensors.items()})
    (path, site), *others = chosen.sites(config, tensors, places).items()
    assert (path, others) == ("embeddings", [])
    x = torch.randn(2, 3, hidden)
    a, b = x[..., : hidden // 2], x[..., hidden // 2 :]
    narrow = torch.tanh(functional.linear(b, site.f_down, site.f_down_bias))
    a = a + functional.linear(narrow, site.f_up, site.f_up_bias)
    narrow = torch.tanh(functional.linear(a, site.g_down, site.g_down_bias))
    b = b + functional.linear(narrow, site.g_up, site.g_up_bias)
    torch.testing.assert_close(torch.cat((a, b), -1), theirs(x))


def test_left_out_layers_have_no_sites(core, method_name, trained):
    adapter = import_adapterhub(trained(core, method_name, hyper=json.dumps({"leave_out": [0]})), core, method_name)
    layers = architecture(core.model_type).layers
    assert not any(path.startswith(f"{layers}.0.") for path in adapter.sites())
    assert any(path.startswith(f"{layers}.1.") for path in adapter.sites())
