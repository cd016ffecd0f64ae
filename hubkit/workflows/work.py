"""What the steps of a training run share: what was asked for, and what the first steps found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.composition.member import Member
from hubkit.composition.recipe import Stack
from hubkit.core.checkpoint import DEFAULT_CORE
from hubkit.languages import find
from hubkit.training.config import DEFAULT_BUDGET, Files, TrainingConfig
from hubkit.training.recipe import Recipe

if TYPE_CHECKING:
    from hubkit.adapter.store import Adapter
    from hubkit.languages import Language
    from hubkit.runtime.encoder import Encoder
    from hubkit.training.budget import Budget
    from hubkit.training.mixture import Mixture
    from hubkit.training.targets import Targets
    from hubkit.workflows.cost import Cost
    from hubkit.workflows.data import Data
    from hubkit.workflows.events import Events


@dataclass(frozen=True, slots=True)
class Request:
    """A language that the user wants an adapter for: the small case of a training configuration."""

    language: str
    budget: str = DEFAULT_BUDGET
    core: str = DEFAULT_CORE
    data: tuple[str, ...] = ()
    data_license: str = "unspecified"
    dev: tuple[str, ...] = ()
    suites: tuple[Path, ...] = ()
    sources: tuple[str, ...] | None = None
    recipe: Recipe = field(default_factory=Recipe)
    seed: int = 0
    strength: float | None = None
    license: str = "Apache-2.0"
    controls: bool = True

    def config(self) -> TrainingConfig:
        """The same as a configuration. Raises :class:`hubkit.errors.HubkitError` for a language that is none."""
        tag = find(self.language).tag
        return config_of(
            name=f"lang-{tag}", languages=(tag,), budget=self.budget, core=self.core, sources=self.sources,
            data=(Files(paths=self.data, license=self.data_license),) if self.data else (),
            development={tag: self.dev} if self.dev else {}, suites=tuple(map(str, self.suites)), recipe=self.recipe,
            seeds=(self.seed,), strength=self.strength, license=self.license, controls=self.controls,
        )  # fmt: skip


def config_of(**values: object) -> TrainingConfig:
    """A configuration of these values. Raises :class:`hubkit.errors.UsageError` for one that cannot be."""
    from hubkit.training.config_file import validated

    return validated(TrainingConfig, values, "The request")


@dataclass(frozen=True, slots=True)
class Work:
    """A run once its text is gathered."""

    config: TrainingConfig
    budget: Budget
    encoder: Encoder  # the frozen core
    targets: Targets
    data: Data
    mixture: Mixture
    cost: Cost
    events: Events
    under: Stack | None = None  # what the adapter is stacked on, in pinned versions
    stacks: Mapping[str, Stack | None] = field(default_factory=dict)  # the same by language, where that decides
    track: tuple[str, ...] = ()  # experiment trackers that are told how training goes

    @property
    def language(self) -> Language:
        """The main language."""
        return self.data.language

    @property
    def seed(self) -> int:
        """The seed of the adapter that is kept."""
        return self.config.seeds[0]

    def pinned(self) -> str | dict[str, str | None] | None:
        """What the adapter is stacked on, as JSON values."""
        if self.stacks:
            return {tag: None if stack is None else str(stack) for tag, stack in self.stacks.items()}
        return None if self.under is None else str(self.under)

    def under_in(self, language: str | None) -> Stack | None:
        """What the adapter is stacked on in text of this language; the core alone where it has no stack of its own."""
        return self.stacks.get(language or "") if self.stacks else self.under

    def acting(self, adapter: Adapter | None, role: str = "adapter", language: str | None = None) -> Encoder:
        """An encoder with an adapter that is not installed, or none, over what it is stacked on in ``language``.

        Adapters of different roles can be used at the same time.
        """
        if (under := self.under_in(language)) is None:
            return self.encoder.adapted(adapter)
        if adapter is None:
            return self.encoder.with_recipe(under)
        key = f"{adapter.name} {role} in memory"
        self.encoder.bank.add(adapter, key)
        return self.encoder.with_recipe(Stack(*under.parts, Member(key)))
