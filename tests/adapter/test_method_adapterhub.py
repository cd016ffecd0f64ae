"""Every method on every model type against `adapters`: each reads whole what the other saved."""

from __future__ import annotations

import json
from dataclasses import replace

import adapters
import pytest
import torch
from safetensors.torch import load_file

from hubkit.adapter.golden import Golden, probe_sentences
from hubkit.adapter.method import method
from hubkit.adapter.store import import_adapterhub, load_adapter, save_adapter
from hubkit.core import load_model
from hubkit.core.architecture import architecture
from hubkit.errors import UsageError, VerificationError

VARIANTS = [
    ("lora", {}),
    ("lora", {"r": 3, "alpha": 5}),
    ("lora", {"attn_matrices": ["v", "q"], "leave_out": [0]}),
    ("lora", {"attn_matrices": ["k"]}),
    ("ia3", {}),
    ("ia3", {"attn_matrices": ["q", "k", "v"]}),
    ("ia3", {"attn_matrices": ["v"], "leave_out": [1]}),
    ("seq_bn", {}),
    ("seq_bn", {"reduction_factor": 16, "non_linearity": "gelu", "scaling": 0.5}),
    ("seq_bn", {"reduction_factor": 1000, "leave_out": [1]}),
    ("seq_bn_inv", {}),
    ("seq_bn_inv", {"inv_adapter_reduction_factor": 4, "non_linearity": "tanh", "leave_out": [0, 1]}),
    ("double_seq_bn", {}),
    ("double_seq_bn", {"leave_out": [0], "reduction_factor": 2.5}),
    ("par_bn", {}),
    ("par_bn", {"non_linearity": "leakyrelu", "scaling": 1.5}),
]


@pytest.fixture
def golden(core):
    sentences = probe_sentences(("Mwaramutse", "Amakuru"))
    vectors = torch.randn(len(sentences), core.hidden_size, generator=torch.Generator().manual_seed(0))
    return Golden(sentences, torch.nn.functional.normalize(vectors, dim=1))


@pytest.fixture
def store(tmp_path, golden, core, make_manifest):
    def write(adapter, **changes):
        manifest = make_manifest(adapter, core, **changes)
        save_adapter(tmp_path / "saved", adapter, core, manifest, golden)
        return tmp_path / "saved"

    return write


@pytest.mark.parametrize(("name", "hyperparameters"), VARIANTS)
def test_expected_tensors_are_those_that_adapters_saves(core, name, hyperparameters, tmp_path):
    chosen = method(name)
    config = chosen.adapterhub_config(**hyperparameters)
    model = load_model(core)
    adapters.init(model)
    model.add_adapter("lang-rw", config=adapters.AdapterConfig.load(config))
    model.save_adapter(str(tmp_path), "lang-rw", use_safetensors=True)
    saved = {key: tuple(value.shape) for key, value in load_file(tmp_path / "adapter.safetensors").items()}
    expected = chosen.expected_tensors(config, model.config, architecture(core.model_type))
    assert {chosen.to_adapterhub(key, "lang-rw"): shape for key, shape in expected.items()} == saved
    assert {chosen.from_adapterhub(key, "lang-rw") for key in saved} == set(expected)
    assert json.loads((tmp_path / "adapter_config.json").read_text("utf-8"))["config"] == config


def test_what_adapters_trained_is_imported_whole(core, method_name, trained):
    folder = trained(core, method_name)
    adapter = import_adapterhub(folder, core, method_name)
    theirs = load_file(folder / "adapter.safetensors")
    chosen = method(method_name)
    ours = {chosen.to_adapterhub(key, "lang-rw"): value for key, value in adapter.tensors.items()}
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert all(bool(value.std() > 0) for value in theirs.values() if value.numel() > 1), "training moved every tensor"
    assert adapter.config == json.loads((folder / "adapter_config.json").read_text("utf-8"))


def test_what_we_save_adapters_loads_whole(core, method_name, trained, store):
    adapter = import_adapterhub(trained(core, method_name), core, method_name)
    model, info = load_model(core), {}
    adapters.init(model)
    model.load_adapter(str(store(adapter)), use_safetensors=True, loading_info=info)
    assert info == {"missing_keys": [], "unexpected_keys": []}
    state, chosen = model.state_dict(), method(method_name)
    found = {chosen.from_adapterhub(key, "lang-rw"): value for key, value in state.items() if ".lang-rw." in key}
    assert found.keys() == adapter.tensors.keys()
    assert all(torch.equal(found[key], adapter.tensors[key]) for key in found)
    assert model.adapters_config.get("lang-rw").to_dict() == adapter.config["config"]


def test_a_strength_is_stored_where_the_format_can_say_it(core, method_name, trained, store):
    adapter = import_adapterhub(trained(core, method_name), core, method_name).with_strength(0.37)
    if not method(method_name).strength_is_scaling:
        with pytest.raises(UsageError, match=rf"no factor on all that {method_name} does"):
            store(adapter)
        return
    folder = store(adapter)
    config = json.loads((folder / "adapter_config.json").read_text("utf-8"))["config"]
    assert method(method_name).base_scaling(config) == pytest.approx(0.37 * adapter.scaling, rel=1e-12)
    assert load_adapter(folder, core).strength == 0.37
    again = import_adapterhub(folder, core, method_name).sites()
    for path, site in adapter.sites().items():
        assert again[path].factor == pytest.approx(site.factor, rel=1e-12)


@pytest.mark.parametrize("method_name", ["ia3", "seq_bn_inv"])
def test_a_stored_strength_that_the_format_cannot_say_is_refused(bert, method_name, trained, make_manifest, tmp_path):
    adapter = import_adapterhub(trained(bert, method_name), bert, method_name)
    sentences = probe_sentences(("Mwaramutse", "Amakuru"))
    golden = Golden(sentences, torch.eye(len(sentences), bert.hidden_size))
    save_adapter(tmp_path / "a", adapter, bert, make_manifest(adapter, bert), golden)
    halved = replace(adapter, strength=0.5)
    manifest = make_manifest(halved, bert, scaling=2 * adapter.scaling)
    files = json.loads((tmp_path / "a" / "manifest.json").read_text("utf-8"))["files"]
    sealed = manifest.sealed(tuple(type(manifest).model_validate({**manifest.model_dump(), "files": files}).files))
    (tmp_path / "a" / "manifest.json").write_bytes(sealed.json_bytes())
    with pytest.raises(VerificationError, match="output factor"):
        load_adapter(tmp_path / "a", bert)


@pytest.mark.parametrize("name", ["a", "F", "adapters", "adapter_down", "loras", "lang-rw", "invertible_adapters"])
def test_names_go_there_and_back(core, method_name, name):
    chosen = method(method_name)
    model_config, places = load_model(core).config, architecture(core.model_type)
    for key in chosen.expected_tensors(chosen.adapterhub_config(), model_config, places):
        assert chosen.from_adapterhub(chosen.to_adapterhub(key, name), name) == key
