"""Fetch packages with the registries' own clients (``apt-get``, ``npm``, ``pip``), once; later runs are offline.

A package lies in ``settings().downloads/<registry>/<package>/<version>/`` with a ``fetched.json`` beside the archive.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hubkit.corpora.source import SourceUnavailable
from hubkit.durable import locked, sha256, write_json, write_text, written_folder
from hubkit.errors import UsageError, VerificationError
from hubkit.settings import settings

RECORD = "fetched.json"
NAMES = "names.txt"
TIMEOUT = 900  # seconds for one client call
RETRY_AFTER = 120.0  # seconds in which what failed is not tried again: hundreds of languages may ask for it
_NAME = re.compile(r"(@[a-z0-9][\w.-]*/)?[A-Za-z0-9][\w.+-]*")
_VERSION = re.compile(r"[A-Za-z0-9][\w.+:~-]*")
_failures: dict[Path, tuple[float, SourceUnavailable]] = {}

log = logging.getLogger("hubkit")

Download = Callable[[Path], None]  # puts one archive into the folder it is given


def fetch_npm(name: str, version: str, sha256: str | None = None) -> Path:
    """The archive (.tgz) of an npm package; ``sha256`` pins its content."""

    def download(folder: Path) -> None:
        _run(["npm", "pack", "--ignore-scripts", f"--pack-destination={folder}", f"{name}@{version}"], folder)

    return _fetch("npm", name, version, download, sha256)


def fetch_pypi(name: str, version: str, sha256: str | None = None) -> Path:
    """The wheel of a PyPI package; ``sha256`` pins its content. Source distributions are refused: they run code."""

    def download(folder: Path) -> None:
        options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input"]
        _run([*_pip(), "download", "--quiet", *options, f"--dest={folder}", f"{name}=={version}"], folder)

    return _fetch("pypi", name, version, download, sha256)


def fetch_debian(name: str) -> Path | None:
    """The archive (.deb) of a Debian package in the version this machine's sources offer; ``None`` when they have none.

    Needs neither root nor package lists; the names that exist are kept, so that asking for others takes no client.
    """
    stored = _stored(_folder("debian", name), None)
    if stored is not None and _intact(stored):
        return stored
    try:
        return _fetch_debian(name) if name in _debian_names() else None
    except SourceUnavailable as error:
        if stored is None:
            raise
        raise _damaged(stored, error) from error


def _fetch_debian(name: str) -> Path:
    listed = _debian_record(name)

    def download(folder: Path) -> None:
        _run(["apt-get", *_apt_options(), "-qq", "download", name], folder)

    try:
        return _fetch("debian", name, listed["Version"], download, listed["SHA256"])
    except SourceUnavailable:  # the lists may be older than the archive, which keeps the newest version only
        _update_lists()
        if (renewed := _debian_record(name)) == listed:
            raise
        return _fetch("debian", name, renewed["Version"], download, renewed["SHA256"])


def record(archive: Path) -> dict[str, Any]:
    """What was noted when ``archive`` was fetched: package, version, file, sha256, size (bytes), fetched (UTC)."""
    noted: dict[str, Any] = json.loads((archive.parent / RECORD).read_text("utf-8"))
    return noted


def _folder(registry: str, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a {registry} package name.", "Check the spelling.")
    return settings().downloads / registry / quote(name, safe="@+")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _stored(folder: Path, version: str | None) -> Path | None:
    """The fetched archive of ``version`` (or the newest), whether intact or not."""
    found: list[tuple[str, Path]] = []
    for path in sorted(folder.glob(f"[!.]*/{RECORD}")):
        try:
            noted = json.loads(path.read_text("utf-8"))
            if version in (None, noted["version"]):
                found.append((noted["fetched"], path.parent / noted["file"]))
        except (ValueError, KeyError, TypeError):
            log.warning("%s is damaged; the package is fetched again", path)
    return max(found)[1] if found else None


def _intact(archive: Path) -> bool:
    return archive.is_file() and sha256(archive) == record(archive)["sha256"]


def _fetch(registry: str, name: str, version: str, download: Download, pin: str | None) -> Path:
    """The stored archive if it is intact, else a fresh one that must match the pin and what was stored before."""
    folder = _folder(registry, name)
    if not _VERSION.fullmatch(version):
        raise UsageError(f"{version!r} is not a version of {name}.", "Check the spelling.")
    with locked(folder / ".lock", f"{registry} package {name}", wait=True):
        stored = _stored(folder, version)
        expected = pin or (record(stored)["sha256"] if stored else None)
        if stored is not None and stored.is_file() and sha256(stored) == expected:
            return stored
        if stored is None:
            return _fetch_fresh(folder, name, version, download, expected)
        log.warning("%s does not match its sha256; it is fetched again", stored)
        try:
            return _fetch_fresh(folder, name, version, download, expected)
        except SourceUnavailable as error:
            raise _damaged(stored, error) from error


def _damaged(stored: Path, error: SourceUnavailable) -> VerificationError:
    return VerificationError(
        f"{stored} is damaged and cannot be fetched again: {error.what}",
        f"Remove {stored.parent} and run the command again with the network at hand.",
    )


def _fetch_fresh(folder: Path, name: str, version: str, download: Download, expected: str | None) -> Path:
    for leftover in folder.glob(".fetching-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    target = folder / quote(version, safe="+~")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as temporary:
        with _not_again(target):
            log.info("fetching %s %s", name, version)
            download(Path(temporary))
        archives = [path for path in Path(temporary).iterdir() if path.suffix in {".deb", ".tgz", ".whl"}]
        if len(archives) != 1:
            raise SourceUnavailable(
                f"The client fetched {len(archives)} archives of {name} {version} instead of one.", "Try again."
            )
        return _keep(archives[0], target, name, version, expected)


@contextmanager
def _not_again(target: Path) -> Iterator[None]:
    """Fetch ``target`` in here; for ``RETRY_AFTER`` seconds after a failure the same error is raised at once."""
    when, failure = _failures.get(target, (0.0, None))
    if failure is not None and time.monotonic() - when < RETRY_AFTER:
        raise failure
    try:
        yield
    except SourceUnavailable as error:
        _failures[target] = (time.monotonic(), error)
        raise


def _keep(archive: Path, target: Path, name: str, version: str, expected: str | None) -> Path:
    found = sha256(archive)
    if expected is not None and found != expected:
        raise VerificationError(
            f"{archive.name} has sha256 {found}, expected {expected}: it is refused.",
            f"If you trust the new file, remove {target}; otherwise check where your package client fetches from.",
        )
    with written_folder(target) as aside:
        size = archive.stat().st_size
        os.replace(archive, aside / archive.name)
        noted = {"package": name, "version": version, "file": archive.name, "sha256": found, "size": size}
        write_json(aside / RECORD, {**noted, "fetched": _now()})
    return target / archive.name


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    return ["pip"]


def _run(command: Sequence[str], folder: Path) -> str:
    """Run a client in ``folder`` and return its output; :class:`SourceUnavailable` when it is missing or fails."""
    client = shutil.which(command[0])
    if client is None:
        raise SourceUnavailable(
            f"The client {command[0]} is not installed here.",
            f"Install {command[0]}, or pass your own text with --data FILE.",
        )
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [client, *command[1:]], cwd=folder, env=environment, timeout=TIMEOUT, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise SourceUnavailable(f"{_spelt(command)} gave no answer in {TIMEOUT} s.", _OFFLINE) from error
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split())[-400:]
        raise SourceUnavailable(f"{_spelt(command)} failed: {reason}.", _OFFLINE)
    return done.stdout


_OFFLINE = "Check the network and run the command again, or pass your own text with --data FILE."


def _spelt(command: Sequence[str]) -> str:
    return " ".join([Path(command[0]).name, *(part for part in command[1:] if not part.startswith("-"))])


def _apt_folder() -> Path:
    return settings().downloads / "debian" / ".apt"


def _apt_options() -> list[str]:
    folder = _apt_folder()
    state = [f"-oDir::State::Lists={folder / 'lists'}", "-oDir::State::status=/dev/null"]
    cache = [f"-oDir::Cache={folder / 'cache'}", "-oDir::Cache::pkgcache=pkgcache.bin", "-oDir::Cache::srcpkgcache="]
    return [*state, *cache, "-oDebug::NoLocking=1"]


def _update_lists() -> None:
    """Fetch the package lists into our own folder, as any user; see ``man apt.conf``, section Directories."""
    folder = _apt_folder()
    with locked(folder / ".lock", "the Debian package lists", wait=True), _not_again(folder):
        for part in ("lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        log.info("fetching the Debian package lists")
        _run(["apt-get", *_apt_options(), "-q", "update"], folder)
        names = _run(["apt-cache", *_apt_options(), "pkgnames"], folder)
        if not names.strip():  # apt-get only warns when it reaches no archive
            raise SourceUnavailable("apt-get could not fetch the package lists.", _OFFLINE)
        write_text(folder / NAMES, names)


def _debian_names() -> frozenset[str]:
    """The names of all packages in the package lists, which are fetched when missing."""
    path = _apt_folder() / NAMES
    if not path.exists():
        _update_lists()
    return _names_in(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _names_in(path: Path, modified: int) -> frozenset[str]:
    return frozenset(path.read_text("utf-8").split())


def _debian_record(name: str) -> dict[str, str]:
    """The package's stanza (Version, SHA256, …) in the package lists."""
    with locked(_apt_folder() / ".lock", "the Debian package lists", wait=True):
        shown = _run(["apt-cache", *_apt_options(), "--no-all-versions", "show", name], _apt_folder())
    fields = dict(re.findall(r"^(Version|SHA256): (.*)$", shown.split("\n\n")[0], re.MULTILINE))
    if len(fields) != 2:
        raise SourceUnavailable(f"The Debian package lists name no archive of {name}.", _OFFLINE)
    return fields
