"""Adapters on this machine: ``<home>/adapters/<name>/<version>/``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from hubkit.adapter.folder import MANIFEST_FILE, VerifiedFolder, read_manifest, read_verified
from hubkit.adapter.manifest import Manifest, is_adapter_name
from hubkit.durable import locked, written_folder
from hubkit.errors import HubkitError, NotFoundError, UsageError
from hubkit.settings import settings


@dataclass(frozen=True, slots=True)
class Installed:
    """One installed version. A broken one has an ``error`` and no manifest."""

    name: str
    version: str
    folder: Path
    manifest: Manifest | None
    error: str | None = None


def list_installed() -> list[Installed]:
    """Every installed version by name, newest first. Manifests are read, other files are not."""
    if not (root := settings().adapters).is_dir():
        return []
    return [one for folder in sorted(root.iterdir()) if folder.is_dir() for one in _versions(folder)]


def _versions(folder: Path) -> list[Installed]:
    """The versions in ``<adapters>/<name>``, newest first."""
    found = [_describe(version) for version in folder.glob("*") if _is_version_folder(version)]
    return sorted(found, key=lambda installed: _order(installed.version), reverse=True)


def _is_version_folder(folder: Path) -> bool:
    return folder.is_dir() and not folder.name.startswith(".") and not folder.parent.name.startswith(".")


def _describe(folder: Path) -> Installed:
    name, version = folder.parent.name, folder.name
    try:
        manifest, _ = read_manifest(folder)
    except HubkitError as error:
        return Installed(name, version, folder, None, str(error))
    if (manifest.name, manifest.version) != (name, version):
        return Installed(
            name, version, folder, None, f"{folder} holds {manifest.name} {manifest.version}. Remove the folder."
        )
    return Installed(name, version, folder, manifest)


def _order(version: str) -> tuple[bool, Version]:
    try:
        return True, Version(version)
    except InvalidVersion:
        return False, Version("0")


def find_installed(name: str, spec: str | None = None, core_fingerprint: str | None = None) -> Installed:
    """The newest intact version of ``name`` that satisfies ``spec`` (PEP 440) and was made for this core.

    A pre-release is chosen only when ``spec`` names one or there is no other. Raises :class:`NotFoundError` that says
    why each version is rejected, :class:`UsageError` for a malformed ``spec``.
    """
    wanted = _specifiers(spec)
    candidates = _versions(settings().adapters / name) if is_adapter_name(name) else []
    reasons = {installed.version: _rejection(installed, core_fingerprint) for installed in candidates}
    usable = [installed for installed in candidates if reasons[installed.version] is None]
    # packaging prefers final releases and falls back to pre-releases when there are no others
    allowed = set(wanted.filter([installed.version for installed in usable]))
    chosen = [installed for installed in usable if installed.version in allowed]
    if chosen:
        return chosen[0]
    why = [f"{installed.version}: {reasons[installed.version] or f'is not {spec}'}" for installed in candidates]
    raise NotFoundError(
        f"No installed {name}{f' {spec}' if spec else ''} can be used" + (f" ({'; '.join(why)})." if why else "."),
        "Run `hubkit add-language` to train one or install a folder with install_folder().",
    )


def _specifiers(spec: str | None) -> SpecifierSet:
    try:
        return SpecifierSet(spec or "")
    except InvalidSpecifier as error:
        raise UsageError(f"{spec!r} is no version specifier.", "Write ==0.1.0 or >=0.1,<1.") from error


def _rejection(installed: Installed, core_fingerprint: str | None) -> str | None:
    if installed.manifest is None:
        return f"broken: {installed.error}"
    made_for = installed.manifest.core
    if core_fingerprint is not None and made_for.fingerprint != core_fingerprint:
        return f"was made for core {made_for.id} {made_for.fingerprint[:19]}…"
    return None


def install_folder(folder: Path, *, replace: bool = False) -> Installed:
    """Copy an adapter folder into the installed ones: the bytes that were verified are the bytes that are written.

    A version that is there with the same content is left alone; with other content it is an error unless ``replace``.
    Raises :class:`VerificationError` when a file does not match the manifest.
    """
    content = read_verified(Path(folder))
    manifest = content.manifest
    target = settings().adapters / manifest.name / manifest.version
    with locked(settings().adapters / f"{manifest.name}.lock", f"the adapter {manifest.name}", wait=True):
        if not _is_same(target, content):
            if target.exists() and not replace:
                raise HubkitError(
                    f"{manifest.name} {manifest.version} is installed already with other content, in {target}.",
                    "Give the new one another version, or ask for it to be replaced.",
                )
            _write(target, content)
    return Installed(manifest.name, manifest.version, target, manifest)


def _is_same(target: Path, content: VerifiedFolder) -> bool:
    try:
        return read_verified(target).manifest_sha256 == content.manifest_sha256
    except HubkitError:
        return False


def _write(target: Path, content: VerifiedFolder) -> None:
    with written_folder(target) as aside:
        for name, data in content.files.items():
            (aside / name).write_bytes(data)
        (aside / MANIFEST_FILE).write_bytes(content.manifest_bytes)
