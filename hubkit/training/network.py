"""The network that a run trains: where its adapter begins, and what it is stacked on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hubkit.composition.data import as_recipe
from hubkit.composition.member import CORE, Member
from hubkit.composition.recipe import Merge, Stack
from hubkit.composition.resolve import merge_weights, stacked_under
from hubkit.errors import UsageError
from hubkit.languages import find
from hubkit.registry.installed import find_installed
from hubkit.training.loop import adapter_config
from hubkit.training.stacked import TrainableStack

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.adapter.store import Adapter
    from hubkit.core import Core
    from hubkit.runtime.encoder import Encoder
    from hubkit.training.backend import Trainable
    from hubkit.training.recipe import Recipe


NO_ADAPTER = (None, "none", CORE)
"""How ``under`` says that a language has the core alone."""


def network_for(
    recipe: Recipe, encoder: Encoder, seed: int, under: str | Mapping[str, str | None] | None = None,
    warm_start: str | None = None,
) -> Trainable:  # fmt: skip
    """An adapter of ``recipe`` on the encoder's core: over the frozen ``under``, beginning as ``warm_start`` is.

    ``under`` is one stack, or one for each of several languages. The encoder's bank has or finds its adapters. Raises
    :class:`UsageError` for what cannot be trained on.
    """
    initial = None if warm_start is None else initial_tensors_of(warm_start, encoder.core)
    stack: Stack | Mapping[str, Stack | None] | None
    if isinstance(under, Mapping):
        stack = frozen_stacks(under, encoder.core)
    else:
        stack = None if under is None else frozen_stack(under, encoder.core)
    config = adapter_config(encoder.core, recipe)
    return TrainableStack(encoder, recipe.method, config, seed, stack, initial)


def frozen_stack(under: str, core: Core) -> Stack:
    """``fam-bantu`` → the stack of it and what it needs under it, in the versions that are installed.

    Raises :class:`UsageError` for anything but adapters at their stored strength, which is what a manifest can say, and
    :class:`NotFoundError` for an adapter that is not installed for this core.
    """
    recipe = as_recipe(under)
    members = recipe.parts if isinstance(recipe, Stack) and recipe.centre is None else ()
    if not members or any(not isinstance(part, Member) or part.strength is not None for part in members):
        raise UsageError(
            f"An adapter cannot be trained over {under!r}.",
            "Name installed adapters at their stored strength, such as fam-bantu.",
        )
    pinned: dict[str, Member] = {}
    for part in members:
        _pin(part, core, pinned)  # type: ignore[arg-type]
    return Stack(*pinned.values())


def frozen_stacks(under: Mapping[str, str | None], core: Core) -> dict[str, Stack | None]:
    """Language → :func:`frozen_stack` of what it says, by canonical tags; ``None`` is the core alone.

    Raises :class:`UsageError` for a language that is named twice, :class:`NotFoundError` for one that is none.
    """
    found: dict[str, Stack | None] = {}
    for word, text in under.items():
        tag = find(word).tag
        if tag in found:
            raise UsageError(f"{word} is {tag}, which under has already.", "Name a language once.")
        found[tag] = None if text in NO_ADAPTER else frozen_stack(str(text), core)
    return found


def _pin(member: Member, core: Core, pinned: dict[str, Member]) -> None:
    """Add the member, what it needs before it, each once."""
    installed = find_installed(member.name, member.spec or None, core.fingerprint)
    assert installed.manifest is not None
    for needed in stacked_under(installed.manifest):
        if needed.name not in pinned:
            _pin(needed, core, pinned)
    pinned.setdefault(member.name, Member(member.name, f"=={installed.version}"))


def initial_tensors_of(warm_start: str, core: Core) -> Mapping[str, Tensor]:
    """The tensors of an installed adapter, or the mean of several by the weights of a linear merge.

    Averaged are the parameters (Wortsman et al. 2022, "Model soups", arXiv 2203.05482), whatever the strengths. Raises
    :class:`UsageError` when they do not go together, :class:`NotFoundError` when one is not installed.
    """
    recipe, parts = _start(warm_start)
    adapters: dict[Any, Adapter] = {part: _installed(part, core) for part in parts}
    if isinstance(recipe, Member):
        return adapters[recipe].tensors
    weights = merge_weights(recipe, lambda member: _languages(adapters[member]))
    return _mean([adapters[part] for part in parts], weights, warm_start)


def pinned_start(warm_start: str, core: Core) -> str:
    """``lang-rw`` → ``lang-rw==0.1.0``: where training begins, in the versions that are installed.

    Raises like :func:`initial_tensors_of`.
    """
    recipe, parts = _start(warm_start)
    versions = {part: find_installed(part.name, part.spec or None, core.fingerprint).version for part in parts}
    pinned = tuple(replace(part, spec=f"=={versions[part]}") for part in parts)
    return str(replace(recipe, parts=pinned) if isinstance(recipe, Merge) else pinned[0])


def _start(warm_start: str) -> tuple[Merge | Member, tuple[Member, ...]]:
    """What it says: an adapter, or a merge, with the adapters that it names."""
    recipe: Any = as_recipe(warm_start)
    if isinstance(recipe, Stack) and len(recipe.parts) == 1 and recipe.centre is None:
        recipe = recipe.parts[0]
    averages = isinstance(recipe, Merge) and recipe.method in ("linear", "relatedness")
    parts: tuple[Any, ...] = tuple(recipe.parts) if averages else (recipe,)
    if any(not isinstance(part, Member) or part.strength is not None for part in parts):
        raise UsageError(
            f"Training cannot begin at {warm_start!r}.", "Name an installed adapter, or write merge(lang-rw, lang-rn)."
        )
    return recipe, parts


def _installed(member: Member, core: Core) -> Adapter:
    from hubkit.adapter.store import load_adapter

    found = find_installed(member.name, member.spec or None, core.fingerprint)
    adapter = load_adapter(found.folder, core)
    if adapter.vocabulary is not None:
        raise UsageError(f"{member} adds tokens.", "Begin at an adapter that adds none.")
    return adapter


def _languages(adapter: Adapter) -> tuple[str, ...]:
    assert adapter.manifest is not None
    return tuple(language.bcp47 for language in adapter.manifest.languages)


def _mean(adapters: Sequence[Adapter], weights: Sequence[float], text: str) -> dict[str, Tensor]:
    shapes = [{key: tensor.shape for key, tensor in adapter.tensors.items()} for adapter in adapters]
    if any(other != shapes[0] for other in shapes) or len({adapter.method for adapter in adapters}) > 1:
        raise UsageError(f"The adapters in {text} have other tensors.", "Merge adapters of one method and size.")
    total = sum(weights)
    found: dict[str, Tensor] = {}
    for key in shapes[0]:
        found[key] = sum(  # type: ignore[assignment]
            weight / total * adapter.tensors[key] for weight, adapter in zip(weights, adapters, strict=True)
        )
    return found
