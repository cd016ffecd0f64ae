"""A verified folder for what is asked for: installed, else found in the indexes and fetched, or as a lock file says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from hubkit.errors import NotFoundError, VerificationError
from hubkit.registry.fetch import fetch_commit, fetch_record
from hubkit.registry.index import Indexes, open_indexes
from hubkit.registry.installed import find_installed, list_installed
from hubkit.registry.lock import Lock, read_lock
from hubkit.registry.request import Request
from hubkit.registry.resolution import Policy, ResolutionError
from hubkit.registry.resolver import resolve

_COMMIT = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})")


@dataclass(frozen=True, slots=True)
class Provider:
    """Adapters for the core of one fingerprint. With a ``lock`` exactly its versions, whatever is installed."""

    core_fingerprint: str
    lock: Lock | None = None

    @classmethod
    def of(cls, core_fingerprint: str, locked: Path | None = None) -> Provider:
        """A provider; :class:`VerificationError` when the lock file is for another core."""
        lock = None if locked is None else read_lock(locked)
        if lock is not None and lock.core.fingerprint != core_fingerprint:
            raise VerificationError(
                f"{locked} locks adapters for the core {lock.core.id} {lock.core.fingerprint[:19]}…, this core is "
                f"{core_fingerprint[:19]}….",
                "Load that core, or lock again for this one.",
            )
        return cls(core_fingerprint, lock)

    def folder(self, name: str, spec: str = "") -> Path:
        """The adapter's folder, every file of which has its recorded hash.

        Raises :class:`NotFoundError` that says why each version, installed or published, is rejected.
        """
        if self.lock is not None:
            return fetch_record(self.lock.record(name))
        try:
            return find_installed(name, spec or None, self.core_fingerprint).folder
        except NotFoundError as error:
            return self._published(Request(name, spec), error)

    def _published(self, request: Request, not_installed: NotFoundError) -> Path:
        indexes = open_indexes()
        if indexes.owner(request.name) is None:
            known = {one.name for one in list_installed()} | set(published_names(indexes, request.name.split("-")[0]))
            near = get_close_matches(request.name, sorted(known - {request.name}), 3)
            also = f" Did you mean {', '.join(near)}?" if near else ""
            raise NotFoundError(f"{not_installed.what} No index has it.{also}", not_installed.fix) from not_installed
        try:
            found = resolve([request], indexes.versions, Policy(self.core_fingerprint))
        except ResolutionError as error:
            raise ResolutionError(f"{not_installed.what} {error.what}", error.fix or "", error.rejected) from error
        indexes.remember([record.name for record in found.adapters])
        folders = {record.name: fetch_record(record) for record in found.adapters}
        return folders[request.name]


def folder_at_commit(text: str) -> Path | None:
    """The folder of ``ORG/NAME@COMMIT``, fetched and verified; None for other text."""
    match = _COMMIT.fullmatch(text)
    return None if match is None else fetch_commit(match[1], match[2])


def published_names(indexes: Indexes, prefix: str) -> list[str]:
    """Names in the indexes that begin with ``prefix``, sorted."""
    seen = (found.name for index in indexes.members for found in index.walk().files)
    return sorted({name for name in seen if name.startswith(prefix)})
