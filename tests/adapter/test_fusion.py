"""The method ``fusion``: its configuration, its tensors on every architecture, and folders that are refused."""

from __future__ import annotations

import json

import adapters
import pytest
import torch
from adapters.composition import Fuse
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from hubkit.adapter.adapterhub import files_of
from hubkit.adapter.manifest import FUSION_FILES, REQUIRED_FILES, required_files
from hubkit.adapter.method import method, method_of
from hubkit.adapter.sites import Fusion
from hubkit.adapter.store import adapter_from_state, import_adapterhub, random_adapter
from hubkit.core import load_model
from hubkit.core.architecture import architecture
from hubkit.errors import UsageError, VerificationError

fusion = method("fusion")
CONFIG, WEIGHTS = files_of("fusion")


@pytest.fixture
def folder(bert, adapters_model, tmp_path):
    """An untrained fusion of two seq_bn, saved by `adapters`."""
    return saved(adapters_model(bert), "seq_bn", tmp_path / "fusion")


def saved(model, kind, where, config="dynamic"):
    for name in ("lang-a", "lang-b"):
        model.add_adapter(name, config=adapters.ADAPTER_CONFIG_MAP[kind])
    model.add_adapter_fusion(Fuse("lang-a", "lang-b"), config)
    model.save_adapter_fusion(str(where), Fuse("lang-a", "lang-b"), use_safetensors=True)
    return where


def change_config(folder, **changes):
    config = json.loads((folder / CONFIG).read_text("utf-8"))
    config |= changes
    (folder / CONFIG).write_text(json.dumps(config))


def test_our_settings_are_those_of_adapters():
    config = fusion.adapterhub_config()
    assert config == adapters.DynamicAdapterFusionConfig().to_dict()
    assert method_of(config) == "fusion"
    assert fusion.problems(config) == []


@pytest.mark.parametrize(("kind", "blocks"), [("seq_bn", ["output"]), ("double_seq_bn", ["attention", "output"])])
def test_tensors_are_those_that_adapters_saves(core, adapters_model, kind, blocks, tmp_path):
    where = saved(adapters_model(core), kind, tmp_path / "fusion")
    adapter = import_adapterhub(where, core, "fusion")
    places = architecture(core.model_type)
    sites = [f"{places.layers}.{layer}.{places.blocks[block].site}" for layer in range(2) for block in blocks]
    assert list(adapter.sites()) == sites
    assert all(isinstance(site, Fusion) for site in adapter.sites().values())
    theirs = load_file(where / WEIGHTS)
    assert {fusion.to_adapterhub(key, "lang-a,lang-b") for key in adapter.tensors} == set(theirs)
    assert adapter.effective_config() == json.loads((where / CONFIG).read_text("utf-8"))


def test_training_begins_where_adapters_begins(bert, folder):
    config = import_adapterhub(folder, bert, "fusion").config["config"]
    model_config, places = load_model(bert).config, architecture("bert")
    begun = fusion.initial_tensors(config, model_config, places, torch.Generator().manual_seed(0))
    theirs = {fusion.from_adapterhub(key, "lang-a,lang-b"): value for key, value in load_file(folder / WEIGHTS).items()}
    assert begun.keys() == theirs.keys()
    for key, tensor in begun.items():
        if key.endswith((".bias", "value.weight")):
            assert torch.equal(tensor, theirs[key])
        else:
            assert float(tensor.std()) == pytest.approx(0.02, rel=0.2)


def test_a_random_control_has_no_identity(bert, folder):
    adapter = import_adapterhub(folder, bert, "fusion")
    control = random_adapter(adapter, bert, 1)
    assert control.fused == adapter.fused
    assert not torch.allclose(control.tensors["encoder.layer.0.output.fusion.value.weight"], torch.eye(32), atol=0.1)


@pytest.mark.parametrize(
    "setting",
    ["query", "key", "value", "query_before_ln", "residual_before", "temperature"],
)
def test_other_settings_are_refused(setting):
    config = fusion.adapterhub_config()
    assert fusion.problems({**config, setting: not config[setting]})
    assert fusion.problems({key: value for key, value in config.items() if key != setting})


