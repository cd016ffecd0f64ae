"""Change an index in the two ways that it may change: append a record, yank a version."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.durable import locked, written_file
from hubkit.errors import HubkitError, NotFoundError, UsageError, VerificationError
from hubkit.registry.index import Index
from hubkit.registry.index_checks import Outline, dependency_problems, owner_of, record_problems
from hubkit.registry.names import NameTable

if TYPE_CHECKING:
    from hubkit.registry.record import Record

MAX_RECORD_FILE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Added:
    """Where a record lies, and whether it was there already."""

    path: Path
    was_there: bool


def add_record(root: Path, record: Record) -> Added:
    """Append a record to the index in ``root``; one that is there with the same content is left alone.

    Raises :class:`HubkitError` when the version is there with other content, the name is confusable or another
    account's, a dependency cannot be met, or a plugin objects; nothing is written then.
    """
    index, path = _opened(root, record.name)
    with _writing(path):
        there = index.records(record.name)
        if _is_there(record, there, path):
            return Added(path, True)
        _check_new(index, record, there)
        _write(path, [*there, record])
    return Added(path, False)


def check_record(root: Path, record: Record) -> Added:
    """What :func:`add_record` would do, without writing."""
    index, path = _opened(root, record.name)
    there = index.records(record.name)
    if _is_there(record, there, path):
        return Added(path, True)
    _check_new(index, record, there)
    return Added(path, False)


def _opened(root: Path, name: str) -> tuple[Index, Path]:
    index = Index(Path(root).absolute(), Path(root).name)
    if not index.root.is_dir():
        raise NotFoundError(f"There is no index folder {root}.", "Create it, or correct the path.")
    return index, index.path(name)


def _writing(path: Path) -> AbstractContextManager[None]:
    """Hold the lock of a name's file; the lock lies outside the index, which holds records only."""
    from hubkit.settings import settings

    digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    return locked(settings().home / "indexes" / f"{digest}.write.lock", f"the index file {path}", wait=True)


def _is_there(record: Record, there: Sequence[Record], path: Path) -> bool:
    """Whether the version is there. Raises :class:`HubkitError` when it is, with other content."""
    from hubkit.registry.seen import content_sha256

    same = next((each for each in there if each.version == record.version), None)
    if same is not None and content_sha256(record) != content_sha256(same):
        raise HubkitError(
            f"{record.key} is in {path} already, with other content: a published version never changes.",
            "Publish the new content as another version.",
        )
    return same is not None


def _check_new(index: Index, record: Record, there: Sequence[Record]) -> None:
    if record.yanked:
        raise UsageError(f"{record.key} is yanked already.", "Add it first, then yank it.")
    owner = record.owner
    if there and owner_of(there) != owner:
        raise HubkitError(
            f"{record.name} belongs to {owner_of(there) or 'no account'}, this version comes from {owner or 'none'}.",
            "Choose another name.",
        )
    problems = list(record_problems(record))
    if not there:
        problems += _confusions(index, record.name, owner)
    below = _closure(index, record, there)
    outlines = {name: [Outline.of(each) for each in records] for name, records in below.items()}
    newest = {name: sorted(records, key=lambda each: each.parsed_version)[::-1] for name, records in below.items()}
    problems += [problem.what for problem in dependency_problems(outlines, lambda name: newest.get(name, ()))]
    if problems:
        raise HubkitError(f"{record.key} cannot be added: {'; '.join(problems)}.", "Correct the record, or its name.")


def _confusions(index: Index, name: str, owner: str) -> list[str]:
    """Names of the index that ``name`` could be taken for. Owners are read for near names only."""
    walk = index.walk()
    table = NameTable()
    for file in walk.files:
        table.add(file.name, "")
    if not table.problems(name, owner):
        return []
    table = NameTable()
    for file in walk.files:
        table.add(file.name, owner_of(index.records(file.name)))
    return table.problems(name, owner)


def _closure(index: Index, record: Record, there: Sequence[Record]) -> dict[str, list[Record]]:
    """The new record alone, with every record of the names below it."""
    found = {record.name: [record]}
    todo = [dependency.name for dependency in record.deps]
    while todo:
        name = todo.pop()
        if name == record.name:  # a circle, which shows with the versions that are there
            found[name] = [record, *there]
        elif name not in found:
            found[name] = list(index.records(name))
            todo += [dependency.name for each in found[name] for dependency in each.deps]
    return found


def yank(root: Path, name: str, version: str, reason: str) -> Path:
    """Mark a version as not to be installed any more; lock files keep it. It cannot be taken back.

    Raises :class:`NotFoundError` when there is no such version, :class:`UsageError` for an unusable reason.
    """
    index, path = _opened(root, name)
    with _writing(path):
        there = index.records(name)
        if version not in {record.version for record in there}:
            versions = ", ".join(record.version for record in there)
            raise NotFoundError(
                f"{root} has no {name} {version}.", f"It has {versions}." if versions else "Check the name."
            )
        _write(path, [_yanked(record, reason) if record.version == version else record for record in there])
    return path


def _yanked(record: Record, reason: str) -> Record:
    from pydantic import ValidationError

    from hubkit.registry.record import Record as Checked

    try:
        return Checked.model_validate({**dict(record), "yanked": reason.strip()})
    except ValidationError as error:
        message = error.errors(include_url=False)[-1]["msg"]
        raise UsageError(f"The reason cannot be recorded: {message}.", "Say in a line why not to use it.") from error


def _write(path: Path, records: Sequence[Record]) -> None:
    with written_file(path) as aside:
        aside.write_bytes(b"".join(record.line() for record in records))


def read_record_file(path: Path) -> list[Record]:
    """The records of a file: one JSON object on as many lines as it likes, or one record a line."""
    from hubkit.adapter.folder import read_file
    from hubkit.registry.record import parse_record

    if not path.exists():
        raise NotFoundError(f"There is no file {path}.", "Name a file with a record, as `hubkit publish` writes it.")
    data = read_file(path, MAX_RECORD_FILE_BYTES)
    try:
        return [parse_record(data, str(path))]
    except VerificationError as error:
        lines = [line for line in data.splitlines() if line.strip()]
        if len(lines) < 2 or not all(line.startswith(b"{") and line.endswith(b"}") for line in lines):
            raise error
    return [parse_record(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]
