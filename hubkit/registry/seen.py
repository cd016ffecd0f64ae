"""What this machine has seen of an index, so that one that goes back is noticed.

An index only grows: a version that was there stays, with the same content, and one that was yanked stays yanked. A
rolled-back copy would offer versions that were withdrawn; like a client of The Update Framework
(https://theupdateframework.io) hubkit refuses it. The index that comes with hubkit follows hubkit's version and is not
remembered.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.durable import locked, write_json
from hubkit.errors import VerificationError
from hubkit.settings import settings

if TYPE_CHECKING:
    from hubkit.registry.index import Index
    from hubkit.registry.record import Record


def content_sha256(record: Record) -> str:
    """Hex sha256 of a record's line without ``yanked``, the one field that may change."""
    return hashlib.sha256(record.model_copy(update={"yanked": False}).line()).hexdigest()


def memory_path(index: Index) -> Path:
    """The file that remembers an index, by the path of its folder."""
    return settings().home / "indexes" / f"{hashlib.sha256(str(index.root).encode()).hexdigest()[:16]}.json"


def check_seen(index: Index, name: str, records: Sequence[Record]) -> None:
    """Raise :class:`VerificationError` when ``records`` lack, change or un-yank a version that was seen."""
    remembered = _read(index).get(name)
    if not remembered:
        return
    present = {record.version: record for record in records}
    for version, seen in remembered.items():
        record = present.get(version)
        if record is None:
            raise _gone_back(index, f"{name} {version} was in it and is not any more")
        if content_sha256(record) != seen["sha256"]:
            raise _gone_back(index, f"the record of {name} {version} was another one")
        if seen["yanked"] and not record.yanked:
            raise _gone_back(index, f"{name} {version} was yanked in it and is not any more")


def remember(index: Index, records: Mapping[str, Sequence[Record]]) -> None:
    """Remember the versions of these names; does nothing when they are known."""
    if index.is_shipped:
        return
    state = {
        name: {
            record.version: {"sha256": content_sha256(record), "yanked": bool(record.yanked)}
            for record in sorted(versions, key=lambda record: record.parsed_version)
        }
        for name, versions in records.items()
    }
    if state.items() <= _read(index).items():
        return
    path = memory_path(index)
    with locked(path.with_suffix(".lock"), "what was seen of an index", wait=True):
        write_json(path, {"index": str(index.root), "names": {**_read(index), **state}})


def _read(index: Index) -> dict[str, Any]:
    path = memory_path(index)
    if index.is_shipped or not path.is_file():
        return {}
    try:
        names: dict[str, Any] = json.loads(path.read_bytes())["names"]
        return names
    except (ValueError, KeyError, TypeError) as error:
        raise VerificationError(
            f"{path}, which remembers the index {index.root}, cannot be read: {error}.",
            "Restore it, or remove it to trust the index as it is now.",
        ) from error


def _gone_back(index: Index, what: str) -> VerificationError:
    return VerificationError(
        f"The index {index.root} has gone back or was rewritten: {what}.",
        f"Update the index. If it is meant to be so, remove {memory_path(index)}.",
    )
