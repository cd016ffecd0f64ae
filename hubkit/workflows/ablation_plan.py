"""An ablation as data: arms that differ in one thing each, trained on the same text for as many steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

from hubkit.core.checkpoint import DEFAULT_CORE
from hubkit.errors import UsageError
from hubkit.training.budget import parse_budget
from hubkit.training.config_file import read_config, suggestion, validated
from hubkit.training.recipe import Recipe

FILE_MARK = "/"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Families(_Strict):
    """The languages whose text the adapters are trained on: those that should help, and those that should not."""

    right: tuple[str, ...] = Field((), description="one shared adapter of these, instead of one adapter a language")
    wrong: tuple[str, ...] = Field((), description="the control's; by default a family that is unrelated")


class Arm(_Strict):
    """What decides an adapter besides the seed."""

    recipe: Recipe
    budget: str = Field(description="optimiser steps, as equal as what is compared allows: 400steps")
    network: Literal["adapter", "full", "peft-lora"] = Field(
        "adapter", description="what learns: the recipe's adapter, all layers of the core, or LoRA as PEFT trains it"
    )
    sources: tuple[str, ...] | None = Field(None, description="ask only these registered sources")
    relatives: bool = Field(True, description="train on the text of relatives too (without families.right)")
    extra_data: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="files by language tag")
    families: Families = Families()
    under: str | None = Field(None, description="installed adapters that it is stacked on, frozen")
    warm_start: str | None = Field(None, description="an installed adapter, or a linear merge, to begin at")

    @property
    def steps(self) -> int:
        """Optimiser steps of every cell. Raises :class:`UsageError` for a budget in time."""
        budget = parse_budget(self.budget)
        if budget.steps is None:
            raise UsageError(f"The budget {self.budget} is a time.", "Give steps, equal on any machine: 400steps.")
        return budget.steps

    @model_validator(mode="after")
    def _alone(self) -> Arm:
        if self.network != "adapter" and (self.under or self.warm_start):
            raise ValueError(f"network {self.network} stands on the core alone: leave under and warm_start out")
        return self


class Plan(_Strict):
    """The grid arms × seeds × languages."""

    core: str = Field(DEFAULT_CORE, description="the core encoder")
    base: dict[str, Any] = Field(default_factory=dict, description="recipe fields that all arms share")
    arms: dict[str, dict[str, Any]] = Field(description="name → what it changes of `base`")
    control: str = Field(description="the arm that the others are compared with")
    languages: tuple[str, ...] = Field(min_length=1, description="evaluated, and without families.right trained on")
    seeds: tuple[int, ...] = Field((0,), min_length=1)
    budget: str = Field(description="optimiser steps of every arm that names no other: 400steps")
    sources: tuple[str, ...] | None = Field(None, description="ask only these registered sources; [] for none")
    relatives: bool = True
    extra_data: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="training files by language tag")
    families: Families = Families()
    under: str | None = Field(None, description="installed adapters that all are stacked on, frozen: fam-bantu")
    warm_start: str | None = Field(None, description="an installed adapter, or a linear merge, where all begin")
    development: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="test files by language tag")
    development_pairs: int = Field(300, ge=20, description="at most so many of a language's development pairs")
    suites: tuple[str, ...] = Field((), description="registered suites or paths; not to choose by")
    controls: bool = Field(True, description="train each arm on the wrong family too")
    strengths: tuple[PositiveFloat, ...] = Field((0.5, 1.0), min_length=1, description="scored at each of them")

    @model_validator(mode="after")
    def _consistent(self) -> Plan:
        if self.control not in self.arms:
            raise ValueError(f"control {self.control!r} is none of the arms {', '.join(self.arms)}")
        if odd := [name for name in self.arms if not name or FILE_MARK in name]:
            raise ValueError(f"an arm cannot be named {odd[0]!r}")
        for name in ("languages", "seeds", "strengths"):
            if len(set(values := getattr(self, name))) != len(values):
                raise ValueError(f"{name} has the same value twice")
        if not self.development and not self.suites:
            raise ValueError("neither development text nor suites: nothing to score on")
        return self

    def arm(self, name: str) -> Arm:
        """The arm's recipe and text: the plan's, then ``base``, then its own. Raises :class:`UsageError`."""
        own = {key: getattr(self, key) for key in _TEXT if key in Plan.model_fields}
        for where, changes in (("base", self.base), (f"arm {name}", self.arms[name])):
            own = _changed(own, changes, where)
        recipe = validated(Recipe, {key: value for key, value in own.items() if key not in _TEXT}, f"arm {name}")
        text = {key: value for key, value in own.items() if key in _TEXT}
        return validated(Arm, {**text, "recipe": recipe}, f"arm {name}")


_TEXT = tuple(name for name in Arm.model_fields if name != "recipe")


def read_plan(path: Path) -> Plan:
    """The plan in a YAML, TOML or JSON file, every arm checked; paths in it are relative to where the command runs.

    Raises :class:`UsageError` that names the key.
    """
    plan = validated(Plan, read_config(path), str(path))
    _ = [plan.arm(name).steps for name in plan.arms]
    return plan


def _changed(values: dict[str, Any], changes: dict[str, Any], where: str) -> dict[str, Any]:
    """``values`` with ``changes``, whose keys may be dotted: ``objective_parameters.temperature``."""
    known = (*Recipe.model_fields, *_TEXT)
    new = dict(values)
    for dotted, value in changes.items():
        first, *rest = dotted.split(".")
        if first not in known:
            raise UsageError(f"{where} has the unknown key {first}.", suggestion(first, known))
        if not rest:
            new[first] = value
            continue
        inner = new.get(first, {})
        table = dict(inner.model_dump() if isinstance(inner, BaseModel) else inner)
        new[first] = table
        for part in rest[:-1]:
            table[part] = dict(table.get(part, {}))
            table = table[part]
        table[rest[-1]] = value
    return new
