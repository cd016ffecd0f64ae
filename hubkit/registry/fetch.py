"""Fetch an adapter's files: those a record lists, at its commit, of its sizes and hashes, and not one byte more.

A mirror or a proxy needs no trust: what does not have the record's hash is never used. Files come concurrently, and an
interrupted one goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hubkit.adapter.folder import MANIFEST_FILE, MAX_MANIFEST_BYTES, read_file, read_manifest, read_verified
from hubkit.adapter.manifest import Manifest, parse_manifest
from hubkit.durable import sha256, written_file
from hubkit.errors import HubkitError, NotFoundError, UsageError, VerificationError
from hubkit.registry import cache, hub
from hubkit.registry.installed import install_folder
from hubkit.registry.record import SIGNATURE_FILE
from hubkit.settings import settings

if TYPE_CHECKING:
    from hubkit.registry.record import Record

CONCURRENT_FILES = 8
SPARE_BYTES = 16 << 20  # of disk, left free
_REFUSED = "It is refused: tell its publisher, or fetch it from another endpoint."
log = logging.getLogger("hubkit")

Progress = Callable[[str, int, int], None]
"""File, bytes that are there, bytes in all. Called from several threads."""


class Expected(Protocol):
    """A file as a record or manifest lists it."""

    @property
    def path(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A repository at a commit."""

    repo_id: str
    commit: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{40}", self.commit):
            raise UsageError(
                f"{self.commit!r} is no commit.", "Give all 40 hexadecimal digits: branches and tags move."
            )
        if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", self.repo_id, re.ASCII):
            raise UsageError(f"{self.repo_id!r} is no repository.", "Write ORG/NAME.")


def fetch_record(
    record: Record, progress: Progress | None = None, *, offline: bool = False, public_key: Path | None = None
) -> Path:
    """Install what a record describes, and return its folder; nothing is fetched for one that is installed intact.

    With ``public_key`` the signature is required and checked first. Offline (also by ``HF_HUB_OFFLINE``) the cache
    alone is used. Raises :class:`VerificationError` when anything is not what the record says,
    :class:`NotFoundError` when it cannot be had.
    """
    if record.kind == "finding":
        raise UsageError(
            f"{record.name} is a finding: it has no adapter.", f"Read it with `hubkit info {record.name}`."
        )
    installed = settings().adapters / record.name / record.version
    manifest_sha256 = next(file.sha256 for file in record.files if file.path == MANIFEST_FILE)
    if public_key is None and _is_installed(installed, manifest_sha256):
        return installed
    with cache.assembly(record.name) as folder:
        fetch_files(Place(record.repository.repo_id, record.repository.commit), record.files, folder, progress, offline)
        _check_signature(folder, record, public_key)
        _check_agreement(record, read_manifest(folder)[0])
        return install_folder(folder, replace=_has_manifest(installed, manifest_sha256)).folder


def fetch_commit(repo_id: str, commit: str, progress: Progress | None = None, *, offline: bool = False) -> Path:
    """Install an adapter by repository and 40-digit commit, in an index or not; its own manifest tells the hashes.

    The commit pins the content only as far as the endpoint is trusted: mirrors are not asked for the manifest.
    """
    place = Place(repo_id, commit)
    data = _manifest_bytes(place, offline or hub.is_offline())
    manifest = parse_manifest(data, f"{MANIFEST_FILE} of {repo_id}@{commit[:8]}…")
    installed, digest = settings().adapters / manifest.name / manifest.version, hashlib.sha256(data).hexdigest()
    if _is_installed(installed, digest):
        return installed
    with cache.assembly(manifest.name) as folder:
        (folder / MANIFEST_FILE).write_bytes(data)
        fetch_files(place, manifest.files, folder, progress, offline)
        return install_folder(folder, replace=_has_manifest(installed, digest)).folder


def _is_installed(folder: Path, manifest_sha256: str) -> bool:
    """Whether this very adapter lies there, with every file as its manifest says."""
    try:
        return read_verified(folder).manifest_sha256 == manifest_sha256
    except HubkitError:
        return False


def _has_manifest(folder: Path, manifest_sha256: str) -> bool:
    """Whether the adapter that lies there was this one, whatever became of its other files."""
    path = folder / MANIFEST_FILE
    return path.is_file() and sha256(path) == manifest_sha256


def _manifest_bytes(place: Place, offline: bool) -> bytes:
    kept = settings().cache / "commits" / f"{place.repo_id.replace('/', '--')}@{place.commit}.json"
    if kept.is_file():
        return read_file(kept, MAX_MANIFEST_BYTES)
    if offline:
        raise NotFoundError(f"{place.repo_id}@{place.commit} was not fetched yet.", "Run it once with the network.")
    data = hub.persistently(lambda: read_remote(place, MANIFEST_FILE, MAX_MANIFEST_BYTES))
    with written_file(kept) as aside:
        aside.write_bytes(data)
    return data


def read_remote(place: Place, path: str, limit: int) -> bytes:
    """A file of at most ``limit`` bytes straight from the Hub; nothing says yet whether it is the right one."""
    data = b""
    with hub.opened(hub.endpoint(), place.repo_id, place.commit, path) as body:
        for chunk in body.chunks:
            data += chunk
            if len(data) > limit:
                raise VerificationError(f"{path} of {place.repo_id} has more than {limit} bytes.", _REFUSED)
    if body.length not in (None, len(data)):
        raise hub.HubError(f"The connection ended within {path}.", "Run it again.", retriable=True)
    return data