def test_static_fusion_is_refused(bert, adapters_model, tmp_path):
    where = saved(adapters_model(bert), "seq_bn", tmp_path / "fusion", "static")
    with pytest.raises(VerificationError, match="value=False is not supported"):
        import_adapterhub(where, bert, "fusion")


def test_it_is_not_trained_like_an_adapter():
    with pytest.raises(UsageError, match="hubkit fuse"):
        fusion.adapterhub_config(leave_out=[0])
    with pytest.raises(UsageError, match="scaling"):
        fusion.with_scaling(fusion.adapterhub_config(), 0.5)
    assert fusion.problems({**fusion.adapterhub_config(), "sites": []})


def test_a_name_is_given_on_import(bert, folder):
    adapter = import_adapterhub(folder, bert, "fusion", "fuse-ab")
    assert (adapter.name, adapter.config["name"], adapter.fused) == ("fuse-ab", "fuse-ab", ("lang-a", "lang-b"))


def test_branches_that_are_only_in_the_name(bert, folder):
    config = json.loads((folder / CONFIG).read_text("utf-8"))
    del config["adapter_names"]
    (folder / CONFIG).write_text(json.dumps(config))
    assert import_adapterhub(folder, bert, "fusion").fused == ("lang-a", "lang-b")


@pytest.mark.parametrize("branches", [[], ["lang-a", "lang-a"], ["lang-a", 1], [""], {"lang-a": 1}, 3])
def test_malformed_branches_are_refused(bert, folder, branches):
    change_config(folder, adapter_names=branches)
    with pytest.raises(VerificationError, match="does not list the branches"):
        import_adapterhub(folder, bert, "fusion")


def test_sites_are_no_setting_of_the_file(bert, folder):
    change_config(folder, config={**fusion.adapterhub_config(), "sites": ["encoder.layer.0.output"]})
    with pytest.raises(VerificationError, match="does not list the branches"):
        import_adapterhub(folder, bert, "fusion")


@pytest.mark.parametrize("part", ["query.weight", "query.bias", "key.weight", "key.bias", "value.weight"])
def test_a_block_is_whole_or_not_there(bert, folder, part):
    tensors = load_file(folder / WEIGHTS)
    key = f"encoder.layer.0.output.adapter_fusion_layer.lang-a,lang-b.{part}"
    del tensors[key]
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(VerificationError, match=r"lacks|does not have"):
        import_adapterhub(folder, bert, "fusion")


def test_a_block_that_the_core_does_not_have(bert, folder):
    tensors = {key.replace("layer.1.", "layer.7."): tensor for key, tensor in load_file(folder / WEIGHTS).items()}
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(VerificationError, match=r"does not have.*layer\.7"):
        import_adapterhub(folder, bert, "fusion")


def test_from_state(bert, folder):
    given = import_adapterhub(folder, bert, "fusion", "fuse-ab")
    config = {"config": given.config["config"], "adapter_names": list(given.fused)}
    made = adapter_from_state("fuse-ab", "fusion", config, given.tensors, bert)
    assert made.config == {**given.config, "model_name": bert.id}
    assert made.fused == given.fused


def test_the_files_depend_on_the_kind():
    assert required_files("fusion") == FUSION_FILES == {CONFIG, WEIGHTS, "golden.json", "golden.safetensors"}
    assert required_files("language") == REQUIRED_FILES


WRONG = [
    {"name": "lang-ab"},
    {"kind": "language", "name": "lang-ab"},
    {"kind": "language", "name": "lang-ab", "method": "lora"},
    {"method": "lora"},
    {"dependencies": []},
    {"dependencies": [{"name": "lang-a", "spec": "==0.1.0", "role": "stack-under"}]},
]


@pytest.mark.parametrize("changes", WRONG)
def test_a_manifest_of_a_fusion_is_about_one(bert, folder, make_manifest, changes):
    adapter = import_adapterhub(folder, bert, "fusion", "fuse-ab")
    right = {"kind": "fusion", "dependencies": [{"name": "lang-a", "spec": "==0.1.0", "role": "fuse"}]}
    assert make_manifest(adapter, bert, **right).kind == "fusion"
    with pytest.raises(ValidationError):
        make_manifest(adapter, bert, **{**right, **changes})
