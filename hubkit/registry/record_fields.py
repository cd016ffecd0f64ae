"""The parts of an index record: languages, core, source, training data, figures; no field takes a URL or code."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from hubkit.adapter.manifest import PrefixedSha256, Specifiers

RECORD_NAME_PATTERN = r"^(fam|finding|fuse|lang|task)(-[A-Za-z0-9]+)+$"


def _is_plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("a character cannot be printed")
    if "://" in text:
        raise ValueError("a record holds no URL")
    return text


Kind = Literal["family", "fusion", "language", "task", "finding"]
Name = Annotated[str, Field(pattern=RECORD_NAME_PATTERN, max_length=80)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=400), AfterValidator(_is_plain)]
Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*$", max_length=60)]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 @._:+-]*$", max_length=80)]
RepoId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_]|[.-][A-Za-z0-9_])*/[A-Za-z0-9]([A-Za-z0-9_]|[.-][A-Za-z0-9_])*$",
               max_length=96),
]  # fmt: skip
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$", description="40 hexadecimal digits")]
Share = Annotated[float, Field(ge=-1, le=1)]


class Plain(BaseModel):
    """Plain data: no unknown field, no NaN, not changed after it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class LanguageCodes(Plain):
    """A language by its codes."""

    bcp47: Tag
    iso639_3: Annotated[str, Field(pattern=r"^[a-z]{3}$")]
    glottocode: Annotated[str, Field(pattern=r"^[a-z0-9]{4}[0-9]{4}$")] | None = None


class RecordCore(Plain):
    """The core that the adapter acts on, and no other."""

    id: Label
    fingerprint: PrefixedSha256
    tokenizer_sha256: PrefixedSha256


class Requirement(Plain):
    """What must be installed to use the adapter."""

    hubkit: Annotated[Specifiers, Field(max_length=100, description="PEP 440 version specifiers")] = ">=0.1"


class Source(Plain):
    """Where the files are: a repository and a commit; the endpoint is the user's choice."""

    repo_id: RepoId
    commit: Commit


class Dataset(Plain):
    """Text that the adapter was trained on."""

    id: Text
    revision: Text | None = None
    license: Text


class Training(Plain):
    """What the adapter was made from."""

    datasets: Annotated[tuple[Dataset, ...], Field(max_length=200)] = ()
    pairs: Annotated[int, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    seeds: Annotated[tuple[int, ...], Field(max_length=100)] = ()
    code_commit: Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")] | None = None


class Metric(Plain):
    """One figure on one held-out suite, beside the core's and every control's.

    ``ci95`` is the interval of the gain ``value - core``. ``language`` is given where a record has several.
    """

    suite: Label
    metric: Label
    value: Share
    core: Share
    ci95: tuple[Share, Share]
    controls: Annotated[dict[Label, Share], Field(max_length=40)] = {}
    n: Annotated[int, Field(ge=0, description="items of the suite")] | None = None
    language: Tag | None = None

    @property
    def gain(self) -> float:
        return self.value - self.core

    @model_validator(mode="after")
    def _is_interval(self) -> Metric:
        if self.ci95[0] > self.ci95[1]:
            raise ValueError("the bounds of ci95 are the wrong way round")
        return self


class RecordCompute(Plain):
    """What making the adapter cost."""

    device: Text
    hours: Annotated[float, Field(ge=0)]
    kwh: Annotated[float, Field(ge=0)] | None = None
    method: Literal["measured", "estimated"] = "measured"


class Provenance(Plain):
    """A signature over the files, and whose it is: a key's hash or an identity."""

    signature: Literal["model.sig"] = "model.sig"
    signer: Text
