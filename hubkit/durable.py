"""Files that are either whole or absent: write aside, fsync, rename; and locks that say who holds them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock

from hubkit.errors import BusyError


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def written_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success fsync it and rename it into place, on failure remove it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    aside = Path(name)
    try:
        yield aside
        _sync(aside)
        aside.chmod(0o644)
        os.replace(aside, path)
        _sync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def written_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path``; on success it replaces ``path``, on failure ``path`` stays as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    retired = aside.with_name(aside.name + ".old")
    try:
        yield aside
        for file in aside.rglob("*"):
            if file.is_file():
                _sync(file)
        aside.chmod(0o755)
        if path.exists():
            os.replace(path, retired)
        os.replace(aside, path)
        _sync(path.parent)
    finally:
        if retired.exists() and not path.exists():
            os.replace(retired, path)
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(retired, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with written_file(path) as aside:
        aside.write_text(text, "utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n")


def sha256(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as handle:
        digest = hashlib.sha256()
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def locked(path: Path, what: str, wait: bool = False) -> Iterator[None]:
    """Hold the lock file ``path`` while writing ``what``; raise :class:`BusyError` naming the holder if it is taken.

    With ``wait`` the call waits for the other process instead.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path, timeout=-1 if wait else 0)
    holder = path.with_suffix(".holder")
    try:
        lock.acquire()
    except filelock.Timeout as error:
        who = holder.read_text("utf-8").strip() if holder.exists() else "another process"
        raise BusyError(f"{what} is being written by {who}.", "Wait for it to finish, or stop that process.") from error
    try:
        holder.write_text(f"process {os.getpid()}", "utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()
