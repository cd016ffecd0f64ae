"""``hubkit publish``: on a real adapter of a tiny core, into an index in git."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hubserver import Fault, HubServer
from hubserver.artifacts import CARD, write_adapter

from hubkit.adapter.store import save_adapter
from hubkit.core import Core

pytest_plugins = ["hubserver.fixtures"]
Run = Callable[..., Any]
REPO = "org/hubkit-lang-rw"


@pytest.fixture(autouse=True)
def server(home: Path, hub: HubServer, token: str, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    monkeypatch.setattr("hubkit.registry.hub.BACKOFF", (0.01,))
    return hub


@pytest.fixture
def made(bert: Core, make_adapter: Any, make_manifest: Any, make_golden: Any, tmp_path: Path) -> Callable[..., Path]:
    """A whole adapter's folder; the version depends on the seed only in its bytes."""

    def make(version: str = "0.1.0", seed: int = 0, card: str = CARD) -> Path:
        adapter = make_adapter(bert, "lora", seed=seed)
        folder = tmp_path / "made" / f"{version}-{seed}"
        manifest = make_manifest(adapter, bert, version=version)
        save_adapter(folder, adapter, bert, manifest, make_golden(adapter, bert), None, card)
        return folder

    return make


@pytest.fixture
def index(tmp_path: Path) -> Path:
    root = tmp_path / "clone" / "adapters_index"
    root.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", root.parent], check=True)
    return root


def test_publish_and_index(made: Any, run: Run, bert: Core, index: Path, server: HubServer) -> None:
    folder = made()
    arguments = ["publish", str(folder), "--repo", REPO, "--core", str(bert.folder), "--index", str(index)]
    ended = run(*arguments)
    assert ended.code == 0, ended.err
    head = server.hub.repos[REPO].head
    assert f"lang-rw 0.1.0 is published: {REPO}@{head.oid}" in ended.out
    (path,) = index.rglob("*.jsonl")
    assert f"Its record was added to {path}" in ended.out
    assert json.loads(path.read_text())["source"] == {"repo_id": REPO, "commit": head.oid}
    assert "read back 6 files" in ended.err and "tagged v0.1.0" in ended.err
    again = run(*arguments)
    assert again.code == 0
    assert "is published already" in again.out and "is there already, in" in again.out
    assert len(path.read_text().splitlines()) == 1


def test_without_an_index_the_record_is_kept(made: Any, run: Run, bert: Core) -> None:
    ended = run("publish", str(made()), "--repo", REPO, "--core", str(bert.folder), "--json", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    content = json.loads(ended.out)
    assert content["steps"][0] == f"created {REPO}" and content["tag"] == "v0.1.0"
    assert json.loads(Path(content["record_path"]).read_text()) == content["record"]


def test_dry_run(made: Any, run: Run, bert: Core, server: HubServer, index: Path) -> None:
    arguments = ["publish", str(made()), "--repo", REPO, "--core", str(bert.folder), "--index", str(index), "--dry-run"]
    ended = run(*arguments)
    assert ended.code == 0, ended.err
    assert f"would create {REPO}" in ended.out and "adapter.safetensors" in ended.out
    assert server.hub.repos == {} and not list(index.rglob("*.jsonl"))
    assert json.loads(run(*arguments, "--json").out)["create"] is True


def test_it_is_loaded_strictly_first(made: Any, run: Run, other_core: Core, server: HubServer) -> None:
    ended = run("publish", str(made()), "--repo", REPO, "--core", str(other_core.folder))
    assert ended.code == 3
    assert "was made for core" in ended.err
    assert server.seen == []


def test_an_unknown_core_must_be_named(made: Any, run: Run, server: HubServer) -> None:
    ended = run("publish", str(made()), "--repo", REPO)
    assert ended.code == 2
    assert "--core FOLDER" in ended.err and server.seen == []


def test_a_name_that_the_index_refuses_is_not_uploaded(
    made: Any, run: Run, bert: Core, index: Path, server: HubServer
) -> None:
    first = ["--core", str(bert.folder), "--index", str(index)]
    assert run("publish", str(made()), "--repo", "ann/lang-rw", *first).code == 0
    server.seen.clear()
    ended = run("publish", str(made("0.2.0")), "--repo", REPO, *first)
    assert ended.code == 1
    assert "belongs to ann" in ended.err and server.seen == []
    ended = run("publish", str(made("0.1.0")), "--repo", REPO, *first)
    assert ended.code == 1
    assert "already, from ann/lang-rw" in ended.err and server.seen == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["no/such/folder", "--repo", REPO], 4, "There is no adapter folder"),
        (["{folder}", "--repo", "nonsense"], 2, "is no repository"),
        (["{folder}"], 2, "Missing option '--repo'"),
        (["{folder}", "--repo", REPO, "--sign", "missing.pem"], 2, "does not exist"),
        (["{folder}", "--repo", REPO, "--index", "no/index"], 4, "There is no index folder"),
    ],
)
def test_bad_requests(
    arguments: list[str], code: int, says: str, made: Any, run: Run, bert: Core, server: HubServer
) -> None:
    given = [text.format(folder=made()) for text in arguments]
    ended = run("publish", *given, "--core", str(bert.folder))
    assert ended.code == code and says in ended.err
    assert server.seen == []


def test_refusals_have_their_exit_codes(
    made: Any, run: Run, bert: Core, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def publish(folder: Path) -> Any:
        return run("publish", str(folder), "--repo", REPO, "--core", str(bert.folder), "--quiet")

    assert publish(made(card="# No metadata\n")).code == 3
    server.fail(Fault("status", ".*", times=99, status=503))
    ended = publish(made())
    assert ended.code == 1 and "goes on where it stopped" in ended.err
    server.faults.clear()
    assert publish(made()).code == 0
    ended = publish(made(seed=3))
    assert ended.code == 1 and "give the adapter a new version" in ended.err
    monkeypatch.setenv("HF_TOKEN", "hf_wrongtoken")
    for debug in ((), ("--debug",)):
        ended = _caught(run, *debug, "publish", str(made("0.3.0")), "--repo", REPO, "--core", str(bert.folder))
        assert "401" in ended and "hf_wrongtoken" not in ended
    monkeypatch.delenv("HF_TOKEN")
    ended = publish(made("0.3.0"))
    assert ended.code == 1 and "hf auth login" in ended.err


def _caught(run: Run, *arguments: str) -> str:
    """All that a run shows, its traceback with --debug included."""
    import traceback

    try:
        ended = run(*arguments)
    except Exception as error:
        return "".join(traceback.format_exception(error))
    return str(ended.out + ended.err)


def test_a_broken_folder(run: Run, tmp_path: Path, server: HubServer, bert: Core) -> None:
    """Files that agree with their manifest and are no adapter all the same."""
    folder = write_adapter(tmp_path / "fake")
    ended = run("publish", str(folder), "--repo", REPO, "--core", str(bert.folder))
    assert ended.code == 3 and server.seen == []
