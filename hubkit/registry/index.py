"""Indexes: folders of records, ``<2 letters>/<2 letters>/<name>.jsonl``, one line a version, lines only appended.

Looked at in order: the folders of ``HUBKIT_INDEX``, the index that comes with hubkit, then those of plugins. The first
that has a name owns it: a later index cannot add versions to it (dependency confusion).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubkit.errors import HubkitError, NotFoundError, UsageError, VerificationError
from hubkit.isolation import told
from hubkit.registry.names import is_record_name, shard
from hubkit.settings import settings

if TYPE_CHECKING:
    from hubkit.registry.record import Record

ENDING = ".jsonl"
SHIPPED = "hubkit"
DOCUMENTS = frozenset({"README.md", "LICENSE", "schema.json"})  # beside the shards, and hidden ones such as .git
MAX_INDEX_FILE_BYTES = 16 << 20
_SCHEMES = {"http", "https", "git", "ssh", "file", "hf"}


class Seen(NamedTuple):
    """A file or folder of an index, and what tells whether it changed."""

    path: str
    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, path: str, state: os.stat_result) -> Seen:
        return cls(path, state.st_size, state.st_mtime_ns, state.st_ino)

    @property
    def name(self) -> str:
        """The name whose records the file holds."""
        return os.path.basename(self.path)[: -len(ENDING)]


@dataclass(frozen=True, slots=True)
class Walk:
    """What lies in an index: its files and folders by path, and what does not belong there."""

    files: list[Seen]
    folders: list[Seen]
    strangers: list[str]


@dataclass(frozen=True)
class Index:
    """One folder of records. ``versions`` remembers what it read until the file changes."""

    root: Path
    label: str
    _read: dict[str, tuple[tuple[int, int, int], tuple[Record, ...]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def path(self, name: str) -> Path:
        """Where the records of ``name`` lie, whether there are any or not."""
        return self.root.joinpath(*shard(name), f"{name}{ENDING}")

    @property
    def is_shipped(self) -> bool:
        """Whether it is the one that comes with hubkit."""
        return self.root == shipped_root()

    def has(self, name: str) -> bool:
        return is_record_name(name) and os.path.lexists(self.path(name))

    def walk(self) -> Walk:
        """Every file of the index, sorted by path; links are strangers and not followed."""
        return _walk(self.root)

    def versions(self, name: str) -> tuple[Record, ...]:
        """The records of ``name``, newest first; () when there are none.

        Raises :class:`VerificationError` for a file that is not as an index's should be.
        """
        return tuple(sorted(self.records(name), key=lambda record: record.parsed_version, reverse=True))

    def records(self, name: str) -> tuple[Record, ...]:
        """The records of ``name`` in the order of the file."""
        if not self.has(name):
            return ()
        path = self.path(name)
        state = path.lstat()
        signature = (state.st_size, state.st_mtime_ns, state.st_ino)
        if (known := self._read.get(name)) is None or known[0] != signature:
            known = self._read[name] = (signature, read_records(path, name, self.root))
        return known[1]


@dataclass(frozen=True, slots=True)
class Indexes:
    """Several indexes in order. ``warnings`` says which of them could not be used."""

    members: tuple[Index, ...]
    warnings: tuple[str, ...] = ()

    def owner(self, name: str) -> Index | None:
        """The first index that has the name."""
        return next((index for index in self.members if index.has(name)), None)

    def versions(self, name: str) -> tuple[Record, ...]:
        """The records of ``name`` in the index that owns it, newest first.

        Raises :class:`VerificationError` when the index lacks what this machine has seen in it before.
        """
        from hubkit.registry.seen import check_seen

        if (index := self.owner(name)) is None:
            return ()
        found = index.versions(name)
        check_seen(index, name, found)
        return found

    def remember(self, names: Iterable[str]) -> None:
        """Note what the indexes have of these names now, so that they cannot go back behind it unnoticed."""
        from hubkit.registry.seen import remember

        for index, owned in self.owners(names).items():
            remember(index, {name: index.versions(name) for name in owned})

    def owners(self, names: Iterable[str]) -> dict[Index, list[str]]:
        """Index → which of the names it owns, sorted; in the order of the indexes."""
        owners = {name: self.owner(name) for name in sorted(set(names))}
        owned = {index: [name for name in owners if owners[name] == index] for index in self.members}
        return {index: found for index, found in owned.items() if found}


def _walk(root: Path) -> Walk:
    if not root.is_dir():
        raise NotFoundError(f"There is no index folder {root}.", "Check the path.")
    walk = Walk([], [], [])
    for first in _folders(str(root), walk, DOCUMENTS):
        for second in _folders(first.path, walk):
            for entry in _entries(second.path, walk):
                if _is_index_file(entry, (first.name, second.name)):
                    walk.files.append(Seen.of(entry.path, entry.stat(follow_symlinks=False)))
                else:
                    walk.strangers.append(entry.path)
    return Walk(sorted(walk.files), sorted(walk.folders), sorted(walk.strangers))


def _entries(folder: str, walk: Walk) -> Iterator[os.DirEntry[str]]:
    walk.folders.append(Seen.of(folder, os.lstat(folder)))  # before it is read: a later change shows
    with os.scandir(folder) as entries:
        yield from entries


def _folders(parent: str, walk: Walk, known: frozenset[str] = frozenset()) -> Iterator[os.DirEntry[str]]:
    for entry in _entries(parent, walk):
        if known and entry.name.startswith("."):
            continue
        if len(entry.name) == 2 and entry.is_dir(follow_symlinks=False):
            yield entry
        elif entry.name not in known or not entry.is_file(follow_symlinks=False):
            walk.strangers.append(entry.path)


def _is_index_file(entry: os.DirEntry[str], folders: tuple[str, str]) -> bool:
    name = entry.name[: -len(ENDING)]
    if not entry.name.endswith(ENDING) or not is_record_name(name) or shard(name) != folders:
        return False
    return entry.is_file(follow_symlinks=False)


def read_records(path: Path, name: str, root: Path) -> tuple[Record, ...]:
    """The records of one file, in its order. Raises :class:`VerificationError` naming the file and line."""
    from hubkit.registry.record import parse_record

    records = []
    versions = set()
    for number, line in enumerate(read_lines(path, root), 1):
        record = parse_record(line, f"{path}, line {number}")
        if record.name != name:
            raise _refused(f"{path}, line {number}, is a record of {record.name}")
        if record.version in versions:
            raise _refused(f"{path}, line {number}: version {record.version} is there already")
        versions.add(record.version)
        records.append(record)
    return tuple(records)


def read_lines(path: Path, root: Path) -> list[bytes]:
    """The lines of an index file, which must be a regular file below regular folders of ``root``."""
    from hubkit.adapter.folder import read_file

    for folder in path.relative_to(root).parents:
        if folder.parts and (root / folder).is_symlink():
            raise _refused(f"{root / folder} is a link")
    try:
        data = read_file(path, MAX_INDEX_FILE_BYTES)
    except VerificationError as error:
        raise VerificationError(error.what, "Restore the index, from git for example.") from error
    return split_lines(data, str(path))


def split_lines(data: bytes, where: str) -> list[bytes]:
    """Lines without their ends. Raises :class:`VerificationError` for a missing last newline or an empty line."""
    *lines, rest = data.split(b"\n")
    if rest:
        raise _refused(f"{where} does not end with a newline")
    if empty := next((number for number, line in enumerate(lines, 1) if not line.strip()), None):
        raise _refused(f"{where}, line {empty}, is empty")
    return lines


def _refused(what: str) -> VerificationError:
    return VerificationError(f"{what}.", "Correct the index, or restore it from git.")


def open_indexes() -> Indexes:
    """All indexes in force. Raises :class:`NotFoundError` for a folder of ``HUBKIT_INDEX`` that is not there."""
    from hubkit.plugins import plugin_manager

    members = [_configured(part) for part in settings().index]
    warnings = []
    if (shipped := shipped_root()) is not None:
        members.append(Index(shipped, SHIPPED))
    for plugin, folder in plugin_manager().indexes():
        try:
            members.append(Index(_plugin_s(folder, plugin), plugin))
        except HubkitError as error:
            warnings.append(f"An index is left out: {error}")
    distinct: dict[Path, Index] = {}
    for index in members:
        distinct.setdefault(index.root, index)
    return Indexes(tuple(distinct.values()), tuple(warnings))


def _plugin_s(folder: str, plugin: str) -> Path:
    """A plugin's index, which can be read; whatever is wrong with it is a :class:`HubkitError`."""
    try:
        root = _folder(folder, f"plugin {plugin}")
        os.scandir(root).close()
    except (OSError, RuntimeError, ValueError) as error:  # such as ~nobody, a NUL, no right to read
        raise NotFoundError(
            f"plugin {plugin} names the index {folder!r}: {told(error)}.", "Tell its authors."
        ) from error
    return root


