"""What is evaluated: an installed adapter, a recipe, or what serves a language; with how it was trained."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.adapter.manifest import TRAINING_FILE, is_adapter_name
from hubkit.composition.data import as_recipe
from hubkit.composition.member import CORE, Member, member_from_text
from hubkit.composition.recipe import Stack
from hubkit.core import open_core
from hubkit.errors import HubkitError, NotFoundError, UsageError
from hubkit.evaluation.controls.context import encode_with
from hubkit.evaluation.report import AdapterInfo
from hubkit.evaluation.task import Tested
from hubkit.languages import Language, find
from hubkit.plugins import registered
from hubkit.registry.installed import Installed, find_installed
from hubkit.runtime.languages import NoAdapterWarning
from hubkit.runtime.load import choose, load, open_adapter
from hubkit.training.config import TrainingConfig
from hubkit.training.config_file import validated
from hubkit.training.network import frozen_stack
from hubkit.training.recipe import Recipe
from hubkit.workflows.reproduce import recorded

if TYPE_CHECKING:
    from hubkit.adapter.store import Adapter
    from hubkit.runtime.encoder import Encoder
    from hubkit.workflows.events import Events
    from hubkit.workflows.reproduce import Recorded

_RECIPE_MARKS = frozenset("+*(")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is evaluated. ``acting`` answers; ``adapter`` is the uppermost one, where there is one, over ``under``.

    ``config`` is how it was trained, as far as that is known; ``recorded`` its ``training.json``.
    """

    name: str
    version: str
    languages: tuple[Language, ...]
    encoder: Encoder  # the frozen core, with a bank that finds installed adapters
    acting: Encoder
    installed: tuple[Installed, ...] = ()  # every adapter that the recipe names, the uppermost last
    adapter: Adapter | None = None
    under: Stack | None = None
    config: TrainingConfig | None = None
    recorded: Recorded | None = None

    @property
    def top(self) -> Installed | None:
        """The installed version that the adapter under test is."""
        return self.installed[-1] if self.adapter is not None else None

    @property
    def digests(self) -> str:
        """What identifies the adapters beside their answers."""
        found = [f"{one.name} {one.manifest.digest}" for one in self.installed if one.manifest is not None]
        return "; ".join([str(self.acting.recipe), *found])

    @property
    def steps(self) -> int:
        """Optimiser steps that the adapter had; 0 where that is not known."""
        manifest = self.top.manifest if self.top else None
        return (manifest.compute.steps or 0) if manifest else 0

    def info(self) -> AdapterInfo:
        """As the report has it."""
        method = "none" if not self.installed else "recipe" if self.adapter is None else self.adapter.method
        strength = None if self.adapter is None else self.adapter.strength
        return AdapterInfo(name=self.name, version=self.version, method=method, strength=strength)

    def systems(self) -> list[Tested]:
        """The core and, where it is another thing, the subject."""
        english = encode_with(self.encoder)
        core = Tested(CORE, "the frozen core alone", english, english, self.encoder)
        if not self.installed:
            return [core]
        what = f"{self.name} {self.version}" if self.adapter is not None else self.name
        return [core, Tested("adapter", f"this adapter, {what}", encode_with(self.acting), english, self.acting)]


def open_subject(text: str, core: str, tags: Sequence[str], events: Events) -> Subject:
    """``lang-rw``, ``lang-rw==0.1.0``, ``rw``, ``0.5*fam-bantu + lang-rw`` or ``core``, in the languages of these tags.

    A language means its own adapter where one is installed, else what is planned for it, which may be the core alone.
    Raises :class:`NotFoundError` for what is not installed, :class:`UsageError` where no language is known.
    """
    open_core(core, events.advance)  # it may have to be fetched, which is shown
    encoder = load(core=core)
    asked, acting = _acting(text.strip(), encoder)
    installed = [_installed(member, encoder) for member in acting.recipe.members()]
    languages = [find(tag) for tag in tags] or [find(tag) for tag in asked] or _languages(installed)
    if not languages:
        raise UsageError(f"{text} is for no language.", "Say in which to evaluate it with --language TAG.")
    name, version = _named(text.strip(), acting, installed)
    known = _known(acting, installed, encoder, core) if installed else {}
    return Subject(name, version, tuple(dict.fromkeys(languages)), encoder, acting, tuple(installed), **known)  # type: ignore[arg-type]


