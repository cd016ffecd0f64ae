"""AdapterFusion in the runtime against `adapters`: each computes what the other trained or saved."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import adapters
import numpy as np
import pytest
import torch
from adapters.composition import Fuse

from hubkit.adapter.golden import Golden, probe_sentences
from hubkit.adapter.method import method
from hubkit.adapter.store import import_adapterhub, load_adapter, save_adapter
from hubkit.composition.data import as_recipe
from hubkit.core import load_tokenizer
from hubkit.core.pooling import pool
from hubkit.errors import NotFoundError, UsageError, VerificationError
from hubkit.registry.installed import find_installed, install_folder
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.load import load

TEXTS = ["", "Amakuru yawe?", "Mwaramutse neza, mugire umunsi mwiza. " * 8, "a", "Umwana, umukecuru n'umugabo; 12 345"]
NAMES = ("lang-a", "lang-b")
RECIPE = "fuse(lang-a, lang-b, fusion=fuse-ab)"


def pooled(core, model, setup):
    model.set_active_adapters(setup)
    batch = load_tokenizer(core)(
        [core.prefix + text for text in TEXTS],
        padding=True,
        truncation=True,
        max_length=core.max_tokens,
        return_tensors="pt",
    )
    with torch.inference_mode():
        return pool(model(**batch).last_hidden_state, batch["attention_mask"], core.pooling).numpy()


def train(model, names=NAMES, **settings):
    """A few steps of AdapterFusion towards noise; the folder that `adapters` saves."""
    model.add_adapter_fusion(Fuse(*names), adapters.DynamicAdapterFusionConfig(**settings))
    model.train_adapter_fusion(Fuse(*names))
    model.eval()
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(4, 260, (4, 10), generator=generator)
    target = torch.randn(4, 10, 32, generator=generator)
    optimiser = torch.optim.Adam([value for value in model.parameters() if value.requires_grad], lr=0.03)
    for _ in range(8):
        optimiser.zero_grad()
        (model(input_ids=ids).last_hidden_state - target).square().mean().backward()
        optimiser.step()
    folder = Path(tempfile.mkdtemp())
    model.save_adapter_fusion(str(folder), Fuse(*names), use_safetensors=True)
    return folder


@pytest.fixture
def both(trained, adapters_model):
    """(core, method) → an encoder and a model of `adapters`, both with two adapters that `adapters` trained."""

    def make(core, method_name, hyper=("{}", "{}")):
        encoder, model = Encoder(core), adapters_model(core)
        for seed, name in enumerate(NAMES):
            folder = trained(core, method_name, name, seed + 1, hyper[seed])
            encoder.bank.add(import_adapterhub(folder, core, method_name))
            model.load_adapter(str(folder), use_safetensors=True)
        return encoder, model

    return make


def encode(encoder, recipe=RECIPE):
    return encoder.with_recipe(recipe).encode(TEXTS, normalize_embeddings=False)


@pytest.mark.parametrize("method_name", ["seq_bn", "double_seq_bn"])
@pytest.mark.parametrize("settings", [{}, {"value_before_softmax": False, "regularization": False}])
def test_a_fusion_that_adapters_trained(core, method_name, settings, both):
    encoder, model = both(core, method_name)
    folder = train(model, **settings)
    fusion = import_adapterhub(folder, core, "fusion", "fuse-ab")
    assert fusion.fused == NAMES
    encoder.bank.add(fusion)
    expected = pooled(core, model, Fuse(*NAMES))
    np.testing.assert_allclose(encode(encoder), expected, atol=1e-5, rtol=0)
    for other in (*NAMES, None):
        assert abs(expected - pooled(core, model, other)).max() > 1e-3, "the case tells nothing"


@pytest.mark.parametrize("left_out", [("[0]", "[0]"), ("[0]", "[]"), ("[1]", "[]")])
def test_where_only_some_branches_act(bert, both, left_out):
    encoder, model = both(bert, "seq_bn", tuple(f'{{"leave_out": {layers}}}' for layers in left_out))
    encoder.bank.add(import_adapterhub(train(model), bert, "fusion", "fuse-ab"))
    np.testing.assert_allclose(encode(encoder), pooled(bert, model, Fuse(*NAMES)), atol=1e-5, rtol=0)


def test_a_fusion_of_parallel_bottlenecks_is_not_run_as_adapters_does(bert, both, trained, tmp_path):
    """`adapters` adds the input of such branches twice: its result is ours and that input once more."""
    encoder, model = both(bert, "par_bn")
    folder = train(model)
    encoder.bank.add(import_adapterhub(folder, bert, "fusion", "fuse-ab"))
    expected = pooled(bert, model, Fuse(*NAMES))
    assert abs(encode(encoder) - expected).max() > 0.1
    for layer in model.encoder.layer:
        fusion = layer.output.adapter_fusion_layer["lang-a,lang-b"]
        fusion.register_forward_hook(lambda module, given, output: output - given[3])  # the input
    np.testing.assert_allclose(encode(encoder), pooled(bert, model, Fuse(*NAMES)), atol=1e-5, rtol=0)


@pytest.fixture
def installed(bert, make_adapter, save):
    """Two installed bottlenecks."""
    for seed, name in enumerate(NAMES):
        install_folder(save(make_adapter(bert, "seq_bn", seed=seed, name=name), bert))


@pytest.fixture
def fusion(bert, both):
    """A fusion over seq_bn that `adapters` trained, as a plain folder."""
    return train(both(bert, "seq_bn")[1])


def test_a_plain_fusion_folder(bert, installed, fusion):
    encoder = load(fusion, core=str(bert.folder))
    adapter = import_adapterhub(fusion, bert, "fusion", "fuse-ab")
    other = load(core=str(bert.folder))
    other.bank.add(adapter)
    np.testing.assert_allclose(encode(other), encoder.encode(TEXTS, normalize_embeddings=False), atol=1e-6, rtol=0)
    assert "not verified" in encoder.explain()


def test_a_plain_fusion_folder_of_parallel_bottlenecks_is_refused(bert, make_adapter, save, fusion):
    for name in NAMES:
        install_folder(save(make_adapter(bert, "par_bn", name=name), bert))
    with pytest.raises(UsageError, match="adds the input of such branches twice"):
        load(fusion, core=str(bert.folder))


def test_a_plain_fusion_folder_without_its_branches(bert, fusion):
    with pytest.raises(NotFoundError, match="lang-a"):
        load(fusion, core=str(bert.folder))


NEEDED = [{"name": name, "spec": "==0.1.0", "role": "fuse"} for name in NAMES]


@pytest.fixture
def saved(bert, installed, fusion, make_manifest, tmp_path):
    """The same fusion as an adapter of hubkit's own."""
    adapter = import_adapterhub(fusion, bert, "fusion", "fuse-ab")
    encoder = load(core=str(bert.folder))
    encoder.bank.add(adapter)
    probes = probe_sentences(("Mwaramutse", "Amakuru"))
    golden = Golden(probes, encoder.with_recipe(RECIPE).encode(probes, convert_to_tensor=True))
    manifest = make_manifest(adapter, bert, kind="fusion", dependencies=NEEDED)
    save_adapter(tmp_path / "fuse-ab", adapter, bert, manifest, golden)
    return tmp_path / "fuse-ab"


