"""JSON as an adapter may hold it: UTF-8, each key once, only numbers that JSON has."""

from __future__ import annotations

import json
from typing import Any

from hubkit.errors import VerificationError


def parse_json(data: bytes, where: str) -> Any:
    """Parse UTF-8 JSON, refusing duplicate keys and numbers that JSON does not have.

    Raises :class:`VerificationError` that names ``where``.
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
        if b"\\u" in data:  # halves of surrogate pairs, which only an escape can give
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise VerificationError(f"{where} is not valid JSON: {error}.", "Fetch the adapter again.") from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
