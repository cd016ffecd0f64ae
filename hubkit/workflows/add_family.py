"""``hubkit add-family``: one adapter for the languages of a family, judged in them and in relatives held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubkit.core.checkpoint import DEFAULT_CORE
from hubkit.errors import UsageError
from hubkit.languages import family_of
from hubkit.languages.names import plain
from hubkit.training.config import TrainingConfig
from hubkit.training.recipe import Recipe
from hubkit.workflows.events import Events
from hubkit.workflows.train import Outcome, train
from hubkit.workflows.work import config_of

DEFAULT_BUDGET = "600s"


@dataclass(frozen=True, slots=True)
class FamilyRequest:
    """A family that the user wants an adapter for: Glottolog's name of a group, or a common one (Bantu)."""

    family: str
    budget: str = DEFAULT_BUDGET
    core: str = DEFAULT_CORE
    held_out: tuple[str, ...] | None = None  # tags; by default relatives without text, else those with least
    most_languages: int | None = None
    suites: tuple[Path, ...] = ()
    sources: tuple[str, ...] | None = None
    recipe: Recipe = field(default_factory=Recipe)
    seed: int = 0
    strength: float | None = None
    license: str = "Apache-2.0"
    controls: bool = True

    def config(self) -> TrainingConfig:
        """The same as a training configuration. Raises :class:`hubkit.errors.NotFoundError` for an unknown family."""
        family_of(self.family)
        return config_of(
            name=name_of(self.family), languages=(self.family,), budget=self.budget, core=self.core,
            held_out=self.held_out, most_languages=self.most_languages, suites=tuple(map(str, self.suites)),
            sources=self.sources, recipe=self.recipe, seeds=(self.seed,), strength=self.strength,
            license=self.license, controls=self.controls,
        )  # fmt: skip


def name_of(family: str) -> str:
    """``Narrow Bantu`` → ``fam-narrow-bantu``. Raises :class:`UsageError` for a name without a Latin letter."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in plain(family)).split()
    if not words:
        raise UsageError(f"{family!r} makes no name of an adapter.", "Give a name with `hubkit train`.")
    return "-".join(("fam", *words))


def add_family(request: FamilyRequest, events: Events | None = None, track: Sequence[str] = ()) -> Outcome:
    """Train, evaluate and install an adapter for a family. Interrupted, the same request goes on where it stopped.

    ``track`` names experiment trackers. Raises the :class:`hubkit.errors.HubkitError` of the part that failed; nothing
    is installed then.
    """
    return train(request.config(), events, track=track)
