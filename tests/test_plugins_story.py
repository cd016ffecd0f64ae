"""A new contributor's way: new-plugin, edit, install, add-language with it, publish, index."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hubserver import HubServer
from plugin_wheels import Environment

from hubkit.cli.main import main
from hubkit.core import Core
from hubkit.evaluation.tasks.udhr import Udhr
from hubkit.plugins import plugin_manager

pytestmark = pytest.mark.slow
pytest_plugins = ["hubserver.fixtures"]
NOUNS, VERBS = ("boat", "rain", "road", "cat", "song", "hill", "lamp"), ("sees", "likes", "leaves", "finds", "hears")
EDITED = """
        student, teacher, _ = batch.aligned()
        distance = (student - teacher).square().sum(dim=1).mean()
        return Loss(self.weight * distance, {"distance": float(distance.detach())})
"""
Run = Callable[..., str]


def lines(first: int, count: int) -> str:
    """Toy sentences: words backwards, tab, English."""
    english = [
        f"{'the' if number % 2 else 'a'} {NOUNS[number % 7]} {VERBS[number % 5]} the {NOUNS[number // 7 % 7]} {number}"
        for number in range(first, first + count)
    ]
    return "".join(f"{' '.join(word[::-1] for word in text.split())}\t{text}\n" for text in english)


@pytest.fixture
def run(own_home: Path, hub: HubServer, token: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``hubkit`` in this process, to its good end; what it prints."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        shown = capsys.readouterr()
        assert ended.value.code == 0, shown.err
        return shown.out

    return run


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Install these folders where this process finds them, with no other plugin in sight."""
    environment = Environment(tmp_path / "venv")
    monkeypatch.setenv("HUBKIT_LOAD_PLUGINS", "squares,toys")
    plugin_manager.cache_clear()

    def install(*folders: Path) -> None:
        environment.install(*folders)
        monkeypatch.syspath_prepend(str(environment.site))
        monkeypatch.setenv("HUBKIT_STRICT_PLUGINS", "1")
        plugin_manager.cache_clear()

    yield install
    plugin_manager.cache_clear()


def test_from_new_plugin_to_an_indexed_adapter(
    run: Run,
    installed: Callable[..., None],
    bert: Core,
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Udhr, "load", lambda self, language: None)
    run("new-plugin", "squares", "--kind", "objective")
    run("new-plugin", "toys", "--kind", "source")

    module = tmp_path / "hubkit-squares" / "hubkit_squares" / "__init__.py"
    before, _, _ = module.read_text("utf-8").partition("\n        student, teacher, _ = ")
    module.write_text(before + EDITED, "utf-8")
    (tmp_path / "hubkit-toys" / "hubkit_toys" / "data" / "rw.tsv").write_text(lines(0, 120), "utf-8")
    (tmp_path / "suite.tsv").write_text(lines(200, 30), "utf-8")
    installed(tmp_path / "hubkit-squares", tmp_path / "hubkit-toys")
    states = {plugin["name"]: plugin["status"] for plugin in json.loads(run("plugins", "--json"))}
    assert (states["squares"], states["toys"]) == ("ok", "ok")

    said = run(
        "add-language", "rw", "--objective", "squares", "--source", "toys", "--core", str(bert.folder),
        "--budget", "6steps", "--suite", "suite.tsv", "--strength", "1", "--no-controls", "--quiet",
    )  # fmt: skip
    assert "Installed lang-rw 0.1.0 in " in said
    folder = tmp_path / "home" / "adapters" / "lang-rw" / "0.1.0"
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["hyperparameters"]["objective"] == "squares"
    assert [row["source"] for row in manifest["training_data"]] == ["toys"]

    index = tmp_path / "clone" / "adapters_index"
    index.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", index.parent], check=True)
    run(
        "publish",
        str(folder),
        "--repo",
        "org/hubkit-lang-rw",
        "--core",
        str(bert.folder),
        "--index",
        str(index),
        "--quiet",
    )
    (path,) = index.rglob("lang-rw.jsonl")
    assert json.loads(path.read_text("utf-8"))["source"]["commit"] == hub.hub.repos["org/hubkit-lang-rw"].head.oid
    run("index", "validate", "--index", str(index), "--quiet")
