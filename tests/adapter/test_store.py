from __future__ import annotations

import hashlib
import json
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from hubkit.adapter.folder import read_manifest
from hubkit.adapter.golden import is_remembered
from hubkit.adapter.manifest import FileReference
from hubkit.adapter.method import method
from hubkit.adapter.store import adapter_from_state, import_adapterhub, load_adapter, random_adapter, save_adapter
from hubkit.errors import NotFoundError, UsageError, VerificationError

FILES = [
    "README.md",
    "adapter.safetensors",
    "adapter_config.json",
    "centre.safetensors",
    "golden.json",
    "golden.safetensors",
    "manifest.json",
    "report.json",
]


@pytest.fixture
def adapter(core, method_name, make_adapter):
    centre = torch.linspace(-0.1, 0.1, core.hidden_size)
    strength = 0.3 if method(method_name).strength_is_scaling else 1.0
    return replace(make_adapter(core, method_name, strength=strength), centre=centre)


def reseal(folder: Path) -> None:
    """Make the manifest agree with the files again, as someone who means harm would."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["files"] = [
        {"path": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
        for path in sorted(folder.iterdir())
        if path.name != "manifest.json"
    ]
    del manifest["digest"]
    text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    manifest["digest"] = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def test_round_trip(adapter, core, save):
    folder = save(adapter, core)
    assert sorted(path.name for path in folder.iterdir()) == FILES
    found = load_adapter(folder, core)
    assert (found.name, found.method, found.strength, found.config) == (
        adapter.name,
        adapter.method,
        adapter.strength,
        adapter.config,
    )
    assert found.tensors.keys() == adapter.tensors.keys()
    assert all(torch.equal(found.tensors[key], adapter.tensors[key]) for key in adapter.tensors)
    assert torch.equal(found.centre, adapter.centre)
    assert found.manifest is not None
    assert found.manifest.version == "0.1.0"
    assert json.loads((folder / "report.json").read_text("utf-8")) == {"R@1": 0.5}


def test_saving_twice_gives_the_same_bytes(adapter, core, save, tmp_path):
    first, second = save(adapter, core, tmp_path / "a"), save(adapter, core, tmp_path / "b")
    for name in FILES:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_saving_replaces_an_older_folder(adapter, core, save, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").write_text("x")
    save(adapter, core, tmp_path / "a")
    assert not (tmp_path / "a" / "old").exists()


def test_the_files_say_the_effective_scaling(adapter, core, save):
    config = json.loads((save(adapter, core) / "adapter_config.json").read_text("utf-8"))
    chosen = method(adapter.method)
    assert chosen.base_scaling(config["config"]) == pytest.approx(adapter.scaling * adapter.strength, rel=1e-12)
    assert adapter.scaling == chosen.base_scaling(chosen.adapterhub_config())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "lang-sw"}, "says name lang-sw"),
        ({"method": "other"}, "says method other"),
        ({"strength": 0.4}, "says strength 0.4"),
        ({"scaling": 9.0}, "says scaling 9.0"),
    ],
)
def test_a_manifest_about_something_else_is_not_saved(
    adapter, core, changes, message, make_manifest, make_golden, tmp_path
):
    manifest = make_manifest(adapter, core, **changes)
    with pytest.raises(UsageError, match=message):
        save_adapter(tmp_path / "a", adapter, core, manifest, make_golden(adapter, core))
    assert not (tmp_path / "a").exists()


def test_what_could_not_be_loaded_is_not_saved(adapter, core, make_manifest, make_golden, save, tmp_path):
    folder = save(adapter, core, tmp_path / "a")
    before = (folder / "manifest.json").read_bytes()
    golden = make_golden(adapter, core)
    key = next(iter(adapter.tensors))
    broken = replace(adapter, tensors={**adapter.tensors, key: adapter.tensors[key] * float("nan")})
    with pytest.raises(VerificationError, match="is not finite"):
        save_adapter(folder, broken, core, make_manifest(adapter, core), golden)
    assert (folder / "manifest.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.fixture(scope="module")
def saved_once(cores, tmp_path_factory):
    """One folder that property tests change and restore; built without the function-scoped fixtures."""
    return tmp_path_factory.mktemp("once")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_changed_byte_in_any_file_is_refused(bert, make_adapter, save, saved_once, data):
    folder = saved_once / "adapter"
    if not folder.exists():
        adapter = make_adapter(bert, "seq_bn", strength=0.5)
        save(replace(adapter, centre=torch.ones(bert.hidden_size)), bert, folder)
    path = folder / data.draw(st.sampled_from(FILES))
    original = path.read_bytes()
    changed = bytearray(original)
    changed[data.draw(st.integers(0, len(original) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(changed)
    try:
        if path.name == "manifest.json" and _same_json(original, bytes(changed)):
            return  # white space of another kind
        with pytest.raises(VerificationError) as caught:
            load_adapter(folder, bert)
        assert path.name in str(caught.value)
        assert caught.value.fix
    finally:
        path.write_bytes(original)


def _same_json(first: bytes, second: bytes) -> bool:
    try:
        return bool(json.loads(first) == json.loads(second))
    except ValueError:
        return False


def test_no_folder(bert, tmp_path):
    with pytest.raises(NotFoundError):
        load_adapter(tmp_path / "nothing", bert)


def test_another_core_is_named_with_the_fix(bert, other_core, make_adapter, save):
    folder = save(make_adapter(bert, "lora"), bert)
    with pytest.raises(VerificationError) as caught:
        load_adapter(folder, other_core)
    text = str(caught.value)
    assert bert.fingerprint[:19] in text
    assert other_core.fingerprint[:19] in text
    assert "manifest.json" in text
    assert f"hubkit core fetch {bert.id}" in text
    assert "core='" in text


def test_another_tokenizer_is_refused(bert, make_adapter, save):
    folder = save(make_adapter(bert, "lora"), bert)
    with pytest.raises(VerificationError, match="was made with tokenizer"):
        load_adapter(folder, replace(bert, tokenizer_sha256="sha256:" + "0" * 64))


def _weights(change):
    def apply(folder):
        tensors = load_file(folder / "adapter.safetensors")
        save_file(change(tensors), folder / "adapter.safetensors")

    return apply


def _config(change):
    def apply(folder):
        config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
        change(config)
        (folder / "adapter_config.json").write_text(json.dumps(config), "utf-8")

    return apply


def _first(tensors, value):
    key = sorted(tensors)[0]
    return {**tensors, key: value(tensors[key])}


HOSTILE = {
    "missing": (_weights(lambda t: dict(list(t.items())[1:])), "adapter.safetensors", "lacks 1 tensors"),
    "unexpected": (_weights(lambda t: {**t, "extra": torch.ones(1)}), "adapter.safetensors", "'extra'"),
    "core weight": (
        _weights(lambda t: {**t, "embeddings.word_embeddings.weight": torch.ones(1)}),
        "adapter.safetensors",
        "embeddings",
    ),
    "misshapen": (_weights(lambda t: _first(t, lambda x: x.T.contiguous())), "adapter.safetensors", "has shape"),
    "half precision": (_weights(lambda t: _first(t, lambda x: x.half())), "adapter.safetensors", "dtype 'F16'"),
    "not finite": (_weights(lambda t: _first(t, lambda x: x * float("inf"))), "adapter.safetensors", "not finite"),
    "pickle": (
        lambda folder: torch.save({"a": torch.ones(1)}, folder / "adapter.safetensors"),
        "adapter.safetensors",
        "no safetensors file",
    ),
    "pickled golden": (
        lambda folder: torch.save({"a": torch.ones(1)}, folder / "golden.safetensors"),
        "golden.safetensors",
        "no safetensors file",
    ),
    "duplicate keys": (
        lambda folder: (folder / "adapter.safetensors").write_bytes(struct.pack("<Q", 14) + b'{"a":1,"a":2} '),
        "adapter.safetensors",
        "twice",
    ),
    "other name": (_config(lambda c: c.update(name="lang-sw")), "adapter_config.json", "lang-sw"),
    "other model type": (_config(lambda c: c.update(model_type="xlm-roberta")), "adapter_config.json", "xlm-roberta"),
    "other width": (_config(lambda c: c.update(hidden_size=64)), "adapter_config.json", "width 64"),
    "other rank": (_config(lambda c: c["config"].update(r=5, alpha=10.0)), "adapter.safetensors", "has shape"),
    "other factor": (_config(lambda c: c["config"].update(alpha=99)), "adapter_config.json", "output factor"),
    "dora": (_config(lambda c: c["config"].update(use_dora=True)), "adapter_config.json", "use_dora"),
    "extra setting": (_config(lambda c: c["config"].update(x=1)), "adapter_config.json", "unknown settings: x"),
    "extra wrapper key": (_config(lambda c: c.update(auto_map="evil.py")), "adapter_config.json", "no AdapterHub"),
    "no config": (_config(lambda c: c.update(config=None)), "adapter_config.json", "no AdapterHub"),
    "short centre": (
        lambda folder: save_file({"centre": torch.ones(3)}, folder / "centre.safetensors"),
        "centre.safetensors",
        "has shape",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_folder_with_right_hashes_is_refused(bert, case, make_adapter, save):
    adapter = replace(make_adapter(bert, "lora"), centre=torch.ones(bert.hidden_size))
    folder = save(adapter, bert)
    spoil, file, message = HOSTILE[case]
    spoil(folder)
    reseal(folder)
    with pytest.raises(VerificationError, match=message) as caught:
        load_adapter(folder, bert)
    assert file in str(caught.value)
    assert caught.value.exit_code == 3


def test_resealing_alone_is_accepted(bert, make_adapter, save):
    """Otherwise the test above would refuse everything."""
    folder = save(make_adapter(bert, "lora"), bert)
    reseal(folder)
    load_adapter(folder, bert)


def test_golden_vectors_are_checked_once(bert, make_adapter, make_golden, save):
    adapter = make_adapter(bert, "lora")
    folder = save(adapter, bert)
    vectors, calls = make_golden(adapter, bert).vectors, []

    def encode(given, sentences):
        calls.append((given.name, len(sentences)))
        return vectors

    load_adapter(folder, bert, encode)
    load_adapter(folder, bert, encode)
    assert calls == [("lang-rw", len(vectors))]
    manifest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert is_remembered(manifest, bert.fingerprint)


def test_a_golden_mismatch_is_refused_and_not_remembered(bert, make_adapter, make_golden, save):
    adapter = make_adapter(bert, "lora")
    folder = save(adapter, bert)
    vectors = make_golden(adapter, bert).vectors
    for _ in range(2):
        with pytest.raises(VerificationError, match=r"golden\.json allows"):
            load_adapter(folder, bert, lambda given, sentences: vectors + 1e-3)


def test_strength(adapter):
    assert adapter.with_strength(adapter.strength) is adapter
    changed = adapter.with_strength(0.9)
    assert changed.centre is None, "the mean was measured at another strength"
    assert changed.scaling == adapter.scaling
    assert {site.factor for site in changed.sites().values()} == {adapter.scaling * 0.9}


def test_state_that_does_not_fit_is_refused(bert, make_adapter):
    adapter = make_adapter(bert, "lora")
    short = dict(list(adapter.tensors.items())[1:])
    with pytest.raises(VerificationError, match="does not have the tensors"):
        adapter_from_state("lang-rw", "lora", adapter.config, short, bert)
    with pytest.raises(VerificationError, match="use_dora"):
        adapter_from_state("lang-rw", "lora", {**adapter.config["config"], "use_dora": True}, adapter.tensors, bert)


def test_random_adapter_is_a_control_of_the_same_size(adapter, core):
    control, again = random_adapter(adapter, core, 3), random_adapter(adapter, core, 3)
    assert control.parameters == adapter.parameters
    assert control.strength == adapter.strength
    assert control.centre is None
    for key, tensor in adapter.tensors.items():
        assert control.tensors[key].shape == tensor.shape
        assert not torch.equal(control.tensors[key], tensor)
        assert torch.equal(control.tensors[key], again.tensors[key])


def test_import_of_a_plain_adapterhub_folder(adapter, core, save, tmp_path):
    folder = save(adapter, core)
    plain = tmp_path / "plain"
    plain.mkdir()
    for name in ("adapter_config.json", "adapter.safetensors"):
        shutil.copy(folder / name, plain / name)
    with pytest.raises(VerificationError, match="import_adapterhub"):
        load_adapter(plain, core)
    found = import_adapterhub(plain, core, adapter.method)
    assert found.strength == 1.0
    assert found.scaling == pytest.approx(adapter.scaling * adapter.strength)
    assert all(torch.equal(found.tensors[key], adapter.tensors[key]) for key in adapter.tensors)
    save_file({"x": torch.ones(1)}, plain / "adapter.safetensors")
    with pytest.raises(VerificationError, match="lacks"):
        import_adapterhub(plain, core, adapter.method)


def test_manifest_lists_each_file_with_its_hash(adapter, core, save):
    folder = save(adapter, core)
    manifest, _ = read_manifest(folder)
    assert list(manifest.files) == [
        FileReference(
            path=name,
            sha256=hashlib.sha256((folder / name).read_bytes()).hexdigest(),
            size=(folder / name).stat().st_size,
        )
        for name in FILES
        if name != "manifest.json"
    ]
