"""The bytes of a dictionary's file: plain, gzip, or dictzip (gzip with an index of its blocks in the header)."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

from hubkit.errors import NotFoundError

from hubkit_lexicon.dictionary import bad_file

LARGEST = 256 * 1024 * 1024  # bytes, unpacked; the largest dictionary of FreeDict has 50 MB
_GZIP = b"\x1f\x8b"


def read_file(path: Path) -> bytes:
    """The content of a file, unpacked. Raises :class:`UsageError` for what is damaged, too large or unreadable."""
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.", "A dictionary's files belong together: copy all of them.")
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise bad_file(str(path), f"cannot be read: {error}", "Check who may read it.") from error
    return unpacked(packed, str(path))


def unpacked(packed: bytes, where: str) -> bytes:
    """``packed`` as it is, or what gzip makes of it when it begins as gzip does."""
    if not packed.startswith(_GZIP):
        if len(packed) > LARGEST:
            raise bad_file(where, f"has more than {LARGEST} bytes", "Is it a dictionary?")
        return packed
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            content = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise bad_file(where, f"is damaged: {error}") from error
    if len(content) > LARGEST:
        raise bad_file(where, f"has more than {LARGEST} bytes when it is unpacked", "Is it a dictionary?")
    return content


def text_of(content: bytes, where: str) -> str:
    """``content`` as UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise bad_file(where, f"is not UTF-8: {error}", "Convert it to UTF-8.") from error
