"""From an adapter's folder, or a record, to a record in an index and the text of its pull request.

Everything that the index's own checks look at is looked at first; only then is anything uploaded or written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.adapter.folder import read_manifest
from hubkit.errors import NotFoundError, UsageError, VerificationError
from hubkit.registry.index import writable_root
from hubkit.registry.index_edit import Added, add_record, read_record_file
from hubkit.registry.publish import record_path, tentative_record
from hubkit.registry.record import parse_record
from hubkit.workflows import contribute as publishing
from hubkit.workflows.local_checks import Check, check_acting, check_files, check_index, check_licences
from hubkit.workflows.pull_request import PullRequest, pull_request

if TYPE_CHECKING:
    from hubkit.adapter.manifest import Manifest
    from hubkit.registry.record import Record

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered: the folder of an adapter, or a file with a record. ``index`` is by default ./adapters_index."""

    path: Path
    repo_id: str | None = None
    index: Path | None = None
    core: str | None = None
    sign: Path | None = None
    dry_run: bool = False


@dataclass(slots=True)
class Outcome:
    """What came of it. Without ``passed`` nothing was uploaded or written, and there is no pull request."""

    root: Path
    checks: list[Check] = field(default_factory=list)
    record: Record | None = None
    added: Added | None = None
    pull_request: PullRequest | None = None

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


def offer(asked: Offer, say: Say | None = None) -> Outcome:
    """Check everything; then publish (a folder), add the record to the index, and write the pull request's text.

    Raises the :class:`hubkit.errors.HubkitError` of a request that cannot be met; what a check finds is in the outcome.
    """
    tell = say or (lambda text: None)
    root = writable_root(asked.index)
    if asked.path.is_dir():
        return _offer_adapter(asked, root, tell)
    if not asked.path.exists():
        raise NotFoundError(f"There is no {asked.path}.", "Name the folder of an adapter, or a file with a record.")
    return _offer_record(asked, root)


def _offer_adapter(asked: Offer, root: Path, say: Say) -> Outcome:
    outcome, (manifest, _) = Outcome(root), read_manifest(asked.path)
    request = publishing.Request(
        asked.path, _repository(asked, manifest), core=asked.core, index=root, sign=asked.sign
    )  # fmt: skip
    core = publishing.core_of(manifest, asked.core)
    outcome.checks.append(check_files(asked.path, core))
    if outcome.passed:
        outcome.record = record = _record(request)
        outcome.checks += [check_licences(record), check_index(record, root)]
    if outcome.passed:
        assert outcome.record is not None
        outcome.checks.append(check_acting(outcome.record, asked.path, core, root, say))
    if outcome.passed and not asked.dry_run:
        done = publishing.contribute(request, say)
        outcome.record, outcome.added = done.publication.record, done.added
    return _with_text(outcome, published=not asked.dry_run)


def _offer_record(asked: Offer, root: Path) -> Outcome:
    """A finding, or an adapter that is published already; what it does is checked by the index itself."""
    records = read_record_file(asked.path)
    if len(records) != 1:
        raise UsageError(f"{asked.path} has {len(records)} records.", "Offer one at a time.")
    outcome = Outcome(root, [check_licences(records[0]), check_index(records[0], root)], records[0])
    if outcome.passed and not asked.dry_run:
        outcome.added = add_record(root, records[0])
    return _with_text(outcome, published=True)


def _with_text(outcome: Outcome, published: bool) -> Outcome:
    if outcome.passed and outcome.record is not None:
        outcome.pull_request = pull_request(outcome.record, outcome.checks, published)
    return outcome


def _record(request: publishing.Request) -> Record:
    return tentative_record(request.folder, request.repo_id, **publishing.evidence_of(request.folder))


def _repository(asked: Offer, manifest: Manifest) -> str:
    """The repository that was named, else the one that this version was published to from this machine."""
    if asked.repo_id is not None:
        return asked.repo_id
    kept = record_path(manifest)
    try:
        return parse_record(kept.read_bytes().rstrip(b"\n"), str(kept)).repository.repo_id
    except (FileNotFoundError, VerificationError) as error:
        raise UsageError(
            f"{manifest.name} {manifest.version} was not published from here, so its repository is not known.",
            "Name it with --repo ORG/NAME.",
        ) from error
