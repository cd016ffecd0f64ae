"""``hubkit.lock``: what was asked for and exactly what that came to, so that it can be had again, offline too.

The same requests on the same indexes give the same bytes, in whatever order they are given; and a lock stays as it is,
byte for byte, as long as what it says still answers the requests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from packaging.specifiers import SpecifierSet
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hubkit.adapter.folder import read_file
from hubkit.adapter.manifest import PrefixedSha256
from hubkit.adapter.strict_json import parse_json
from hubkit.durable import written_file
from hubkit.errors import NotFoundError, VerificationError
from hubkit.registry.index import Index, Indexes
from hubkit.registry.record import Record
from hubkit.registry.record_fields import Commit, Label
from hubkit.registry.request import Request, parse_request
from hubkit.registry.resolver import Policy, Resolution, ResolutionError, resolve
from hubkit.registry.seen import content_sha256

LOCK_FILE = "hubkit.lock"
MAX_LOCK_BYTES = 16 << 20


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class LockCore(_Model):
    """The core that every adapter of the lock was made for."""

    id: Label
    fingerprint: PrefixedSha256


class LockIndex(_Model):
    """An index as it was: its commit where it is in git, and a hash over all records of the names that were used."""

    label: Annotated[str, Field(min_length=1, max_length=255)]
    commit: Commit | None = None
    digest: PrefixedSha256


class Lock(_Model):
    """The content of a lock file. ``requests`` and ``adapters`` are sorted; each adapter is its whole record."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    core: LockCore
    prereleases: bool = False
    requests: tuple[str, ...]
    indexes: tuple[LockIndex, ...]
    adapters: tuple[Record, ...]

    @model_validator(mode="after")
    def _is_consistent(self) -> Lock:
        names = [record.name for record in self.adapters]
        if names != sorted(set(names)):
            raise ValueError("the adapters are not sorted, or one is there twice")
        if list(self.requests) != sorted(set(self.requests)):
            raise ValueError("the requests are not sorted, or one is there twice")
        if problem := next(_unmet(self), None):
            raise ValueError(problem)
        return self

    def record(self, name: str) -> Record:
        """The locked version. Raises :class:`NotFoundError` when the lock has none."""
        found = next((record for record in self.adapters if record.name == name), None)
        if found is None:
            raise NotFoundError(f"The lock has no {name}.", "Lock it: `hubkit lock` with all that you need.")
        return found

    def stack(self, name: str) -> tuple[Record, ...]:
        """``name`` with all that it stands on, what is below first."""
        found: dict[str, Record] = {}
        for dependency in sorted(dependency.name for dependency in self.record(name).deps):
            found |= {record.name: record for record in self.stack(dependency)}
        return (*found.values(), self.record(name))

    def json_bytes(self) -> bytes:
        """The content of the file."""
        value = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _unmet(lock: Lock) -> Iterator[str]:
    """What keeps a lock from answering its own requests."""
    locked = {record.name: record for record in lock.adapters}
    demands = [(request.name, request.spec, "is asked for") for request in map(parse_request, lock.requests)]
    for record in lock.adapters:
        if record.core.fingerprint != lock.core.fingerprint:
            yield f"{record.key} was made for another core"
        if record.yanked or record.kind == "finding":
            yield f"{record.key} is yanked or no adapter"
        demands += [(dependency.name, dependency.spec, f"is needed by {record.name}") for dependency in record.deps]
    for name, spec, why in demands:
        if name not in locked:
            yield f"{name} {why} and is not there"
        elif not SpecifierSet(spec).contains(locked[name].version, prereleases=True):
            yield f"{name} {spec} {why}, {locked[name].version} is there"
    yield from _circles(locked)


def _circles(locked: Mapping[str, Record]) -> Iterator[str]:
    below = {name: {dependency.name for dependency in record.deps} for name, record in locked.items()}
    while free := {name for name, needed in below.items() if not needed & below.keys()}:
        below = {name: needed for name, needed in below.items() if name not in free}
    if below:
        yield f"{', '.join(sorted(below))} depend on each other"


@dataclass(frozen=True, slots=True)
class Making:
    """A lock, and how the resolver came to it; ``None`` when the lock was good as it was."""

    lock: Lock
    resolution: Resolution


def make_lock(
    requests: Collection[Request],
    indexes: Indexes,
    cores: Mapping[str, str],
    *,
    previous: Lock | None = None,
    upgrade: Collection[str] | Literal["all"] = (),
    prereleases: bool = False,
    unusable: Callable[[Record], str | None] | None = None,
) -> Making:
    """Resolve ``requests`` to a lock. ``cores`` are fingerprint → id, tried in order; all adapters are for one core.

    What ``previous`` has is kept where it fits, yanked or not, but for the names in ``upgrade``. The indexes' state is
    remembered. Raises :class:`ResolutionError`, and :class:`VerificationError` when a locked record has been rewritten.
    """
    locked = _kept(previous, indexes, upgrade)
    core, resolution = _on_first_core(
        requests, indexes, cores, Policy("", locked, prereleases, unusable), previous.core if previous else None
    )
    chosen = sorted(resolution.adapters, key=lambda record: record.name)
    adapters = tuple(record.model_copy(update={"yanked": False}) for record in chosen)
    indexes.remember([record.name for record in adapters])
    lock = Lock(
        core=core,
        prereleases=prereleases,
        requests=tuple(sorted({str(request) for request in requests})),
        indexes=tuple(_identity(index, names) for index, names in indexes.owners(r.name for r in adapters).items()),
        adapters=adapters,
    )
    if previous is not None and lock.model_copy(update={"indexes": previous.indexes}) == previous:
        lock = previous
    return Making(lock, resolution)


