"""The wrong-family adapter: trained as the adapter was, on languages that have nothing to do with its own.

It is trained once per core, recipe, seed and set of sources, with as many steps as the adapter it is compared with
(steps, because seconds buy more on a quiet machine), and kept for later adapters of about that size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.adapter.store import Adapter, adapter_from_state
from hubkit.corpora.cleaning import sentences
from hubkit.corpora.family import gather_many
from hubkit.evaluation.controls.context import ControlContext, NotHadError, tested
from hubkit.evaluation.controls.kept import control_folder, digest, kept_or_trained
from hubkit.languages import Language, family_of
from hubkit.training.budget import Budget
from hubkit.training.curriculum import mixture_of
from hubkit.training.loop import Observer, Trained, Training
from hubkit.training.network import network_for
from hubkit.training.targets import Targets

if TYPE_CHECKING:
    from hubkit.core import Core
    from hubkit.corpora.source import Source
    from hubkit.evaluation.task import Tested
    from hubkit.training.recipe import Recipe

FAMILIES = ("Turkic", "Narrow Bantu")
LANGUAGES_IN_CONTROL = 8


@dataclass(frozen=True, slots=True)
class Control:
    """A wrong-family adapter and how it came about."""

    adapter: Adapter
    family: str
    languages: tuple[str, ...]
    steps: int
    seconds: float
    cached: bool

    def description(self) -> str:
        """One line for the report."""
        return (
            f"an adapter of an unrelated family ({self.family}: {', '.join(self.languages)}), "
            f"equal recipe and {self.steps} steps"
        )


def wrong_family(language: Language) -> str:
    """The first of :data:`FAMILIES` that ``language`` does not belong to."""
    return next(family for family in FAMILIES if not _is_in(language, family))


def _is_in(language: Language, family: str) -> bool:
    return family in language.family or language in family_of(family)


def train_wrong_family(
    family: str, core: Core, recipe: Recipe, asked: Sequence[Source], targets: Targets, steps: int, seed: int,
    observe: Observer | None = None, note: Callable[[str], None] = lambda text: None, under: str | None = None,
) -> Control:  # fmt: skip
    """The control adapter of ``family`` with about ``steps`` steps: a kept one, else trained now and kept.

    ``under`` are the adapters that it is stacked on, in pinned versions, as those of the adapter it is compared with.
    Raises :class:`NotHadError` when the sources have no text of the family, or training diverged.
    """
    name, sources = family.lower().replace(" ", "-"), sorted(source.name for source in asked)

    def train(run: Path) -> tuple[Trained, dict[str, Any]]:
        members = [language for language in family_of(family) if "-" not in language.tag]
        found = gather_many(members, asked, LANGUAGES_IN_CONTROL)
        pairs = {each.language.tag: sentences(each.all(), recipe.min_words, recipe.max_words) for each in found}
        if not any(pairs.values()):
            raise NotHadError(f"the sources have no text of the family {family}")
        mixture = mixture_of(recipe, pairs, seed=seed, domains={source.name: source.domain for source in asked})
        network = None if under is None else network_for(recipe, targets.frozen, seed, under)
        trained = Training(core, recipe, mixture, targets, Budget(steps=steps), seed, run, network).run(observe)
        return trained, {"family": family, "languages": sorted(pairs), "data": digest(pairs)}

    over = [] if under is None else [under]
    parent = control_folder(name, family, core.fingerprint, recipe.model_dump(mode="json"), sources, seed, *over)
    kept = kept_or_trained(parent, steps, train, note)
    adapter = adapter_from_state("fam-control", recipe.method, kept.config, kept.tensors, core)
    return Control(adapter, family, tuple(kept.facts["languages"]), kept.steps, kept.seconds, kept.cached)


def control_of(context: ControlContext) -> Control:
    """The wrong-family control of the context's adapter, at its strength."""
    recipe, targets = context.budget()
    if not context.sources:
        raise NotHadError("no source of text was given")
    family, core = wrong_family(context.language), context.encoder.core
    return train_wrong_family(
        family, core, recipe, context.sources, targets, context.steps, context.seed, context.observe, context.note,
        None if context.under is None else str(context.under),
    )  # fmt: skip


def make(context: ControlContext) -> Tested:
    """The system ``wrong-family``."""
    control = control_of(context)
    adapter = control.adapter.with_strength(context.adapter.strength)
    return tested(context, "wrong-family", control.description(), context.acting(adapter, "wrong-family"))
