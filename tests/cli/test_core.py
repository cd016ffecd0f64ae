"""``hubkit core``, on a folder that has a core's files and no network in it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubkit.core.checkpoint import catalogue

Run = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A foreign core: config, one tensor, a tokenizer."""
    folder = tmp_path / "my-encoder"
    folder.mkdir()
    config = {"model_type": "bert", "hidden_size": 2, "num_hidden_layers": 3, "vocab_size": 7}
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 128}))
    header = json.dumps({"weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + struct.pack("<f", 1.5))
    (folder / "tokenizer.json").write_text("{}")
    return folder


def test_list(run: Run) -> None:
    (row,) = [row for row in json.loads(run("core", "list", "--json").out) if row["id"] == "e5-small"]
    assert row == {
        "id": "e5-small",
        "name": catalogue()["e5-small"]["name"],
        "license": "MIT",
        "fetched": False,
        "fingerprint": catalogue()["e5-small"]["fingerprint"],
    }
    assert "e5-small  multilingual-e5-small  MIT  not fetched  sha256:" in run("core", "list").out


def test_info_of_a_folder(folder: Path, run: Run) -> None:
    facts = json.loads(run("core", "info", str(folder), "--json").out)
    expected = {
        "id": "my-encoder", "folder": str(folder), "model_type": "bert", "hidden_size": 2, "layers": 3,
        "vocabulary": 7, "pooling": "mean", "prefix": "", "max_tokens": 128,
    }  # fmt: skip
    assert facts.items() >= expected.items()
    assert facts["fingerprint"].startswith("sha256:")
    lines = run("core", "info", str(folder)).out.splitlines()
    assert f"fingerprint       {facts['fingerprint']}" in lines
    assert "prefix            ''" in lines


def test_declared_pooling(folder: Path, run: Run) -> None:
    before = run("core", "fingerprint", str(folder)).out
    (folder / "hubkit_core.json").write_text(json.dumps({"pooling": "cls", "prefix": "q: ", "max_tokens": 64}))
    facts = json.loads(run("core", "info", str(folder), "--json").out)
    assert (facts["pooling"], facts["prefix"], facts["max_tokens"]) == ("cls", "q: ", 64)
    assert run("core", "fingerprint", str(folder)).out != before
    (folder / "hubkit_core.json").write_text(json.dumps({"poling": "cls"}))
    assert run("core", "info", str(folder)).code == 2


def test_fingerprint_reads_every_byte_again(folder: Path, run: Run) -> None:
    first = run("core", "fingerprint", str(folder))
    assert first.code == 0
    assert json.loads(run("core", "info", str(folder), "--json").out)["fingerprint"] == first.out.strip()
    weights = folder / "model.safetensors"
    times = weights.stat().st_atime_ns, weights.stat().st_mtime_ns
    weights.write_bytes(weights.read_bytes()[:-4] + struct.pack("<f", 2.5))
    import os

    os.utime(weights, ns=times)  # same size and time, as after a silent corruption
    assert run("core", "fingerprint", str(folder)).out != first.out


@pytest.mark.parametrize("command", ["info", "fetch", "fingerprint"])
def test_an_unknown_core(command: str, run: Run) -> None:
    ended = run("core", command, "e6-huge")
    assert ended.code == 4
    assert "'e6-huge'" in ended.err and "e5-small" in ended.err


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_a_folder_that_lacks_a_file_is_refused(file: str, folder: Path, run: Run) -> None:
    (folder / file).unlink()
    ended = run("core", "info", str(folder))
    assert ended.code == 3
    assert str(folder) in ended.err
