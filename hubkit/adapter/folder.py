"""An adapter's folder as bytes: each file is read once, and what was hashed is what is used."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hubkit.adapter.manifest import FileReference, Manifest, parse_manifest, required_files
from hubkit.errors import NotFoundError, VerificationError

MANIFEST_FILE = "manifest.json"
MAX_MANIFEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class VerifiedFolder:
    """The bytes of every file that the manifest lists, each of the stated size and hash."""

    path: Path
    manifest: Manifest
    manifest_bytes: bytes
    files: Mapping[str, bytes]

    @property
    def manifest_sha256(self) -> str:
        """Hex sha256 of ``manifest.json``; with the hashes inside, it identifies the whole adapter."""
        return hashlib.sha256(self.manifest_bytes).hexdigest()


def read_file(path: Path, limit: int) -> bytes:
    """Read a regular file of at most ``limit`` bytes. Raises :class:`VerificationError` for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise VerificationError(
            f"{path} cannot be read: it is missing, a link or locked ({error.strerror}).", "Fetch the adapter again."
        ) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise VerificationError(f"{path} is no regular file.", "Fetch the adapter again.")
        if status.st_size > limit:
            raise VerificationError(
                f"{path} has {status.st_size} bytes, at most {limit} were expected.", "Fetch the adapter again."
            )
        with os.fdopen(descriptor, "rb", closefd=False) as handle:
            return handle.read(limit + 1)
    finally:
        os.close(descriptor)


def read_manifest(folder: Path) -> tuple[Manifest, bytes]:
    """The manifest of an adapter folder and its bytes; no other file is read.

    Raises :class:`NotFoundError` when there is no such folder, :class:`VerificationError` when it is no valid adapter.
    """
    if not folder.is_dir():
        raise NotFoundError(f"There is no adapter folder {folder}.", "Check the path.")
    path = folder / MANIFEST_FILE
    if not path.is_symlink() and not path.exists():
        raise VerificationError(
            f"{folder} is no hubkit adapter: it has no {MANIFEST_FILE}.",
            "Save it with hubkit, or bring an AdapterHub folder in with import_adapterhub().",
        )
    data = read_file(path, MAX_MANIFEST_BYTES)
    manifest = parse_manifest(data, str(path))
    if missing := sorted(required_files(manifest.kind) - {file.path for file in manifest.files}):
        raise VerificationError(f"{path} does not list {', '.join(missing)}.", "Fetch the adapter again.")
    return manifest, data


def read_verified(folder: Path) -> VerifiedFolder:
    """Read every file of an adapter folder and check it against the manifest.

    Raises :class:`VerificationError` for a file that is missing, not listed, a link, or of another size or hash.
    """
    manifest, manifest_bytes = read_manifest(folder)
    listed = {file.path for file in manifest.files}
    if unlisted := sorted({entry.name for entry in os.scandir(folder)} - listed - {MANIFEST_FILE}):
        raise VerificationError(
            f"{folder / unlisted[0]} is not listed in {MANIFEST_FILE}.", "Remove it, or fetch the adapter again."
        )
    files = {file.path: _read_listed(folder / file.path, file) for file in manifest.files}
    return VerifiedFolder(folder, manifest, manifest_bytes, files)


def _read_listed(path: Path, expected: FileReference) -> bytes:
    data = read_file(path, expected.size)
    found = hashlib.sha256(data).hexdigest()
    if len(data) != expected.size or found != expected.sha256:
        raise VerificationError(
            f"{path} has {len(data)} bytes and sha256 {found}, {MANIFEST_FILE} says {expected.size} bytes and "
            f"{expected.sha256}.",
            "Fetch the adapter again.",
        )
    return data
