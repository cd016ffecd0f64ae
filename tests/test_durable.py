"""Files whole or absent, and locks that say who holds them."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import hubkit
from hubkit import durable
from hubkit.durable import locked, sha256, write_json, write_text, written_file, written_folder
from hubkit.errors import BusyError

HOLD = """
import sys, time
from pathlib import Path
from hubkit.durable import locked
with locked(Path(sys.argv[1]), "the thing", wait=True):
    print("held", flush=True)
    sys.stdin.read(1)
"""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "file.txt"
    with written_file(target) as aside:
        assert aside.parent == target.parent
        aside.write_text("half")
        assert not target.exists()
        aside.write_text("whole")
    assert target.read_text() == "whole"
    assert names(target.parent) == {"file.txt"}
    assert target.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_file_is_not_written_when_the_block_raises(error: type[BaseException], tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    for before in (None, "before"):
        if before is not None:
            target.write_text(before)
        with pytest.raises(error), written_file(target) as aside:
            aside.write_text("half")
            raise error
        assert (target.read_text() if target.exists() else None) == before
        assert names(tmp_path) == ({"file.txt"} if before else set())


def test_a_folder_is_written_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "folder"
    with written_folder(target) as aside:
        (aside / "inner").mkdir()
        (aside / "inner" / "a").write_text("1")
        assert not target.exists()
    assert (target / "inner" / "a").read_text() == "1"
    assert names(target.parent) == {"folder"}
    assert target.stat().st_mode & 0o777 == 0o755


def test_a_folder_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").write_text("old")
    with written_folder(target) as aside:
        (aside / "new").write_text("new")
        assert names(target) == {"old"}
    assert names(target) == {"new"}
    assert names(tmp_path) == {"folder"}


def test_a_folder_stays_when_the_block_raises(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").write_text("old")
    with pytest.raises(KeyboardInterrupt), written_folder(target) as aside:
        (aside / "half").write_text("half")
        raise KeyboardInterrupt
    assert names(target) == {"old"}
    assert names(tmp_path) == {"folder"}


def test_a_folder_stays_when_the_renaming_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").write_text("old")
    replace, calls = os.replace, []

    def failing(source: Path, destination: Path) -> None:
        calls.append(destination)
        if len(calls) == 2:
            raise OSError("no space")
        replace(source, destination)

    monkeypatch.setattr(durable.os, "replace", failing)
    with pytest.raises(OSError, match="no space"), written_folder(target) as aside:
        (aside / "new").write_text("new")
    assert names(target) == {"old"}
    assert names(tmp_path) == {"folder"}


def test_text_and_json(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "ɓ\n")
    assert (tmp_path / "a.txt").read_bytes() == "ɓ\n".encode()
    write_json(tmp_path / "a.json", {"b": "ɓ", "a": [1]})
    text = (tmp_path / "a.json").read_text("utf-8")
    assert json.loads(text) == {"a": [1], "b": "ɓ"}
    assert text.index('"a"') < text.index('"b"') and "ɓ" in text and text.endswith("}\n")


def test_json_that_is_none_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", 1)
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == 1
    assert names(tmp_path) == {"a.json"}


@pytest.mark.parametrize("size", [0, 5, (1 << 20) + 1])
def test_sha256(size: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * size)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"x" * size).hexdigest()


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Start a process that holds a lock until it reads a character."""
    started: list[subprocess.Popen[str]] = []
    environment = {**os.environ, "PYTHONPATH": str(Path(hubkit.__file__).parents[1])}

    def start(lock: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(lock)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_second_process_is_told_who_holds_the_lock(
    tmp_path: Path, hold: Callable[[Path], subprocess.Popen[str]]
) -> None:
    lock = tmp_path / "deep" / ".lang-rw.training.lock"
    process = hold(lock)
    with pytest.raises(BusyError) as caught, locked(lock, "The adapter lang-rw"):
        pytest.fail("the lock was given twice")
    assert f"The adapter lang-rw is being written by process {process.pid}." in str(caught.value)
    process.communicate("x")
    with locked(lock, "The adapter lang-rw"):
        pass


def test_a_lock_of_a_killed_process_is_free(tmp_path: Path, hold: Callable[[Path], subprocess.Popen[str]]) -> None:
    lock = tmp_path / "a.lock"
    process = hold(lock)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / "a.holder").exists()
    with locked(lock, "the thing"):
        assert (tmp_path / "a.holder").read_text() == f"process {os.getpid()}"
    assert not (tmp_path / "a.holder").exists()


def test_waiting_for_a_lock(tmp_path: Path, hold: Callable[[Path], subprocess.Popen[str]]) -> None:
    lock = tmp_path / "a.lock"
    process = hold(lock)
    assert process.stdin is not None
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(.3); print('x')"], stdout=process.stdin).wait()
    process.stdin.close()
    process.stdin = None
    started = time.monotonic()
    with locked(lock, "the thing", wait=True):
        process.wait(10)
    assert time.monotonic() - started < 10


def test_a_lock_is_freed_when_the_block_raises(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    for _ in range(2):
        with pytest.raises(RuntimeError, match="boom"), locked(lock, "the thing"):
            raise RuntimeError("boom")
    assert not (tmp_path / "a.holder").exists()


def test_a_lock_without_a_known_holder(tmp_path: Path, hold: Callable[[Path], subprocess.Popen[str]]) -> None:
    lock = tmp_path / "a.lock"
    hold(lock)
    (tmp_path / "a.holder").unlink()
    with pytest.raises(BusyError, match="by another process"), locked(lock, "the thing"):
        pytest.fail("the lock was given twice")
