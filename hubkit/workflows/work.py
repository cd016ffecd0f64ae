"""What the steps of adding a language share: the request, and what the first steps found."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.core.checkpoint import DEFAULT_CORE
from hubkit.training.recipe import Recipe

if TYPE_CHECKING:
    from hubkit.languages import Language
    from hubkit.runtime.encoder import Encoder
    from hubkit.training.budget import Budget
    from hubkit.training.mixture import Mixture
    from hubkit.training.targets import Targets
    from hubkit.workflows.cost import Cost
    from hubkit.workflows.data import Data
    from hubkit.workflows.events import Events

DEFAULT_BUDGET = "180s"


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for."""

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


@dataclass(frozen=True, slots=True)
class Work:
    """A run once its text is gathered."""

    request: Request
    language: Language
    budget: Budget
    encoder: Encoder  # the frozen core
    targets: Targets
    data: Data
    mixture: Mixture
    cost: Cost
    events: Events
