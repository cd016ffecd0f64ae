"""Install adapters from indexes, and move what is installed on to newer versions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from hubkit.errors import NotFoundError
from hubkit.registry.fetch import Progress, fetch_record
from hubkit.registry.index import Indexes
from hubkit.registry.installed import Installed, list_installed
from hubkit.registry.lock import Lock, cores_of, make_lock, not_in_cache
from hubkit.registry.request import Request
from hubkit.registry.resolver import ResolutionError

if TYPE_CHECKING:
    from hubkit.registry.record import Record


ANY_CORE = "any"


@dataclass(frozen=True, slots=True)
class Update:
    """An installed adapter: its newer version with all that it stands on, or why there is none."""

    name: str
    installed: str
    newer: tuple[Record, ...] = ()  # dependencies first, the adapter last
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """How to install. ``begin`` is told of each record before its files come."""

    offline: bool = False
    public_key: Path | None = None
    progress: Progress | None = None
    begin: Callable[[Record], None] = lambda record: None


def cores_for(core: str, requests: Collection[Request], indexes: Indexes) -> dict[str, str]:
    """Fingerprint → id of the cores to choose adapters for, in order; ``any``: the default one before all others."""
    from hubkit.core.checkpoint import DEFAULT_CORE, catalogue, open_core

    known = {entry["fingerprint"]: name for name, entry in catalogue().items()}
    if core == ANY_CORE:
        default = {fingerprint: name for fingerprint, name in known.items() if name == DEFAULT_CORE}
        return {**default, **cores_of(requests, indexes)}
    if named := {fingerprint: name for fingerprint, name in known.items() if name == core}:
        return named
    opened = open_core(core)
    return {opened.fingerprint: opened.id}


def choose(
    requests: Collection[Request],
    indexes: Indexes,
    cores: Mapping[str, str],
    *,
    pre: bool = False,
    offline: bool = False,
) -> tuple[Record, ...]:
    """The records that answer the requests, dependencies first; newest versions, for one core."""
    unusable = not_in_cache if offline else None
    return make_lock(requests, indexes, cores, prereleases=pre, unusable=unusable).resolution.adapters


def locked_records(lock: Lock, requests: Iterable[Request]) -> tuple[Record, ...]:
    """What a lock has for these names (all of it without any), dependencies first."""
    names = [request.name for request in requests] or [record.name for record in lock.adapters]
    found = {record.name: record for name in names for record in lock.stack(name)}
    return tuple(found.values())


def install(records: Iterable[Record], options: Options) -> dict[str, Path]:
    """Fetch, verify and install records in their order; name → folder."""
    folders = {}
    for record in records:
        options.begin(record)
        folders[record.name] = fetch_record(
            record, options.progress, offline=options.offline, public_key=options.public_key
        )
    return folders


def updates(names: Collection[str], indexes: Indexes, pre: bool = False) -> list[Update]:
    """What is newer in the indexes than what is installed, for the same core; all that is installed without names."""
    newest = _newest_installed()
    if missing := sorted(set(names) - set(newest)):
        raise NotFoundError(f"Not installed: {', '.join(missing)}.", "Install it with `hubkit install`.")
    return [_update(installed, indexes, pre) for name, installed in newest.items() if not names or name in names]


def _newest_installed() -> dict[str, Installed]:
    found: dict[str, Installed] = {}
    for installed in list_installed():  # newest first
        if installed.manifest is not None:
            found.setdefault(installed.name, installed)
    return found


def _update(installed: Installed, indexes: Indexes, pre: bool) -> Update:
    assert installed.manifest is not None
    core = installed.manifest.core
    if indexes.owner(installed.name) is None:
        return Update(installed.name, installed.version, reason="is in no index")
    try:
        records = choose([Request(installed.name)], indexes, {core.fingerprint: core.id}, pre=pre)
    except ResolutionError as error:
        return Update(installed.name, installed.version, reason=error.what)
    found = next(record for record in records if record.name == installed.name)
    if Version(found.version) <= Version(installed.version):
        return Update(installed.name, installed.version, reason="is the newest")
    return Update(installed.name, installed.version, newer=records)
