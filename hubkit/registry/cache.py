"""Fetched files by their hash: ``<cache>/blobs/sha256/ab/abcd…``, shared by processes and checked at every use."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import filelock

from hubkit.adapter.folder import MANIFEST_FILE
from hubkit.durable import sha256
from hubkit.registry.installed import list_installed
from hubkit.settings import settings

PARTIAL = ".part"
_ABANDONED = 3600.0  # seconds after which a folder that was being put together is nobody's


@dataclass(frozen=True, slots=True)
class Blob:
    """A file in the cache. ``used``: seconds since the epoch; ``partial``: an interrupted download."""

    sha256: str
    size: int
    used: float
    partial: bool
    path: Path
    adapters: tuple[str, ...] = ()  # installed versions that have this file: "lang-rw==0.1.0"


def blobs_folder() -> Path:
    return settings().cache / "blobs" / "sha256"


def blob_path(digest: str) -> Path:
    """Where the content with this hex sha256 lies, if it is there."""
    return blobs_folder() / digest[:2] / digest


def partial_path(digest: str) -> Path:
    """Where a download of this content is gathered."""
    return blob_path(digest).with_name(digest + PARTIAL)


@contextmanager
def blob_lock(digest: str, wait: bool = True) -> Iterator[None]:
    """Hold the lock on this content (and others with the same first two digits).

    Raises :class:`filelock.Timeout` when it is held by another and ``wait`` is false.
    """
    path = blob_path(digest).with_name(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path, timeout=-1 if wait else 0):
        yield


def is_intact(path: Path, digest: str, size: int) -> bool:
    """Whether ``path`` is a regular file of this size and hash. Reads all of it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    try:
        status, found = os.fstat(descriptor), hashlib.sha256()
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            return False
        while block := os.read(descriptor, 1 << 20):
            found.update(block)
        return found.hexdigest() == digest
    finally:
        os.close(descriptor)


def keep(digest: str, size: int) -> bool:
    """Make a complete download a blob if it has this hash, else remove it; return which. Needs the lock."""
    partial = partial_path(digest)
    if is_intact(partial, digest, size):
        os.replace(partial, blob_path(digest))
        return True
    partial.unlink(missing_ok=True)
    return False


def place(digest: str, target: Path) -> None:
    """Give the content, which is there, a second name; copy it where the file system has no hard links."""
    path = blob_path(digest)
    os.utime(path)
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)


@contextmanager
def assembly(name: str) -> Iterator[Path]:
    """An empty folder called ``name`` on the cache's file system; it is removed at the end."""
    root = settings().cache / "assembled"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as parent:
        folder = Path(parent) / name
        folder.mkdir()
        yield folder


def list_blobs() -> list[Blob]:
    """Everything in the cache by hash, with the installed adapters that have it."""
    users = _users()
    found = []
    for path in sorted(blobs_folder().glob("[0-9a-f][0-9a-f]/[0-9a-f]*")):
        with suppress(FileNotFoundError):  # another process may be pruning
            status = path.lstat()
            digest = path.name.removesuffix(PARTIAL)
            adapters = tuple(users.get(digest, ()))
            found.append(Blob(digest, status.st_size, status.st_mtime, path.name != digest, path, adapters))
    return found


def _users() -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for installed in list_installed():
        if installed.manifest is not None:
            digests = [file.sha256 for file in installed.manifest.files]
            for digest in [*digests, sha256(installed.folder / MANIFEST_FILE)]:
                users.setdefault(digest, []).append(f"{installed.name}=={installed.version}")
    return users


def damaged_blobs() -> list[Blob]:
    """Complete blobs whose content is not what their name says. Reads every byte."""
    return [blob for blob in list_blobs() if not blob.partial and not is_intact(blob.path, blob.sha256, blob.size)]


def prune(older: float | None = None, unused: bool = False, dry_run: bool = False) -> list[Blob]:
    """Remove interrupted downloads and, if asked, blobs; return what was (or would be) removed.

    ``older``: blobs not used for so many seconds; ``unused``: blobs of no installed adapter; both: blobs that are both.
    What another process is using right now stays.
    """
    limit = None if older is None else time.time() - older
    chosen = [blob for blob in list_blobs() if blob.partial or _is_chosen(blob, limit, unused)]
    if dry_run:
        return chosen
    _remove_abandoned()
    return remove(chosen)


def _is_chosen(blob: Blob, limit: float | None, unused: bool) -> bool:
    if limit is None and not unused:
        return False
    return (limit is None or blob.used < limit) and not (unused and blob.adapters)


def remove(blobs: list[Blob]) -> list[Blob]:
    """Remove these from the cache; return those that are gone. One that is in use stays."""
    gone = []
    for blob in blobs:
        with suppress(filelock.Timeout), blob_lock(blob.sha256, wait=False):
            blob.path.unlink(missing_ok=True)
            gone.append(blob)
    return gone


def _remove_abandoned() -> None:
    """Folders that a killed process was putting together."""
    for folder in (settings().cache / "assembled").glob("*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)
