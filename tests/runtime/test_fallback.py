"""Folders that `adapters` saved, without a manifest: loaded whole or refused, and run as `adapters` runs them.

Some methods give other vectors with padding than without: UniPELT's gates are means over all tokens, and the masks of
prompt tuning (and of DistilBERT's prefix tuning) are wrong with scaled dot-product attention. What `adapters` computes
of each text alone is the reference here.
"""

from __future__ import annotations

import json
import shutil

import adapters
import numpy as np
import pytest
import torch
from adapters.loading import AdapterLoader
from safetensors.torch import load_file, save_file
from transformers import BertForMaskedLM, DistilBertForMaskedLM, ModernBertForMaskedLM, XLMRobertaForMaskedLM

from hubkit.adapter.store import import_adapterhub
from hubkit.core import load_model, load_tokenizer
from hubkit.core.pooling import pool
from hubkit.errors import UsageError, VerificationError
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.fallback import is_plain
from hubkit.runtime.load import load

TEXTS = ["", "Amakuru yawe?", "Mwaramutse neza, mugire umunsi mwiza. " * 8, "a", "Umwana, umukecuru n'umugabo; 12 345"]
KINDS = {
    "prefix_tuning": lambda: adapters.PrefixTuningConfig(bottleneck_size=16, prefix_length=5),
    "prefix_tuning_flat": lambda: adapters.PrefixTuningConfig(flat=True, prefix_length=3),
    "prompt_tuning": lambda: adapters.PromptTuningConfig(prompt_length=4),
    "prompt_after_bos": lambda: adapters.PromptTuningConfig(prompt_length=4, combine="prefix_after_bos"),
    "compacter": lambda: adapters.CompacterConfig(phm_dim=2, reduction_factor=4),
    "compacter_plus_plus": lambda: adapters.CompacterPlusPlusConfig(phm_dim=2, reduction_factor=4),
    "adapter_plus": lambda: adapters.AdapterPlusConfig(stochastic_depth=0.0, reduction_factor=4),
    "learned_scaling": lambda: adapters.ParBnConfig(scaling="learned"),
    "loreft": lambda: adapters.LoReftConfig(r=2, suffix_positions=2),
    "noreft": lambda: adapters.NoReftConfig(r=2),
    "direft": lambda: adapters.DiReftConfig(prefix_positions=1),
    "dora": lambda: adapters.LoRAConfig(use_dora=True, init_weights="bert"),
    "vera": lambda: adapters.LoRAConfig(r=4, vera_d=0.1, vera_b=0.1, init_weights="vera"),
    "gated_lora": lambda: adapters.LoRAConfig(use_gating=True),
    "mam": lambda: adapters.MAMConfig(adapters.PrefixTuningConfig(bottleneck_size=16, prefix_length=4)),
    "unipelt": lambda: adapters.UniPELTConfig(adapters.PrefixTuningConfig(bottleneck_size=16, prefix_length=4)),
}
# Of these `adapters` has none for ModernBERT, or none that runs on it.
NOT_ON_MODERNBERT = {*KINDS} - {"compacter", "compacter_plus_plus", "learned_scaling", "loreft", "noreft", "direft"}
WITH_HEAD = {
    "bert": BertForMaskedLM,
    "distilbert": DistilBertForMaskedLM,
    "modernbert": ModernBertForMaskedLM,
    "xlm-roberta": XLMRobertaForMaskedLM,
}


def add(model, name, kind):
    """An adapter of this kind, active, and large enough to be seen in the vectors."""
    torch.manual_seed(0)
    model.add_adapter(name, config=KINDS[kind]())
    with torch.no_grad():
        for key, value in model.named_parameters():
            if f".{name}." in key and "parametrizations" not in key:
                value += 0.3 * torch.randn_like(value)
    model.set_active_adapters(name)
    return model.eval()


