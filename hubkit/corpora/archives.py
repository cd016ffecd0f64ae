"""Read package archives (.deb, .tgz, .whl) in one pass and in memory: nothing is unpacked onto the disk."""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from hubkit.corpora.source import SourceUnavailable
from hubkit.errors import VerificationError

LARGEST_MEMBER = 64 * 1024 * 1024  # bytes; the largest message file of any package we read is 3 MB
BROKEN = (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, ValueError)

Wanted = Callable[[str], bool]


def members(archive: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    """Yield ``(name, content)`` of the regular files of ``archive`` whose name is ``wanted``, in archive order.

    Raises :class:`VerificationError` for a damaged archive and for wanted names that lead out of it.
    """
    reader = {".deb": _deb, ".tgz": _tar, ".gz": _tar, ".whl": _zip, ".zip": _zip}[archive.suffix]
    try:
        yield from reader(archive, wanted)
    except BROKEN as error:
        raise VerificationError(
            f"{archive} cannot be read: {error}.", f"Remove {archive.parent} and run the command again."
        ) from error


def _checked(name: str, size: int) -> str:
    plain = name.removeprefix("./")
    path = PurePosixPath(plain)
    if path.is_absolute() or ".." in path.parts or "\\" in plain or "\0" in plain:
        raise ValueError(f"the member {name!r} leads out of the archive")
    if size > LARGEST_MEMBER:
        raise ValueError(f"the member {name!r} has {size} bytes, more than {LARGEST_MEMBER}")
    return plain


def _tar_members(tar: tarfile.TarFile, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    for member in tar:
        if member.isreg() and wanted(member.name):
            name = _checked(member.name, member.size)
            handle = tar.extractfile(member)
            if handle is not None:
                yield name, handle.read()


def _tar(archive: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive, "r|*") as tar:
        yield from _tar_members(tar, wanted)


def _zip(archive: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as package:
        for info in package.infolist():
            if not info.is_dir() and wanted(info.filename):
                yield _checked(info.filename, info.file_size), package.read(info)


def _deb(archive: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise SourceUnavailable(
            f"{archive.name} cannot be read: dpkg-deb is not installed.", "Install dpkg, or pass your text with --data."
        ) from error
    stream: IO[bytes] | None = process.stdout
    assert stream is not None
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 20) as tar:
            yield from _tar_members(tar, wanted)
        while stream.read(1 << 20):
            pass
        if process.wait():
            raise ValueError("dpkg-deb finds it damaged")
    finally:
        stream.close()
        process.kill()
        process.wait()