def _acting(text: str, encoder: Encoder) -> tuple[list[str], Encoder]:
    """The tag of a language that was asked for, and the encoder with what answers."""
    if text == CORE:
        return [], encoder
    if _RECIPE_MARKS & set(text):
        return [], choose(encoder, recipe=text)
    if is_adapter_name(member_from_text(text).name):
        return [], choose(encoder, text)
    tag = find(text).tag
    try:
        find_installed(f"lang-{tag}", None, encoder.core.fingerprint)
    except NotFoundError:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoAdapterWarning)  # the report says it
            return [tag], choose(encoder, tag)
    return [tag], choose(encoder, f"lang-{tag}")


def _installed(member: Member, encoder: Encoder) -> Installed:
    return find_installed(member.name, member.spec or None, encoder.core.fingerprint)


def _languages(installed: Sequence[Installed]) -> list[Language]:
    """Those of the uppermost adapter."""
    manifest = installed[-1].manifest if installed else None
    return [find(language.bcp47) for language in manifest.languages] if manifest is not None else []


def _named(text: str, acting: Encoder, installed: Sequence[Installed]) -> tuple[str, str]:
    """Name and version: an adapter's own, else the recipe with a hash of it and its versions."""
    if not installed:
        return CORE, "-"
    if len(acting.recipe.members()) == 1 and acting.recipe.members()[0].strength is None:
        return installed[-1].name, installed[-1].version
    versions = [f"{one.name}=={one.version}" for one in installed]
    digest = hashlib.sha256(repr((str(acting.recipe), versions)).encode()).hexdigest()[:8]
    return re.sub(r"[^A-Za-z0-9.+*(){},: -]", "-", text), digest


def _known(acting: Encoder, installed: Sequence[Installed], encoder: Encoder, core: str) -> dict[str, object]:
    """The uppermost adapter of a stack, what is under it, and how it was trained; nothing of other recipes."""
    recipe = acting.recipe
    last = recipe.parts[-1] if isinstance(recipe, Stack) else None
    if not isinstance(recipe, Stack) or not isinstance(last, Member):
        return {}
    adapter = open_adapter(installed[-1].folder, encoder)
    adapter = adapter if last.strength is None else adapter.with_strength(last.strength)
    config, before = _training(installed[-1], core)
    return {
        "adapter": adapter,
        "under": _under(recipe, before, installed, encoder),
        "config": config,
        "recorded": before,
    }


def _under(recipe: Stack, before: Recorded | None, installed: Sequence[Installed], encoder: Encoder) -> Stack | None:
    """What the uppermost adapter stands on here: what the recipe names, else what it was trained over."""
    if len(recipe.parts) > 1:
        return Stack(*recipe.parts[:-1])
    if before is not None and isinstance(before.under, str):
        under = as_recipe(before.under)
        return under if isinstance(under, Stack) else Stack(under)  # type: ignore[arg-type]
    manifest = installed[-1].manifest
    needed = [one for one in manifest.dependencies if one.role == "stack-under"] if manifest is not None else []
    return frozen_stack(" + ".join(f"{one.name}{one.spec}" for one in needed), encoder.core) if needed else None


def _training(installed: Installed, core: str) -> tuple[TrainingConfig | None, Recorded | None]:
    """The configuration in ``training.json``, else one made of the manifest; None where neither gives one."""
    if (installed.folder / TRAINING_FILE).is_file():
        before = recorded(f"{installed.name}=={installed.version}")
        config = validated(TrainingConfig, before.config, f"{TRAINING_FILE} of {installed.name}")
        suites = tuple(name for name in config.suites if name in registered("tasks"))
        return config.model_copy(update={"core": core, "suites": suites}), before
    manifest = installed.manifest
    if manifest is None or manifest.kind != "language":
        return None, None
    settings = {key: value for key, value in manifest.hyperparameters.items() if key in Recipe.model_fields}
    try:
        recipe = validated(Recipe, {**settings, "method": manifest.method}, "The manifest")
        made = TrainingConfig(
            name=manifest.name, core=core, recipe=recipe, budget=str(manifest.hyperparameters.get("budget", "1steps")),
            languages=tuple(language.bcp47 for language in manifest.languages), seeds=manifest.seeds or (0,),
        )  # fmt: skip
    except (HubkitError, ValueError):
        return None, None
    return made, None
