"""The whole story between two homes: one trains and publishes, the other finds, locks, installs and loads offline."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hubserver import HubServer

import hubkit
from hubkit.adapter.golden import parse_golden
from hubkit.cli.main import main
from hubkit.core import Core
from hubkit.training.recipe import Recipe
from hubkit.workflows.add_language import Request, add_language

pytest_plugins = ["hubserver.fixtures"]
RECIPE = Recipe(method="seq_bn", hyperparameters={"reduction_factor": 4}, batch_size=8)
Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``hubkit`` to its good end; what it prints."""

    def run(*arguments: object, code: int = 0) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        assert ended.value.code == code, shown.err
        return shown.out

    return run


def golden_of(folder: Path, core: Core) -> tuple[tuple[str, ...], np.ndarray]:
    sentences, vectors = (folder / "golden.json").read_bytes(), (folder / "golden.safetensors").read_bytes()
    golden = parse_golden(sentences, vectors, core.hidden_size, folder)
    return golden.sentences, golden.vectors.numpy()


def test_the_whole_story(
    run: Run, bert: Core, hub: HubServer, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, core, lock = tmp_path / "index", str(bert.folder), tmp_path / "hubkit.lock"
    index.mkdir()
    monkeypatch.setenv("HUBKIT_INDEX", str(index))

    def train_and_publish(seed: int) -> Path:
        monkeypatch.setenv("HUBKIT_HOME", str(tmp_path / "a"))
        made = add_language(Request(language="rw", budget="6steps", core=core, recipe=RECIPE, seed=seed))
        folder = made.installed.folder
        run("publish", folder, "--repo", "org/hubkit-lang-rw", "--core", core, "--index", index, "--quiet")
        return folder

    first = train_and_publish(0)
    monkeypatch.delenv("HF_TOKEN")

    monkeypatch.setenv("HUBKIT_HOME", str(tmp_path / "b"))
    (hit,) = json.loads(run("search", "kinyarwanda", "--json"))
    assert (hit["name"], hit["version"]) == ("lang-rw", "0.1.0")
    run("lock", "rw", "--core", core, "-o", lock, "--quiet")
    locked = lock.read_bytes()
    run("install", "--lock", lock, "--quiet")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    sentences, vectors = golden_of(first, bert)
    theirs = hubkit.load("lang-rw", core=core, locked=lock).encode(sentences)
    np.testing.assert_allclose(theirs, vectors, atol=1e-4)

    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_TOKEN", token)
    second = train_and_publish(1)
    assert second.name == "0.1.1"
    run("index", "yank", "lang-rw==0.1.0", "--reason", "trained on too little", "--index", index)

    monkeypatch.setenv("HUBKIT_HOME", str(tmp_path / "b"))
    run("lock", "rw", "--core", core, "-o", lock, "--locked", "--quiet")
    assert lock.read_bytes() == locked
    np.testing.assert_array_equal(hubkit.load("lang-rw", core=core, locked=lock).encode(sentences), theirs)
    run("update", "--lock", lock, "--quiet")
    assert json.loads(lock.read_bytes())["adapters"][0]["version"] == "0.1.1"
    sentences, vectors = golden_of(second, bert)
    np.testing.assert_allclose(hubkit.load("lang-rw", core=core, locked=lock).encode(sentences), vectors, atol=1e-4)
