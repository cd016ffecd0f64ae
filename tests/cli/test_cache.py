"""``hubkit cache``: what was fetched, whether it is whole, and what may go."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hubserver import HubServer
from hubserver.artifacts import contents, record_for, write_adapter

from hubkit.registry import cache
from hubkit.registry.fetch import fetch_record
from hubkit.registry.installed import list_installed

pytest_plugins = ["hubserver.fixtures"]
Run = Callable[..., Any]
DAY = 86400


@pytest.fixture(autouse=True)
def fetched(home: Path, hub: HubServer, tmp_path: Path) -> None:
    """Two versions in the cache, the first of which is installed no more."""
    for version in ("0.1.0", "0.2.0"):
        folder = write_adapter(tmp_path / version, version=version, seed=len(version) + int(version[2]))
        commit = hub.hub.put("org/x", contents(folder))
        fetch_record(record_for(folder, "org/x", commit.oid))
    (old,) = [each.folder for each in list_installed() if each.version == "0.1.0"]
    for path in old.iterdir():
        path.unlink()
    old.rmdir()


def of_the_first() -> list[cache.Blob]:
    return [blob for blob in cache.list_blobs() if not blob.adapters]


def test_list(run: Run) -> None:
    ended = run("cache", "list")
    assert ended.code == 0
    assert ended.out.count("lang-rw==0.2.0") == 6 and "8 files" in ended.out
    rows = json.loads(run("cache", "list", "--json").out)
    assert len(rows) == 8 and {len(row["sha256"]) for row in rows} == {64}
    assert len(of_the_first()) == 2, "weights and manifest: the other files are the same"


def test_verify(run: Run) -> None:
    assert run("cache", "verify") == (0, "Every file has the hash it is named by.\n", "")
    blob = cache.list_blobs()[3]
    data = bytearray(blob.path.read_bytes())
    data[0] ^= 1
    blob.path.write_bytes(data)
    ended = run("cache", "verify")
    assert ended.code == 3 and blob.sha256[:16] in ended.out
    assert blob.path.exists()
    assert json.loads(run("cache", "verify", "--json").out)["damaged"][0]["sha256"] == blob.sha256
    assert run("cache", "verify", "--remove").code == 0
    assert not blob.path.exists()
    assert run("cache", "verify").code == 0


def test_prune_unused(run: Run) -> None:
    gone = {blob.sha256 for blob in of_the_first()}
    assert "2 files, 0.0 MB, would be removed" in run("cache", "prune", "--unused", "--dry-run").out
    assert len(cache.list_blobs()) == 8
    content = json.loads(run("cache", "prune", "--unused", "--json").out)
    assert {row["sha256"] for row in content["removed"]} == gone
    assert len(cache.list_blobs()) == 6
    assert [each.error for each in list_installed()] == [None]


def test_prune_older(run: Run) -> None:
    old = cache.list_blobs()[0]
    os.utime(old.path, (time.time() - 40 * DAY,) * 2)
    assert "0 files" in run("cache", "prune", "--older", "50").out
    assert "1 files" in run("cache", "prune", "--older", "30").out
    assert not old.path.exists() and len(cache.list_blobs()) == 7


def test_prune_what_is_both(run: Run) -> None:
    for blob in (used := [blob for blob in cache.list_blobs() if blob.adapters][:1]) + of_the_first()[:1]:
        os.utime(blob.path, (time.time() - 40 * DAY,) * 2)
    run("cache", "prune", "--older", "30", "--unused")
    assert used[0].path.exists() and len(of_the_first()) == 1


def test_prune_removes_what_was_interrupted(run: Run, tmp_path: Path) -> None:
    partial = cache.partial_path("ab" + "0" * 62)
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.write_bytes(b"half")
    abandoned = tmp_path / "home" / "cache" / "assembled" / "tmpx" / "lang-rw"
    abandoned.mkdir(parents=True)
    os.utime(abandoned.parent, (time.time() - DAY,) * 2)
    assert "interrupted" in run("cache", "list").out
    assert "1 files" in run("cache", "prune").out
    assert not partial.exists() and not abandoned.exists() and len(cache.list_blobs()) == 8


def test_what_is_in_use_stays(run: Run) -> None:
    (first, *_) = of_the_first()
    with cache.blob_lock(first.sha256):
        run("cache", "prune", "--unused")
    assert first.path.exists()


def test_an_empty_cache(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_HOME", str(tmp_path / "nothing"))
    for arguments in (["list"], ["verify"], ["prune", "--unused"]):
        assert run("cache", *arguments).code == 0