def save_plain(model, name, folder, **settings):
    """What `adapters` saves; where layers share a tensor, which it cannot, each name has a copy, as in its .bin."""
    model.apply_to_adapter_layers(lambda _, layer: layer.pre_save_adapters())
    state, config = AdapterLoader(model, use_safetensors=True).save_to_state_dict(name)
    folder.mkdir()
    copies = {key: value.detach().contiguous().clone() for key, value in state.items()}
    save_file(copies, folder / "adapter.safetensors")
    config["config"] |= settings
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def with_head(core):
    """The same network with a head, without which `adapters` does not save what Compacter and VeRA share."""
    model = WITH_HEAD[core.model_type].from_pretrained(core.folder)
    adapters.init(model)
    for name, module in model.named_modules():
        if name.endswith("attn.Wqkv"):
            torch.nn.init.zeros_(module.bias)
    return model


def vectors(core, model, kind):
    """Pooled vectors (n, hidden) of each text alone, so without padding, whose effect some methods do not mask."""
    tokenizer, pooled = load_tokenizer(core), []
    first = 1 if kind == "prompt_after_bos" else 0
    for text in TEXTS:
        batch = tokenizer(core.prefix + text, truncation=True, max_length=core.max_tokens, return_tensors="pt")
        with torch.inference_mode():
            hidden = model.base_model(**batch).last_hidden_state
        more = hidden.shape[1] - batch["input_ids"].shape[1]
        pooled.append(pool(torch.cat((hidden[:, :first], hidden[:, first + more :]), 1), None, core.pooling))
    return torch.cat(pooled).numpy()


def encode(encoder):
    return encoder.encode(TEXTS, normalize_embeddings=False)


@pytest.mark.parametrize("kind", KINDS)
def test_the_vectors_are_those_of_adapters(core, kind, tmp_path):
    if core.model_type == "modernbert" and kind in NOT_ON_MODERNBERT:
        pytest.skip("adapters does not run it there")
    model = with_head(core)
    bare = vectors(core, model, kind)
    expected = vectors(core, add(model, "lang-x", kind), kind)
    said = {"noreft": {"subtract_projection": True}, "direft": {"subtract_projection": False}}
    settings = {**said, "adapter_plus": {"stochastic_depth": 0.1}}.get(kind, {})
    encoder = load(save_plain(model, "lang-x", tmp_path / "x", **settings), core=str(core.folder))
    np.testing.assert_allclose(encode(encoder), expected, atol=1e-5, rtol=0)
    assert abs(expected - bare).max() > 0.05, "the case tells nothing"
    assert "The `adapters` library runs it" in encoder.explain()
    assert "not verified" in encoder.explain()


@pytest.mark.parametrize("kind", ["prefix_tuning", "prompt_tuning", "loreft", "dora"])
def test_without_padding_is_what_padding_should_give(bert, kind, tmp_path):
    """Eager attention masks it rightly."""
    model = adapters_init(load_model(bert, attention="eager"))
    add(model, "lang-x", kind)
    tokenizer, texts = load_tokenizer(bert), [bert.prefix + text for text in TEXTS]
    batch = tokenizer(texts, padding=True, truncation=True, max_length=64, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**batch).last_hidden_state
    expected = pool(hidden[:, -batch["input_ids"].shape[1] :], batch["attention_mask"], "mean").numpy()
    encoder = load(save_plain(model, "lang-x", tmp_path / "x"), core=str(bert.folder))
    np.testing.assert_allclose(encode(encoder), expected, atol=1e-5, rtol=0)


def adapters_init(model):
    adapters.init(model)
    return model


def test_what_hubkit_runs_it_runs_itself(core, method_name, trained):
    encoder = load(folder := trained(core, method_name), core=str(core.folder))
    expected = Encoder(core, adapter=import_adapterhub(folder, core, method_name)).encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-6, rtol=0)
    assert "not verified" in encoder.explain()
    assert "adapters`" not in encoder.explain()
    half = encoder.with_recipe("0.5*lang-rw").encode(TEXTS)
    assert abs(half - expected).max() > 1e-4