def _kept(previous: Lock | None, indexes: Indexes, upgrade: Collection[str] | Literal["all"]) -> dict[str, str]:
    """Name → locked version that stays. Raises :class:`VerificationError` for one that was rewritten in its index."""
    if previous is None:
        return {}
    for record in previous.adapters:
        for published in indexes.versions(record.name):
            if published.version == record.version and content_sha256(published) != content_sha256(record):
                raise VerificationError(
                    f"{record.key} is locked with other content than the index has now: one of the two was changed.",
                    "Find out which one. To trust the index, remove the lock file and lock again.",
                )
    return {} if upgrade == "all" else {r.name: r.version for r in previous.adapters if r.name not in upgrade}


def _on_first_core(
    requests: Collection[Request], indexes: Indexes, cores: Mapping[str, str], policy: Policy, locked: LockCore | None
) -> tuple[LockCore, Resolution]:
    """Resolve on the locked core if it is among them, else on the first that has an answer."""
    order = sorted(cores, key=lambda fingerprint: locked is None or fingerprint != locked.fingerprint)
    failures: list[ResolutionError] = []
    for fingerprint in order:
        on_core = Policy(fingerprint, policy.locked, policy.prereleases, policy.unusable)
        try:
            resolution = resolve(requests, indexes.versions, on_core)
        except ResolutionError as error:
            failures.append(error)
        else:
            return LockCore(id=cores[fingerprint], fingerprint=fingerprint), resolution
    others = f" (nor on {len(failures) - 1} other cores)" if len(failures) > 1 else ""
    raise ResolutionError(failures[0].what + others, failures[0].fix or "", failures[0].rejected)


def cores_of(requests: Iterable[Request], indexes: Indexes) -> dict[str, str]:
    """Fingerprint → id of every core that a requested adapter was made for, by id."""
    found = {
        record.core.fingerprint: record.core.id
        for request in sorted(set(requests))
        for record in indexes.versions(request.name)
        if record.kind != "finding"
    }
    return dict(sorted(found.items(), key=lambda pair: (pair[1], pair[0])))


def _identity(index: Index, names: Iterable[str]) -> LockIndex:
    from hubkit.registry.git import head_of

    digest = hashlib.sha256()
    for name in names:
        for record in index.records(name):
            digest.update(record.line())
    commit = None if index.is_shipped else head_of(index.root)
    return LockIndex(label=index.label, commit=commit, digest=f"sha256:{digest.hexdigest()}")


def not_in_cache(record: Record) -> str | None:
    """Why a record cannot be used offline; ``None`` when all its files are in the cache, or it is installed."""
    from hubkit.registry.cache import blob_path
    from hubkit.settings import settings

    if (settings().adapters / record.name / record.version).is_dir():
        return None
    missing = [file.path for file in record.files if not blob_path(file.sha256).is_file()]
    return f"is not in the cache ({missing[0]} is missing)" if missing else None


def read_lock(path: Path) -> Lock:
    """Read a lock file strictly. Raises :class:`NotFoundError` or :class:`VerificationError`."""
    if not path.exists() and not path.is_symlink():
        raise NotFoundError(f"There is no lock file {path}.", "Make one: `hubkit lock` with what you need.")
    try:
        data = read_file(path, MAX_LOCK_BYTES)
        parse_json(data, str(path))
        return Lock.model_validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        what = f"{path} is not a valid lock file: {where}: {first['msg']}."
        raise VerificationError(what, "Restore it, or remove it and lock again.") from error
    except VerificationError as error:
        raise VerificationError(error.what, "Restore it, or remove it and lock again.") from error


def write_lock(path: Path, lock: Lock) -> None:
    """Write a lock file, whole or not at all."""
    with written_file(path) as aside:
        aside.write_bytes(lock.json_bytes())


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two locks; ``None`` where one of them has nothing."""

    what: str  # an adapter's name, "core", "request", "index"
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.what} {self.after}"
        return f"- {self.what} {self.before}" if self.after is None else f"~ {self.what} {self.before} → {self.after}"


def diff_locks(before: Lock, after: Lock) -> list[Change]:
    """What changed, core and requests first, then adapters by name; equal versions of other content too."""
    pairs: list[tuple[str, str | None, str | None]] = [
        ("core", f"{before.core.id} {before.core.fingerprint}", f"{after.core.id} {after.core.fingerprint}"),
        ("pre-releases", str(before.prereleases).lower(), str(after.prereleases).lower()),
    ]
    pairs += [("request", request, None) for request in before.requests if request not in after.requests]
    pairs += [("request", None, request) for request in after.requests if request not in before.requests]
    ours, theirs = _shown(before), _shown(after)
    pairs += [(name, ours.get(name), theirs.get(name)) for name in sorted({*ours, *theirs})]
    return [Change(*pair) for pair in pairs if pair[1] != pair[2]]


def _shown(lock: Lock) -> dict[str, str]:
    return {record.name: f"{record.version} (record {content_sha256(record)[:12]})" for record in lock.adapters}
