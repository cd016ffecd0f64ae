"""A training run as data: what is trained, on what, over what, for how long. ``docs/train.md`` lists every field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hubkit.adapter.manifest import is_adapter_name
from hubkit.core.checkpoint import DEFAULT_CORE
from hubkit.errors import UsageError
from hubkit.training.budget import parse_budget
from hubkit.training.config_file import read_config, validated
from hubkit.training.recipe import Recipe

DEFAULT_BUDGET = "180s"
Kind = Literal["family", "fusion", "language", "task", "universal"]
_KINDS: Mapping[str, Kind] = {"fam": "family", "fuse": "fusion", "lang": "language", "task": "task"}
_ASSIGNMENT = re.compile(r"([A-Za-z_][\w.-]*)=(.*)", re.DOTALL)


def _several(value: Any) -> Any:
    """One word stands for a list of one."""
    return (value,) if isinstance(value, str | Path) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Strict(BaseModel):
    """Plain data: no unknown field, not changed after it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Files(Strict):
    """Some files in one language."""

    paths: Words = Field(min_length=1, description="a file, or aligned files that belong together")
    language: str | None = Field(None, description="its tag; by default the first of `languages`")
    kind: Literal["pairs", "text", "labelled", "tagged", "scored"] = Field(
        "pairs", description="parallel text, plain text, or text with classes, tags or scores"
    )
    license: str = Field("unspecified", description="an SPDX identifier")


class FurtherObjective(Strict):
    """An objective with data of its own, trained beside the recipe's."""

    objective: str = Field(description="as registered")
    parameters: dict[str, Any] = Field(default_factory=dict, description="of the objective")
    weight: float = Field(1.0, gt=0, description="factor on its loss")
    data: tuple[Files, ...] = Field((), description="its files; without them it sees the recipe's examples")


class TrainingConfig(Strict):
    """Everything that decides an adapter. The recipe is a part of it."""

    name: str = Field(description="of the adapter: `lang-rw`, `fam-bantu`, `task-topic`")
    kind: Kind | None = Field(None, description="by default what the name begins with")
    core: str = Field(DEFAULT_CORE, description="the core encoder: a name or a folder")
    languages: Words = Field((), description="tags, the name of a family, or `all`; by default what the name says")
    held_out: Words | None = Field(None, description="languages of the family that are evaluated and not trained on")
    most_languages: int | None = Field(None, ge=1, description="of a family, at most so many, those with most text")
    under: str | dict[str, str | None] | None = Field(
        None,
        description="installed adapters that it is stacked on, frozen: `fam-bantu`, or by language `{rw: lang-rw}`",
    )
    warm_start: str | None = Field(
        None, description="where its tensors begin: an installed adapter (`lang-rw==0.1.0`) or a linear merge"
    )
    sources: Words | None = Field(None, description="ask only these registered sources; `[]` for none")
    relatives: bool = Field(True, description="train a language's adapter on its relatives' text too")
    data: tuple[Files, ...] = Field((), description="your own files")
    development: dict[str, Words] = Field(
        default_factory=dict, description="parallel files by language tag, of another origin, to choose the strength on"
    )
    suites: Words = Field((), description="held-out suites beside UDHR: registered names, files or folders")
    recipe: Recipe = Field(default_factory=Recipe, description="how: [the recipe](training.md#the-recipe)")
    objectives: tuple[FurtherObjective, ...] = Field((), description="objectives with data of their own")
    budget: str = Field(DEFAULT_BUDGET, description="a time or a number of steps: `5m`, `400steps`")
    seeds: tuple[int, ...] = Field((0,), min_length=1, description="one run each; the first one's adapter is installed")
    strength: float | None = Field(None, gt=0, description="instead of choosing it")
    controls: bool = Field(True, description="train the wrong-family control")
    license: str = Field("Apache-2.0", description="of the adapter")

    @model_validator(mode="before")
    @classmethod
    def _kind_of_name(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and not values.get("kind") and isinstance(name := values.get("name"), str):
            return {**values, "kind": _KINDS.get(name.partition("-")[0])}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> TrainingConfig:
        if not is_adapter_name(self.name) or self.kind is None:
            raise ValueError(f"{self.name!r} cannot be the name: write lang-TAG, fam-NAME or task-NAME")
        prefix = self.name.partition("-")[0]
        if _KINDS[prefix] != ("family" if self.kind == "universal" else self.kind):
            raise ValueError(f"an adapter of the kind {self.kind} is not named {self.name}")
        if len(set(self.seeds)) != len(self.seeds) or min(self.seeds) < 0:
            raise ValueError("seeds are distinct numbers from 0 on")
        try:
            parse_budget(self.budget)
        except UsageError as error:
            raise ValueError(str(error)) from None
        if self.kind in ("language", "fusion") and len(self.languages) > 1:
            raise ValueError(f"{self.name} is for one language, not for {', '.join(self.languages)}")
        if isinstance(self.under, dict) and (self.kind != "task" or not self.under):
            raise ValueError("under by language is for task adapters, and names one language at least")
        if self.held_out is not None and self.kind not in ("family", "universal"):
            raise ValueError(f"held_out is for families, not for the kind {self.kind}")
        return self

    def asked_languages(self) -> tuple[str, ...]:
        """The languages or the family that the configuration names, in its own words or by the adapter's name."""
        if self.languages:
            return self.languages
        if self.kind == "universal":
            return ("all",)
        if isinstance(self.under, dict):
            return tuple(self.under)
        if self.kind == "task":
            raise UsageError(f"{self.name} names no language.", "Say which with languages: [TAG].")
        return (self.name.partition("-")[2],)


def read_training_config(path: Path, assignments: Sequence[str] = ()) -> TrainingConfig:
    """The configuration in a YAML, TOML or JSON file with ``key=value`` changes. Raises :class:`UsageError`."""
    return with_assignments(read_config(path), assignments, str(path))


def with_assignments(values: Mapping[str, Any], assignments: Sequence[str], where: str) -> TrainingConfig:
    """``values`` changed by assignments such as ``recipe.batch_size=64``, whose values are read as YAML.

    Raises :class:`UsageError` for an assignment that is none, and for a field that is unknown or cannot have the value.
    """
    changed: Any = _plain(values)
    for assignment in assignments:
        match = _ASSIGNMENT.fullmatch(assignment)
        if match is None:
            raise UsageError(f"{assignment!r} changes nothing.", "Write --set recipe.batch_size=64.")
        try:
            value = yaml.safe_load(match[2]) if match[2] else None
        except yaml.YAMLError as error:
            raise UsageError(f"The value of {match[1]} cannot be read.", "Quote it as in YAML.") from error
        _assign(changed, match[1].split("."), value, assignment)
    return validated(TrainingConfig, changed, where)


def _assign(target: Any, path: Sequence[str], value: Any, assignment: str) -> None:
    for place, part in enumerate(path[:-1]):
        if isinstance(target, list) and part.isdigit() and int(part) < len(target):
            target = target[int(part)]
        elif isinstance(target, dict):
            if target.get(part) is None:
                target[part] = {}
            target = target[part]
        else:
            raise UsageError(f"{assignment}: {'.'.join(path[: place + 1])} is no table.", "Check the path.")
    last = path[-1]
    if isinstance(target, list) and last.isdigit() and int(last) < len(target):
        target[int(last)] = value
    elif isinstance(target, dict):
        target[last] = value
    else:
        raise UsageError(f"{assignment}: there is nothing to set.", "Check the path.")


def _plain(value: Any) -> Any:
    """Copies of the tables and lists."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