def test_what_is_saved_is_what_is_loaded(bert, saved, fusion):
    given, found = import_adapterhub(fusion, bert, "fusion", "fuse-ab"), load_adapter(saved, bert)
    assert found.fused == given.fused
    assert found.config["config"] == given.config["config"]
    assert found.tensors.keys() == given.tensors.keys()
    assert all(torch.equal(found.tensors[key], given.tensors[key]) for key in found.tensors)
    assert {path.name for path in saved.iterdir()} == {
        "adapter_fusion_config.json", "model_adapter_fusion.safetensors", "golden.json", "golden.safetensors",
        "manifest.json",
    }  # fmt: skip


def test_adapters_loads_what_we_saved(bert, saved, both):
    encoder, model = both(bert, "seq_bn")
    model.load_adapter_fusion(str(saved), use_safetensors=True)
    given, names = load_adapter(saved, bert), method("fusion")
    encoder.bank.add(replace(given, manifest=None))  # whatever the versions of its branches
    expected = pooled(bert, model, Fuse(*NAMES, name="fuse-ab"))
    np.testing.assert_allclose(encode(encoder), expected, atol=1e-5, rtol=0)
    state = model.state_dict()
    for key, tensor in given.tensors.items():
        assert torch.equal(state[names.to_adapterhub(key, "fuse-ab")], tensor)
    assert len(given.tensors) == sum(".adapter_fusion_layer." in key for key in state)


@pytest.mark.parametrize("query", ["fuse-ab", "fuse-ab==0.1.0"])
def test_by_name(bert, saved, query):
    install_folder(saved)
    by_name, by_recipe = load(query, core=str(bert.folder)), load(recipe=RECIPE, core=str(bert.folder))
    by_folder = load(saved, core=str(bert.folder))
    np.testing.assert_array_equal(by_name.encode(TEXTS), by_recipe.encode(TEXTS))
    np.testing.assert_array_equal(by_name.encode(TEXTS), by_folder.encode(TEXTS))
    assert "fuse(lang-a, lang-b, fusion=" in by_name.explain()


def test_the_branches_are_of_the_versions_that_it_was_trained_on(bert, saved, make_adapter, save):
    install_folder(saved)
    expected = load(recipe=RECIPE, core=str(bert.folder)).encode(TEXTS)
    newer = save(make_adapter(bert, "seq_bn", seed=9, name="lang-a"), bert, version="0.2.0")
    install_folder(newer)
    assert find_installed("lang-a").version == "0.2.0"
    np.testing.assert_array_equal(load(recipe=RECIPE, core=str(bert.folder)).encode(TEXTS), expected)
    np.testing.assert_array_equal(load("fuse-ab", core=str(bert.folder)).encode(TEXTS), expected)
    named = load(recipe="fuse(lang-a==0.2.0, lang-b, fusion=fuse-ab)", core=str(bert.folder)).encode(TEXTS)
    assert abs(named - expected).max() > 1e-3