def _check_signature(folder: Path, record: Record, public_key: Path | None) -> None:
    """Check the signature when a key is given; an installed adapter does not have the file any more."""
    signature = folder / SIGNATURE_FILE
    if public_key is not None:
        if record.provenance is None:
            raise VerificationError(f"{record.key} is not signed.", "Install it without --key if you trust the index.")
        from hubkit.registry.signing import check_signature

        aside = signature.replace(folder.parent / SIGNATURE_FILE)
        check_signature(folder, aside, public_key)
    signature.unlink(missing_ok=True)


def _check_agreement(record: Record, manifest: Manifest) -> None:
    listed = {file.path: file.sha256 for file in record.files if file.path not in (MANIFEST_FILE, SIGNATURE_FILE)}
    pairs = {
        "name": (record.name, manifest.name),
        "version": (record.version, manifest.version),
        "core": (record.core.fingerprint, manifest.core.fingerprint),
        "tokenizer": (record.core.tokenizer_sha256, manifest.core.tokenizer_sha256),
        "files": (listed, {file.path: file.sha256 for file in manifest.files}),
    }
    for field, (stated, found) in pairs.items():
        if stated != found:
            raise VerificationError(f"{MANIFEST_FILE} of {record.key} has another {field} than its record.", _REFUSED)


def fetch_files(
    place: Place, files: Sequence[Expected], folder: Path, progress: Progress | None = None, offline: bool = False
) -> None:
    """Put verified copies of ``files`` into ``folder``, from the cache where they are there."""
    for file in files:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", file.path) or not re.fullmatch(r"[0-9a-f]{64}", file.sha256):
            raise VerificationError(f"{file.path!r} is no file that an adapter can have.", _REFUSED)
    _check_disk(files)
    work = _Work(place, progress or (lambda path, done, total: None), offline or hub.is_offline())
    with ThreadPoolExecutor(CONCURRENT_FILES, thread_name_prefix="fetch") as pool:
        waiting = [pool.submit(work.provide, file, folder / file.path) for file in files]
        try:
            for one in waiting:
                one.result()
        except BaseException:
            work.stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _check_disk(files: Sequence[Expected]) -> None:
    missing = sum(file.size for file in files if not cache.blob_path(file.sha256).exists())
    cache.blobs_folder().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache.blobs_folder()).free
    if missing and free < 2 * missing + SPARE_BYTES:  # in the cache and installed
        raise HubkitError(
            f"{missing} bytes are to be fetched, and {free} are free in {settings().home}.",
            "Free some, run `hubkit cache prune --unused`, or set HUBKIT_HOME.",
        )


class _Work:
    """One fetch: where from, whom to tell, and whether it was called off."""

    def __init__(self, place: Place, tell: Progress, offline: bool) -> None:
        self.place, self.tell, self.offline = place, tell, offline
        self.stopped = threading.Event()

    def provide(self, file: Expected, target: Path) -> None:
        """Make ``target`` a verified copy of ``file``."""
        with cache.blob_lock(file.sha256):
            if not cache.is_intact(cache.blob_path(file.sha256), file.sha256, file.size):
                cache.blob_path(file.sha256).unlink(missing_ok=True)
                self._download(file)
            cache.place(file.sha256, target)
        self.tell(file.path, file.size, file.size)

    def _download(self, file: Expected) -> None:
        """From the first mirror that has it, else from the Hub."""
        if self.offline:
            raise NotFoundError(
                f"{file.path} of {self.place.repo_id} is not in the cache, and the network is not to be used.",
                "Run the command once without --offline and HF_HUB_OFFLINE.",
            )
        for mirror in settings().mirrors:
            try:
                return self._from(mirror, file)
            except HubkitError as error:
                log.warning("the mirror is passed over: %s", error.what)
        hub.persistently(lambda: self._from(hub.endpoint(), file))

    def _from(self, at: str, file: Expected) -> None:
        """From one endpoint. What an interrupted download left is continued; if that fails, all is fetched anew."""
        partial = cache.partial_path(file.sha256)
        for _ in range(2 if partial.exists() else 1):
            try:
                self._append(at, file, partial)
            except hub.HubError as error:
                if error.status != 416:  # the file is shorter than what is there
                    raise
            if cache.keep(file.sha256, file.size):
                return
        raise VerificationError(
            f"{file.path} of {self.place.repo_id} at {at} does not have the hash {file.sha256}.", _REFUSED
        )

    def _append(self, at: str, file: Expected, partial: Path) -> None:
        """Fetch what is missing of the file, and no more."""
        start = partial.stat().st_size if partial.is_file() else 0
        if start >= file.size > 0:
            return
        with hub.opened(at, self.place.repo_id, self.place.commit, file.path, start) as body:
            if body.start not in (0, start) or (body.length is not None and body.start + body.length != file.size):
                raise self._other_size(at, file)
            there = body.start
            with partial.open("ab" if there else "wb") as handle:
                for chunk in body.chunks:
                    there += len(chunk)
                    if there > file.size:
                        handle.truncate(0)
                        raise self._other_size(at, file)
                    handle.write(chunk)
                    self.tell(file.path, there, file.size)
                    if self.stopped.is_set():
                        raise HubkitError("The fetch was called off.", "Run the same command again.")
        if there < file.size:
            raise hub.HubError(f"The connection to {at} ended within {file.path}.", "Run it again.", retriable=True)

    def _other_size(self, at: str, file: Expected) -> VerificationError:
        return VerificationError(
            f"{file.path} of {self.place.repo_id} at {at} does not have {file.size} bytes.", _REFUSED
        )
