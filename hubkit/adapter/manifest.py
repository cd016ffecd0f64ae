"""``manifest.json``: what an adapter is, what it needs, what it was made from, and the hash of each of its files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from hubkit.adapter.strict_json import parse_json
from hubkit.errors import VerificationError

if TYPE_CHECKING:
    from hubkit.core import Core

TRAINING_FILE = "training.json"
FILE_NAMES = frozenset(
    {
        "adapter_config.json",
        "adapter.safetensors",
        "adapter_fusion_config.json",
        "centre.safetensors",
        "golden.json",
        "golden.safetensors",
        "model_adapter_fusion.safetensors",
        "vocabulary.json",
        "vocabulary.safetensors",
        "report.json",
        TRAINING_FILE,
        "README.md",
    }
)
_GOLDEN_FILES = frozenset({"golden.json", "golden.safetensors"})
REQUIRED_FILES = _GOLDEN_FILES | {"adapter_config.json", "adapter.safetensors"}
FUSION_FILES = _GOLDEN_FILES | {"adapter_fusion_config.json", "model_adapter_fusion.safetensors"}
MAX_FILE_BYTES = 1 << 30
NAME_PATTERN = r"^(fam|fuse|lang|task)(-[A-Za-z0-9]+)+$"
VERSION_PATTERN = r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}((a|b|rc)(0|[1-9][0-9]*))?$"


def _checked_specifiers(value: str) -> str:
    try:
        SpecifierSet(value)
    except InvalidSpecifier as error:
        raise ValueError(str(error)) from error
    return value


_PREFIXES = {"family": "fam-", "fusion": "fuse-", "language": "lang-", "task": "task-"}
Kind = Literal["family", "fusion", "language", "task"]
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=80)]
Version = Annotated[str, Field(pattern=VERSION_PATTERN, max_length=40, description="PEP 440: X.Y.Z, aN, bN or rcN")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
PrefixedSha256 = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Specifiers = Annotated[str, AfterValidator(_checked_specifiers)]
Text = Annotated[str, Field(min_length=1, max_length=1000)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LanguageReference(_Model):
    """A language by its codes."""

    bcp47: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{2,8}(-[A-Za-z0-9]{1,8})*$")]
    iso639_3: Annotated[str, Field(pattern=r"^[a-z]{3}$")]
    glottocode: Annotated[str, Field(pattern=r"^[a-z0-9]{4}[0-9]{4}$")] | None = None
    name: Text


class CoreReference(_Model):
    """The core that an adapter was made for; it acts on no other."""

    id: Text
    fingerprint: PrefixedSha256
    tokenizer_sha256: PrefixedSha256
    pooling: Literal["mean", "cls"]
    prefix: str


class Dependency(_Model):
    """Another adapter that this one needs: stacked under it, or as part of a branch of a fusion."""

    name: Name
    spec: Annotated[Specifiers, Field(description="PEP 440 version specifiers, such as >=1.1,<2")]
    role: Literal["stack-under", "fuse"] = "stack-under"


class FileReference(_Model):
    """One file of the adapter's folder."""

    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    sha256: Sha256
    size: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES, description="bytes")]


class TrainingData(_Model):
    """One corpus that the adapter was trained on."""

    source: Text
    origin: Text
    license: Text
    pairs: Annotated[int, Field(ge=0, description="sentence pairs used")]
    languages: tuple[str, ...] = Field(default=(), description="BCP-47 tags")