def test_branches_of_the_right_version_may_be_in_memory_alone(bert, saved):
    folders = [find_installed(name).folder for name in NAMES]
    expected = load(saved, core=str(bert.folder)).encode(TEXTS)
    encoder = Encoder(bert)
    for folder in (*folders, saved):
        encoder.bank.add(load_adapter(folder, bert))
    np.testing.assert_array_equal(encoder.with_recipe(RECIPE).encode(TEXTS), expected)
    assert sorted(encoder.bank.names()) == ["fuse-ab", *NAMES]
    newer = load_adapter(folders[0], bert)
    encoder.bank.add(replace(newer, manifest=newer.manifest.model_copy(update={"version": "0.2.0"})))
    with pytest.raises(NotFoundError, match=r"lang-a==0\.1\.0"):
        encoder.with_recipe(RECIPE).encode(TEXTS)


def test_golden_vectors_are_those_with_the_branches(bert, saved, make_adapter, make_manifest, tmp_path):
    adapter = load_adapter(saved, bert)
    probes = probe_sentences(("Mwaramutse", "Amakuru"))
    wrong = load("lang-a", core=str(bert.folder)).encode(probes, convert_to_tensor=True)
    manifest = make_manifest(adapter, bert, kind="fusion", dependencies=NEEDED)
    save_adapter(tmp_path / "wrong", adapter, bert, manifest, Golden(probes, wrong))
    encoder = load(core=str(bert.folder))
    with pytest.raises(VerificationError, match="gives other vectors here"):
        load(tmp_path / "wrong", core=str(bert.folder))
    assert encoder.bank.names() == []


WRONG = {
    "fuse(lang-b, lang-a, fusion=fuse-ab)": "was trained for lang-a, lang-b",
    "fuse(lang-a, 0.5*lang-b, fusion=fuse-ab)": "not for lang-a, 0.5\\*lang-b",
    "fuse(lang-a, fusion=fuse-ab)": "not for lang-a",
    "fuse(lang-a, lang-b, fusion=lang-a)": "it is no fusion",
    "fuse(lang-a, lang-b)": "has no fusion",
    "fuse-ab": "is a fusion of lang-a, lang-b",
    "lang-a + fuse-ab": "is a fusion of lang-a, lang-b",
    "merge(lang-a, fuse-ab)": "cannot be merged",
}


@pytest.mark.parametrize("recipe", WRONG)
def test_other_branches_are_refused(bert, saved, recipe):
    install_folder(saved)
    with pytest.raises(UsageError, match=WRONG[recipe]):
        load(recipe=recipe, core=str(bert.folder))


def test_branches_of_other_kinds_are_refused(bert, fusion, make_adapter):
    encoder = Encoder(bert)
    for name in NAMES:
        encoder.bank.add(make_adapter(bert, "double_seq_bn", name=name))
    encoder.bank.add(import_adapterhub(fusion, bert, "fusion", "fuse-ab"))
    with pytest.raises(UsageError, match="has no weights at encoder"):
        encode(encoder)


def test_a_fusion_is_no_adapter_by_itself(bert, fusion):
    adapter = import_adapterhub(fusion, bert, "fusion", "fuse-ab")
    with pytest.raises(UsageError, match="acts on other adapters"):
        Encoder(bert, adapter=adapter)
    with pytest.raises(UsageError, match="has no strength"):
        adapter.with_strength(0.5)


def test_branches_that_are_recipes_are_said_in_the_configuration(bert, fusion, make_adapter, tmp_path):
    config = json.loads((fusion / "adapter_fusion_config.json").read_text("utf-8"))
    config["adapter_names"] = ["fam-c + lang-a", "merge(lang-a: 0.4, lang-b: 0.6)"]
    (fusion / "adapter_fusion_config.json").write_text(json.dumps(config))
    adapter = import_adapterhub(fusion, bert, "fusion", "fuse-ab")
    encoder = Encoder(bert)
    for seed, name in enumerate((*NAMES, "fam-c")):
        encoder.bank.add(make_adapter(bert, "seq_bn", seed=seed, name=name))
    encoder.bank.add(adapter)
    branches = [as_recipe(branch) for branch in adapter.fused]
    assert [str(branch) for branch in branches] == config["adapter_names"]
    recipe = f"fuse({', '.join(map(str, branches))}, fusion=fuse-ab)"
    assert np.isfinite(encode(encoder, recipe)).all()
    with pytest.raises(UsageError, match="was trained for fam-c"):
        encode(encoder)
