"""An index record: one published version of an adapter as one line of JSON, pinned to a commit and to file hashes.

A record holds no URL and names no code: a repository is an id, a commit 40 hexadecimal digits, a file one of a few
known names. Nothing in it changes after publication but ``yanked``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from packaging.version import Version as ParsedVersion
from pydantic import Field, ValidationError, field_validator, model_validator

from hubkit.adapter.folder import MANIFEST_FILE
from hubkit.adapter.manifest import (
    FILE_NAMES,
    Dependency,
    FileReference,
    Manifest,
    PrefixedSha256,
    Version,
    required_files,
)
from hubkit.adapter.strict_json import parse_json
from hubkit.errors import VerificationError
from hubkit.registry.record_fields import (
    Kind,
    Label,
    LanguageCodes,
    Metric,
    Name,
    Plain,
    Provenance,
    RecordCompute,
    RecordCore,
    Requirement,
    Source,
    Text,
    Training,
)

SIGNATURE_FILE = "model.sig"
RECORD_FILES = FILE_NAMES | {MANIFEST_FILE, SIGNATURE_FILE}
REQUIRED_RECORD_FILES = required_files("language") | {MANIFEST_FILE}
REPORT_FILE = "report.json"
FINDING_FILES = frozenset({REPORT_FILE, "README.md"})
MAX_LINE_BYTES = 1 << 18
MAX_ADAPTER_BYTES = 2 << 30  # of all files of a version
MAX_SPEC_CHARACTERS = 100
PREFIXES = {"family": "fam-", "fusion": "fuse-", "language": "lang-", "task": "task-", "finding": "finding-"}


class Record(Plain):
    """One published version. A ``finding`` publishes a result instead of an adapter: "none needed", "no gain"."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    name: Name
    version: Version
    kind: Kind
    method: Label
    languages: Annotated[tuple[LanguageCodes, ...], Field(min_length=1, max_length=2000)]
    family: Label | None = None
    license: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+() -]*$", max_length=200)]
    core: RecordCore
    requires: Requirement = Requirement()
    source: Source | None = Field(default=None, description="of every adapter; a finding may lie in the index alone")
    files: Annotated[tuple[FileReference, ...], Field(max_length=len(RECORD_FILES))]
    deps: Annotated[tuple[Dependency, ...], Field(max_length=16)] = ()
    train: Training = Training()
    metrics: Annotated[tuple[Metric, ...], Field(max_length=500)] = ()
    conclusion: Text | None = Field(default=None, description="what the report concludes, in its words")
    report: PrefixedSha256 | None = Field(default=None, description="of the report.json behind a finding")
    compute: RecordCompute | None = None
    provenance: Provenance | None = None
    published: datetime
    yanked: Literal[False] | Text = Field(default=False, description="false, or why nobody should install it any more")

    @property
    def key(self) -> str:
        """``lang-rw==1.2.0``."""
        return f"{self.name}=={self.version}"

    @property
    def repository(self) -> Source:
        """Where its files are. Raises :class:`VerificationError` for a finding, which may have none."""
        if self.source is None:
            raise VerificationError(f"{self.key} has no files: it is in the index alone.", "Read it there.")
        return self.source

    @property
    def owner(self) -> str:
        """The account that it was published from; empty for a finding that lies in the index alone."""
        return "" if self.source is None else self.source.repo_id.partition("/")[0]

    @property
    def parsed_version(self) -> ParsedVersion:
        return ParsedVersion(self.version)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def gain(self) -> float | None:
        """The smallest mean gain over the core among the metrics of the first suite; ``None`` without metrics.

        Raw and centred figures are both there as a rule, so what centring alone would give does not count.
        """
        gains: dict[str, list[float]] = {}
        for entry in self.metrics:
            if entry.suite == self.metrics[0].suite:
                gains.setdefault(entry.metric, []).append(entry.gain)
        return round(min(sum(each) / len(each) for each in gains.values()), 4) if gains else None

    @field_validator("published")
    @classmethod
    def _has_time_zone(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("published has no time zone")
        return value.astimezone(timezone.utc)

    @model_validator(mode="after")
    def _is_consistent(self) -> Record:
        _check_specifiers(self)
        if not self.name.startswith(PREFIXES[self.kind]):
            raise ValueError(f"the name of a {self.kind} begins with {PREFIXES[self.kind]!r}: {self.name}")
        if any(dependency.name == self.name for dependency in self.deps):
            raise ValueError(f"{self.name} depends on itself")
        if len({dependency.name for dependency in self.deps}) != len(self.deps):
            raise ValueError("a dependency is listed twice")
        _check_files(self)
        return self

    def line(self) -> bytes:
        """The record as its line of the index, with the newline; equal records have equal lines."""
        value = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _check_specifiers(record: Record) -> None:
    """Dependencies' ranges are short and in PEP 440's operators; ``===`` would let any text in."""
    for spec in (record.requires.hubkit, *(dependency.spec for dependency in record.deps)):
        if len(spec) > MAX_SPEC_CHARACTERS or "===" in spec or not spec.isprintable():
            raise ValueError(f"no version specifier for a record: {spec[:40]!r}")


def _check_files(record: Record) -> None:
    paths = [file.path for file in record.files]
    allowed = FINDING_FILES if record.kind == "finding" else RECORD_FILES
    if len(set(paths)) != len(paths):
        raise ValueError("a file is listed twice")
    if unknown := sorted(set(paths) - allowed):
        raise ValueError(f"files that a {record.kind} does not have: {', '.join(unknown)}")
    if record.kind == "finding":
        if record.deps or not record.metrics or record.conclusion is None:
            raise ValueError("a finding has metrics, a conclusion and no dependencies")
        if record.report is None and REPORT_FILE not in paths:
            raise ValueError("a finding names the report behind it: report, or report.json among its files")
    elif missing := sorted((required_files(record.kind) | {MANIFEST_FILE}) - set(paths)):
        raise ValueError(f"files that are not listed: {', '.join(missing)}")
    if record.source is None and (record.kind != "finding" or paths):
        raise ValueError("files need a source: the repository and commit that they are in")
    if (record.provenance is not None) != (SIGNATURE_FILE in paths):
        raise ValueError(f"provenance and the file {SIGNATURE_FILE} come together")
    if record.size > MAX_ADAPTER_BYTES:
        raise ValueError(f"the files have {record.size} bytes together, at most {MAX_ADAPTER_BYTES} are allowed")


def parse_record(line: bytes, where: str) -> Record:
    """Parse one line of an index (or a file with one record). Raises :class:`VerificationError` naming ``where``."""
    if len(line) > MAX_LINE_BYTES:
        raise VerificationError(
            f"{where} has {len(line)} bytes, a record has at most {MAX_LINE_BYTES}.", "Remove or correct the line."
        )
    parse_json(line, where)
    try:
        return Record.model_validate_json(line, strict=True)
    except ValidationError as error:
        raise VerificationError(f"{where} is not a valid record: {_first(error)}.", "Correct the record.") from error


def _first(error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    first = min(errors, key=lambda each: each["type"] == "literal_error")  # of a union the part that says more
    return f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}"


def record_of(
    manifest: Manifest,
    *,
    repo_id: str,
    commit: str,
    files: Iterable[FileReference],
    metrics: Sequence[Mapping[str, Any]] = (),
    conclusion: str | None = None,
    requires_hubkit: str = ">=0.1",
    signer: str | None = None,
    published: datetime | None = None,
) -> Record:
    """The record of an adapter whose folder was uploaded as ``commit`` of ``repo_id``.

    ``files`` are all uploaded files that a record lists, ``manifest.json`` among them; ``metrics`` are
    ``Report.metrics()``. Raises :class:`VerificationError` when that is no valid record.
    """
    content = {
        **_described(manifest),
        "requires": {"hubkit": requires_hubkit},
        "source": {"repo_id": repo_id, "commit": commit},
        "files": sorted((file.model_dump() for file in files), key=lambda file: PurePosixPath(file["path"]).name),
        "metrics": list(metrics),
        "conclusion": conclusion,
        "provenance": None if signer is None else {"signer": signer},
        "published": (published or datetime.now(timezone.utc)).replace(microsecond=0),
    }
    try:
        return Record.model_validate(content)
    except ValidationError as error:
        raise VerificationError(
            f"{manifest.name} {manifest.version} cannot be an index record: {_first(error)}.", "Correct its manifest."
        ) from error


def _described(manifest: Manifest) -> dict[str, Any]:
    """The fields of a record that its manifest knows."""
    compute = manifest.compute
    return {
        "name": manifest.name,
        "version": manifest.version,
        "kind": manifest.kind,
        "method": manifest.method,
        "languages": [language.model_dump(exclude={"name"}) for language in manifest.languages],
        "family": manifest.family,
        "license": manifest.license,
        "core": manifest.core.model_dump(include={"id", "fingerprint", "tokenizer_sha256"}),
        "deps": [dependency.model_dump() for dependency in manifest.dependencies],
        "train": {
            "datasets": [{"id": d.source, "revision": d.origin, "license": d.license} for d in manifest.training_data],
            "pairs": sum(data.pairs for data in manifest.training_data),
            "tokens": compute.tokens,
            "seeds": manifest.seeds,
        },
        "compute": {
            "device": compute.device,
            "hours": round(compute.seconds / 3600, 4),
            "kwh": compute.energy_kwh,
            "method": compute.method,
        },
    }


def json_schema() -> dict[str, Any]:
    """The JSON schema of a record, published as ``adapters_index/schema.json``."""
    return Record.model_json_schema(mode="serialization", by_alias=True)
