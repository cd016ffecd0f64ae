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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hubkit.corpora.source import SourceUnavailable
from hubkit.durable import locked, sha256, write_json, written_folder
from hubkit.errors import UsageError, VerificationError
from hubkit.settings import settings

RECORD = "fetched.json"
ABSENT = "absent.json"
TIMEOUT = 900  # seconds for one client call
_NAME = re.compile(r"(@[a-z0-9][\w.-]*/)?[A-Za-z0-9][\w.+-]*")

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

    Needs neither root nor package lists; that a package does not exist is remembered.
    """
    folder = _folder("debian", name)
    if (folder / ABSENT).exists():
        return None
    stored = _stored(folder, None)
    if stored is not None and _intact(stored):
        return stored
    try:
        return _fetch_debian(folder, name)
    except SourceUnavailable as error:
        raise error if stored is None else _damaged(stored, error) from error


def _fetch_debian(folder: Path, name: str) -> Path | None:
    listed = _debian_record(name)
    if listed is None:
        write_json(folder / ABSENT, {"package": name, "checked": _now()})
        log.info("Debian has no package %s", name)
        return None

    def download(folder: Path) -> None:
        _run(["apt-get", *_apt_options(), "-qq", "download", name], folder)

    try:
        return _fetch("debian", name, listed["Version"], download, listed["SHA256"])
    except SourceUnavailable:  # the lists may be older than the archive, which keeps the newest version only
        renewed = _debian_record(name, renew=True)
        if renewed is None or renewed == listed:
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
    log.info("fetching %s %s", name, version)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as temporary:
        download(Path(temporary))
        archives = [path for path in Path(temporary).iterdir() if path.suffix in {".deb", ".tgz", ".whl"}]
        if len(archives) != 1:
            raise SourceUnavailable(
                f"The client fetched {len(archives)} archives of {name} {version} instead of one.", "Try again."
            )
        return _keep(archives[0], folder / quote(version, safe="+~"), name, version, expected)


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
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    log.info("fetching the Debian package lists")
    _run(["apt-get", *_apt_options(), "-q", "update"], folder)
    if not _has_lists():
        raise SourceUnavailable("apt-get could not fetch the package lists.", _OFFLINE)


def _has_lists() -> bool:
    return any(_apt_folder().glob("lists/*_Packages*"))


def _debian_record(name: str, renew: bool = False) -> dict[str, str] | None:
    """The package's stanza (Version, SHA256, …) in the package lists, which are fetched when missing."""
    with locked(_apt_folder() / ".lock", "the Debian package lists", wait=True):
        if renew or not _has_lists():
            _update_lists()
        try:
            shown = _run(["apt-cache", *_apt_options(), "--no-all-versions", "show", name], _apt_folder())
        except SourceUnavailable as error:
            if "No packages found" in error.what or "Unable to locate" in error.what:
                return None
            raise
    fields = re.findall(r"^([A-Za-z0-9-]+): (.*)$", shown.split("\n\n")[0], re.MULTILINE)
    return dict(fields) if any(key == "Filename" for key, _ in fields) else None
