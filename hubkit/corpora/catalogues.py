"""Compiled gettext catalogues (.mo) in memory; format: GNU gettext manual, section "The Format of GNU MO Files"."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_LITTLE, _BIG = b"\xde\x12\x04\x95", b"\x95\x04\x12\xde"


def messages(content: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield ``(context, English, translation)``; of a plural message its last English and last translated form.

    Raises ValueError when ``content`` is no .mo file; entries that are not UTF-8 are skipped.
    """
    order = {_LITTLE: "<", _BIG: ">"}.get(content[:4])
    if order is None:
        raise ValueError("it is no compiled gettext catalogue")
    try:
        count, originals, translations = struct.unpack_from(f"{order}4x4xIII", content)[:3]
        for number in range(count):
            original = _entry(content, order, originals + 8 * number)
            translation = _entry(content, order, translations + 8 * number)
            if original and translation:
                context, mark, english = original.rpartition("\x04")
                yield context if mark else "", english.split("\0")[-1], translation.split("\0")[-1]
    except struct.error as error:
        raise ValueError(f"it is cut off: {error}") from error


def _entry(content: bytes, order: str, at: int) -> str:
    length, start = struct.unpack_from(f"{order}II", content, at)
    if start + length > len(content):
        raise ValueError("it is cut off")
    try:
        return content[start : start + length].decode("utf-8")
    except UnicodeDecodeError:
        return ""
