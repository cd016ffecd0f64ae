"""Publish an adapter to the Hub: one commit, read back, one tag, and the record for an index.

Every step looks at what is there first, so that running it again after any failure goes on and repeats nothing. A tag
is set last: it stands for content that was read back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.adapter.manifest import FileReference, Manifest
from hubkit.durable import write_text
from hubkit.errors import UsageError, VerificationError
from hubkit.registry import hub
from hubkit.registry.fetch import Place
from hubkit.registry.publishable import checked_folder
from hubkit.registry.record import SIGNATURE_FILE, Record, parse_record, record_of
from hubkit.registry.upload import Say, Upload
from hubkit.settings import settings

if TYPE_CHECKING:
    from hubkit.core import Core


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published. ``steps`` says what this run had to do: nothing, when all was there."""

    record: Record
    record_path: Path
    tag: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What publishing would do."""

    name: str
    version: str
    repo_id: str
    tag: str
    create: bool
    upload: tuple[str, ...]
    remove: tuple[str, ...]
    size: int  # bytes of all files


def publish(
    folder: Path,
    repo_id: str,
    *,
    private: bool = False,
    core: Core | None = None,
    metrics: Sequence[Mapping[str, Any]] = (),
    conclusion: str | None = None,
    sign: Path | None = None,
    say: Say | None = None,
) -> Publication:
    """Publish an adapter folder as its version's tag ``vX.Y.Z`` of ``repo_id``, and write its index record.

    With ``core`` the tensors are loaded strictly first; ``metrics`` and ``conclusion`` are the report's, for the
    record; ``sign`` is a private key. Raises :class:`VerificationError` for a folder or card that is not as it should
    be or content that reads back otherwise, :class:`HubkitError` when the version exists with other content.
    """
    work = _prepared(folder, repo_id, core, sign, say)
    if not hub.has_token():
        raise hub.HubError("There is no token for the Hub.", "Run `hf auth login`, or set HF_TOKEN.")
    _record(work, "0" * 40, metrics, conclusion)  # what is wrong with it is to be known before the upload
    with hub.connected():
        there = work.repository(private)
        commit = work.commit_of_tag()
        if commit is None:
            work.check_same_adapter(work.listed(there.commit), there.commit)
            commit = work.commit(there.commit)
        work.read_back(commit)
        work.tag_as_published(commit)
    record = _record(work, commit, metrics, conclusion)
    path = record_path(work.content.manifest)
    write_text(path, record.line().decode())
    return Publication(record, path, work.tag, tuple(work.steps))


def plan(
    folder: Path, repo_id: str, *, private: bool = False, core: Core | None = None, sign: Path | None = None
) -> Plan:
    """Check everything that :func:`publish` checks before it writes, and say what it would do."""
    work = _prepared(folder, repo_id, core, sign, None)
    manifest = work.content.manifest
    there = work.found(private)
    changed, stale = list(work.files), list[str]()
    if there is not None:
        if work.commit_of_tag() is None:
            remote = work.listed(there.commit)
            work.check_same_adapter(remote, there.commit)
            changed, stale = work.changed(remote), work.stale(remote)
        else:
            changed = []
    size = sum(map(len, work.files.values()))
    return Plan(
        manifest.name, manifest.version, repo_id, work.tag, there is None, tuple(changed), tuple(stale), size
    )  # fmt: skip


def tentative_record(
    folder: Path, repo_id: str, metrics: Sequence[Mapping[str, Any]] = (), conclusion: str | None = None
) -> Record:
    """The record that a folder will have, but for the commit: what is wrong with it is known before the upload."""
    Place(repo_id, "0" * 40)  # refuses what is no repository
    work = Upload(checked_folder(folder), repo_id, None, None, lambda text: None)
    return _record(work, "0" * 40, metrics, conclusion)


def _prepared(folder: Path, repo_id: str, core: Core | None, sign: Path | None, say: Say | None) -> Upload:
    """Everything that can be known before the Hub is asked."""
    content = checked_folder(folder, core)
    Place(repo_id, "0" * 40)  # refuses a malformed repository
    signer = None
    if sign is not None:
        from hubkit.registry.signing import signer_of

        signer = signer_of(sign)
    if hub.is_offline():
        raise UsageError("HF_HUB_OFFLINE forbids the network.", "Unset it to publish.")
    return Upload(content, repo_id, sign, signer, say or (lambda text: None))


def record_path(manifest: Manifest) -> Path:
    """Where the record of what was published from this machine is kept."""
    return settings().home / "published" / f"{manifest.name}-{manifest.version}.jsonl"


def _record(work: Upload, commit: str, metrics: Sequence[Mapping[str, Any]], conclusion: str | None) -> Record:
    """The index record; the same publication has the same one, whenever it is run."""
    files = [
        FileReference(path=path, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        for path, data in work.files.items()
    ]
    kept = record_path(work.content.manifest)
    try:
        published = parse_record(kept.read_bytes().rstrip(b"\n"), str(kept)).published
    except (FileNotFoundError, VerificationError):
        published = None
    return record_of(
        _with_label(work.content.manifest), repo_id=work.repo_id, commit=commit, files=files, metrics=metrics,
        conclusion=conclusion, signer=work.signer if SIGNATURE_FILE in work.files else None, published=published,
    )  # fmt: skip


def _with_label(manifest: Manifest) -> Manifest:
    """With the narrowest group alone where the family is a path; a record takes plain labels, and has the languages."""
    label = (manifest.family or "").split(" > ")[-1]
    is_plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 @._:+-]{0,79}", label) is not None
    return manifest.model_copy(update={"family": label if is_plain else None})
