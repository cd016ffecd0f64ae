"""Contribute an adapter: check it, publish it, add its record to an index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.adapter.folder import read_manifest
from hubkit.core.checkpoint import catalogue, open_core
from hubkit.errors import HubkitError, UsageError
from hubkit.evaluation.report import read_report
from hubkit.registry.index import Index
from hubkit.registry.index_edit import Added, add_record, check_record
from hubkit.registry.publish import Plan, Publication, plan, publish, tentative_record

if TYPE_CHECKING:
    from hubkit.adapter.manifest import Manifest
    from hubkit.core import Core


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be contributed where. ``core`` names the core when hubkit does not know it by its id."""

    folder: Path
    repo_id: str
    private: bool = False
    core: str | None = None
    index: Path | None = None
    sign: Path | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What was published, and where its record lies in the index."""

    publication: Publication
    added: Added | None


def contribute(request: Request, say: Callable[[str], None] | None = None) -> Contribution:
    """Publish and index an adapter; everything that can be refused is refused before anything is uploaded."""
    manifest, _ = read_manifest(request.folder)
    core = core_of(manifest, request.core)
    evidence = evidence_of(request.folder)
    _check_index(request, manifest, evidence)
    publication = publish(
        request.folder, request.repo_id, private=request.private, core=core, sign=request.sign, say=say, **evidence
    )
    added = None if request.index is None else add_record(request.index, publication.record)
    return Contribution(publication, added)


def plan_contribution(request: Request) -> Plan:
    """All checks, and what publishing would do."""
    manifest, _ = read_manifest(request.folder)
    core = core_of(manifest, request.core)
    _check_index(request, manifest, evidence_of(request.folder))
    return plan(request.folder, request.repo_id, private=request.private, core=core, sign=request.sign)


def core_of(manifest: Manifest, spec: str | None) -> Core:
    if spec is None and manifest.core.id not in catalogue():
        raise UsageError(
            f"{manifest.name} was made for the core {manifest.core.id}, which hubkit does not know.",
            "Name its folder with --core FOLDER.",
        )
    return open_core(spec or manifest.core.id)


def evidence_of(folder: Path) -> dict[str, Any]:
    """Metrics and conclusion of the report, as the record has them."""
    if not (folder / "report.json").is_file():
        return {}
    report = read_report(folder / "report.json")
    return {"metrics": report.metrics(), "conclusion": report.conclusion}


def _check_index(request: Request, manifest: Manifest, evidence: dict[str, Any]) -> None:
    """Whether the index would take the record; a version that it has already is compared when it is added."""
    record = tentative_record(request.folder, request.repo_id, **evidence)
    if request.index is None:
        return
    there = Index(request.index.absolute(), request.index.name).records(manifest.name)
    same = next((known for known in there if known.version == manifest.version), None)
    if same is None:
        check_record(request.index, record)
    elif same.repository.repo_id != request.repo_id:
        raise HubkitError(
            f"{same.key} is in {request.index} already, from {same.repository.repo_id}.", "Give it another version."
        )