def test_what_was_saved_from_a_model_with_a_head(core, method_name, trained, tmp_path):
    plain = trained(core, method_name)
    model = with_head(core)
    model.load_adapter(str(plain), use_safetensors=True)
    folder = save_plain(model, "lang-rw", tmp_path / "x")
    assert not set(load_file(folder / "adapter.safetensors")) & set(load_file(plain / "adapter.safetensors"))
    expected = load(plain, core=str(core.folder)).encode(TEXTS)
    np.testing.assert_allclose(load(folder, core=str(core.folder)).encode(TEXTS), expected, atol=1e-6, rtol=0)


def test_a_lora_from_before_its_factor_was_mended(bert, trained, tmp_path):
    """`adapters` < 1.1.0 trained with factor 1, whatever alpha says."""
    shutil.copytree(trained(bert, "lora"), tmp_path / "x")
    change_config(tmp_path / "x", lambda config: config.update(version="adapters.1.0.1"))
    change_config(tmp_path / "x", lambda config: config["config"].update(alpha=32))
    encoder = load(tmp_path / "x", core=str(bert.folder))
    with encoder.bank.using("lang-rw") as entry:
        assert {site.factor for site in entry.sites.values()} == {1.0}


def change_config(folder, change):
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text("utf-8"))
    change(config)
    path.write_text(json.dumps(config))


def change_tensors(folder, change):
    tensors = load_file(folder / "adapter.safetensors")
    change(tensors)
    save_file(tensors, folder / "adapter.safetensors")


@pytest.fixture
def loreft(bert, tmp_path):
    return save_plain(add(adapters_init(load_model(bert)), "lang-x", "loreft"), "lang-x", tmp_path / "loreft")


@pytest.mark.parametrize("name", ["to", "cpu", "items", "a.b", "x,y", "Ünï cödé", "adapters", "refts"])
def test_names_that_adapters_does_not_take(bert, loreft, name):
    expected = encode(load(loreft, core=str(bert.folder)))
    change_config(loreft, lambda config: config.update(name=name))
    tensors = load_file(loreft / "adapter.safetensors")
    renamed = {key.replace(".refts.lang-x.", f".refts.{name}."): tensor for key, tensor in tensors.items()}
    save_file(renamed, loreft / "adapter.safetensors")
    np.testing.assert_array_equal(encode(load(loreft, core=str(bert.folder))), expected)


def test_it_is_alone(bert, loreft):
    encoder = load(loreft, core=str(bert.folder))
    attempts = [
        lambda: encoder.with_recipe("lang-x + lang-y"),
        lambda: encoder.adapted(None),
        lambda: encoder.encode(TEXTS, recipes=["lang-x"] * len(TEXTS)),
        lambda: encoder.encode(TEXTS, languages="rw"),
    ]
    for attempt in attempts:
        with pytest.raises(UsageError, match="it cannot be composed"):
            attempt()
    with pytest.raises(UsageError, match="no stored mean"):
        load(loreft, core=str(bert.folder), centre=True)
    centred = encoder.encode(TEXTS, centre=encoder.fit_centre(TEXTS))
    assert abs(centred - encoder.encode(TEXTS)).max() > 1e-3


def first(tensors):
    return next(key for key in sorted(tensors) if key.endswith("learned_source.weight"))