class Compute(_Model):
    """What making the adapter cost."""

    device: Text
    seconds: Annotated[float, Field(ge=0, description="wall time of training")]
    steps: Annotated[int, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    peak_memory_bytes: Annotated[int, Field(ge=0)] | None = None
    energy_kwh: Annotated[float, Field(ge=0)] | None = None
    method: Literal["measured", "estimated"] = "measured"


class Manifest(_Model):
    """An adapter version. ``files`` and ``digest`` are filled in when it is saved."""

    schema_version: Literal[1] = 1
    name: Name
    version: Version
    kind: Kind
    languages: Annotated[tuple[LanguageReference, ...], Field(min_length=1)]
    family: Text | None = None
    method: Text
    scaling: float = Field(description="factor on the adapter's output as it was trained")
    strength: float = Field(description="factor on top of scaling that is stored with the adapter; not 0")
    core: CoreReference
    dependencies: tuple[Dependency, ...] = ()
    license: Text
    training_data: tuple[TrainingData, ...]
    seeds: tuple[int, ...]
    hyperparameters: dict[str, JsonValue]
    compute: Compute
    hubkit: Text = Field(description="version of hubkit that wrote the adapter")
    created: datetime
    files: tuple[FileReference, ...] = ()
    digest: PrefixedSha256 | None = Field(default=None, description="over all other fields, as canonical JSON")

    @model_validator(mode="after")
    def _is_consistent(self) -> Manifest:
        if not self.name.startswith(_PREFIXES[self.kind]):
            raise ValueError(f"the name of a {self.kind} adapter begins with {_PREFIXES[self.kind]!r}: {self.name}")
        if self.strength == 0:
            raise ValueError("strength 0 is no adapter")
        if self.created.tzinfo is None:
            raise ValueError("created has no time zone")
        paths = [file.path for file in self.files]
        if len(set(paths)) != len(paths):
            raise ValueError("a file is listed twice")
        if unknown := sorted(set(paths) - FILE_NAMES):
            raise ValueError(f"files that an adapter does not have: {', '.join(unknown)}")
        if (self.kind == "fusion") != (self.method == "fusion"):
            raise ValueError(f"the method of a fusion, and of nothing else, is fusion: {self.kind} with {self.method}")
        if (self.kind == "fusion") != any(needed.role == "fuse" for needed in self.dependencies):
            raise ValueError("a fusion, and nothing else, lists the adapters of its branches as dependencies")
        return self

    def sealed(self, files: tuple[FileReference, ...]) -> Manifest:
        """A copy that lists ``files`` and holds the digest of everything else."""
        listed = self.model_copy(update={"files": files, "digest": None})
        return listed.model_copy(update={"digest": _digest(listed.model_dump(mode="json"))})

    def json_bytes(self) -> bytes:
        """The content of ``manifest.json``."""
        value = self.model_dump(mode="json")
        return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def _digest(content: Mapping[str, Any]) -> str:
    """``sha256:…`` over the fields other than ``digest``, keys sorted, no spaces, UTF-8."""
    fields = {key: value for key, value in content.items() if key != "digest"}
    canonical = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def required_files(kind: str) -> frozenset[str]:
    """The files that an adapter of this kind has in any case."""
    return FUSION_FILES if kind == "fusion" else REQUIRED_FILES


def core_reference(core: Core) -> CoreReference:
    """What a manifest says about this core."""
    return CoreReference(
        id=core.id,
        fingerprint=core.fingerprint,
        tokenizer_sha256=core.tokenizer_sha256,
        pooling=core.pooling,
        prefix=core.prefix,
    )


def is_adapter_name(text: str) -> bool:
    """Whether ``text`` has the form of an adapter name, such as ``lang-rw``."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Parse ``manifest.json``. Raises :class:`VerificationError` that names ``where`` and what is wrong."""
    content = parse_json(data, where)
    try:
        manifest = Manifest.model_validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise VerificationError(
            f"{where} is not a valid manifest: {place}: {first['msg']}.", "Fetch the adapter again, or update hubkit."
        ) from error
    if manifest.digest != (found := _digest(content)):
        raise VerificationError(f"{where} has digest {found}, it says {manifest.digest}.", "Fetch the adapter again.")
    return manifest


def json_schema() -> dict[str, Any]:
    """The JSON schema of ``manifest.json``."""
    return Manifest.model_json_schema(mode="serialization")