def _configured(part: str) -> Index:
    root = _folder(part, "HUBKIT_INDEX or hubkit.toml")
    return Index(root, root.name)


def _folder(text: str, who: str) -> Path:
    if "://" in text or text in _SCHEMES:
        raise UsageError(
            f"The index {text!r} of {who} is a URL; an index is a folder on this machine.",
            "Clone it with git and name the clone.",
        )
    root = Path(text).expanduser().absolute()
    if not text or not root.is_dir():
        raise NotFoundError(
            f"{who} names the index {root if text else repr(text)}, which is no folder.",
            "Create it, or correct the path.",
        )
    return root


def shipped_root() -> Path | None:
    """The index that comes with hubkit: inside the package when installed, beside it in a source tree."""
    package = Path(__file__).resolve().parents[1]
    if (inside := package / "adapters_index").is_dir():
        return inside
    beside = package.parent / "adapters_index"
    return beside if beside.is_dir() and (package.parent / "pyproject.toml").is_file() else None


def writable_root(path: Path | None = None) -> Path:
    """The index folder to maintain: ``path``, else ``./adapters_index``, else the first of ``HUBKIT_INDEX``."""
    if path is not None:
        return _folder(str(path), "--index")
    if (here := Path.cwd() / "adapters_index").is_dir():
        return here
    if settings().index:
        return _folder(settings().index[0], "HUBKIT_INDEX or hubkit.toml")
    raise NotFoundError("No index folder was named, and there is no ./adapters_index.", "Name it with --index FOLDER.")