BROKEN = {
    "a tensor is missing": ("lacks the tensor", lambda f: change_tensors(f, lambda t: t.pop(first(t)))),
    "one is too many": ("does not have on this core", lambda f: change_tensors(f, lambda t: t.update(x=torch.ones(1)))),
    "another shape": ("expected", lambda f: change_tensors(f, lambda t: t.update({first(t): torch.ones(3, 32)}))),
    "not finite": ("not finite", lambda f: change_tensors(f, lambda t: t[first(t)].fill_(float("nan")))),
    "half precision": ("dtype", lambda f: change_tensors(f, lambda t: t.update({first(t): t[first(t)].half()}))),
    "cut": ("no safetensors|bytes", lambda f: (f / "adapter.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")),
    "another type": ("is for a roberta", lambda f: change_config(f, lambda c: c.update(model_type="roberta"))),
    "another width": ("of width 33", lambda f: change_config(f, lambda c: c.update(hidden_size=33))),
    "no name": ("no adapter name", lambda f: change_config(f, lambda c: c.update(name=""))),
    "no version": ("before adapters 1", lambda f: change_config(f, lambda c: c.pop("version"))),
    "no JSON": ("JSON", lambda f: (f / "adapter_config.json").write_text("{")),
    "a list": ("no AdapterHub configuration", lambda f: (f / "adapter_config.json").write_text("[]")),
    "unknown method": ("does not run", lambda f: change_config(f, lambda c: c["config"].update(architecture="x"))),
    "no rank": ("does not run", lambda f: change_config(f, lambda c: c["config"].update(r=-1))),
    "DiReFT?": ("NoReFT or DiReFT", lambda f: change_config(f, lambda c: c["config"].update(orthogonality=False))),
    "only a pickle": ("never loaded", lambda f: (f / "adapter.safetensors").rename(f / "pytorch_adapter.bin")),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_folder_that_is_not_whole_is_refused(bert, loreft, case, monkeypatch):
    monkeypatch.setattr(torch, "load", lambda *arguments, **options: pytest.fail("a pickle was read"))
    said, damage = BROKEN[case]
    damage(loreft)
    with pytest.raises(VerificationError, match=said):
        load(loreft, core=str(bert.folder))


def test_a_pickle_beside_is_left_alone(bert, loreft, monkeypatch):
    monkeypatch.setattr(torch, "load", lambda *arguments, **options: pytest.fail("a pickle was read"))
    (loreft / "pytorch_adapter.bin").write_bytes(b"anything")
    assert np.isfinite(encode(load(loreft, core=str(bert.folder)))).all()


@pytest.mark.parametrize("kind", ["compacter", "vera"])
def test_what_adapters_does_not_save_without_a_head_is_refused(bert, kind, tmp_path):
    model = adapters_init(load_model(bert))
    model.add_adapter("lang-x", config=KINDS[kind]())
    folder = tmp_path / "x"
    model.save_adapter(str(folder), "lang-x", use_safetensors=True)
    with pytest.raises(VerificationError, match=r"lacks the tensor shared_parameters.*only from a model with a head"):
        load(folder, core=str(bert.folder))


def test_what_adapters_does_not_run_is_refused_at_once(cores, tmp_path):
    core = cores["modernbert"]
    model = with_head(core)
    model.add_adapter("lang-x", config=KINDS["vera"]())
    folder = save_plain(model, "lang-x", tmp_path / "x")
    with pytest.raises(VerificationError, match="`adapters` does not run on a modernbert"):
        load(folder, core=str(core.folder))


def test_shared_tensors_may_be_there_once_and_must_agree(bert, tmp_path):
    model = add(adapters_init(load_model(bert)), "lang-x", "prefix_tuning")
    folder = save_plain(model, "lang-x", tmp_path / "x")
    expected = encode(load(folder, core=str(bert.folder)))
    tensors = load_file(folder / "adapter.safetensors")
    later = sorted(key for key in tensors if key.startswith("encoder.layer.1"))
    assert later, "the layers share a pool"
    save_file({key: tensor for key, tensor in tensors.items() if key not in later}, folder / "adapter.safetensors")
    np.testing.assert_array_equal(encode(load(folder, core=str(bert.folder))), expected)
    save_file({**tensors, later[0]: tensors[later[0]] + 1}, folder / "adapter.safetensors")
    with pytest.raises(VerificationError, match="in several versions"):
        load(folder, core=str(bert.folder))


def test_loading_again_after_a_failure(bert, loreft, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(loreft, broken)
    change_tensors(broken, lambda tensors: tensors.pop(first(tensors)))
    alone, expected = Encoder(bert), encode(load(loreft, core=str(bert.folder)))
    before = encode(alone)
    with pytest.raises(VerificationError):
        load(broken, core=str(bert.folder))
    np.testing.assert_array_equal(encode(load(loreft, core=str(bert.folder))), expected)
    np.testing.assert_array_equal(encode(alone), before)


def test_a_folder_with_a_manifest_is_none_of_these(bert, make_adapter, save):
    folder = save(make_adapter(bert, "lora"), bert)
    assert not is_plain(folder)
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(VerificationError, match="manifest"):
        load(folder, core=str(bert.folder))
