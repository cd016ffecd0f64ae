"""``hubkit.load``: a language, an adapter, a folder or a recipe → an encoder that is ready to use."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.adapter.manifest import is_adapter_name
from hubkit.adapter.store import Adapter, load_adapter
from hubkit.composition.candidates import candidates_locked
from hubkit.composition.data import as_recipe
from hubkit.composition.member import Member, member_from_text
from hubkit.composition.recipe import CoreAlone, Ensemble, Fuse, Recipe, Stack
from hubkit.core import Core, load_model, open_core
from hubkit.core.checkpoint import DEFAULT_CORE
from hubkit.errors import NotFoundError, UsageError
from hubkit.registry.provide import Provider, folder_at_commit
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.fallback import UNVERIFIED, import_plain, is_plain, runs_here, with_adapters
from hubkit.runtime.languages import AUTO, NoAdapterWarning, Planned, warn_of_core
from hubkit.runtime.network import Network

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["NoAdapterWarning", "load", "open_adapter"]


def load(
    adapter: str | os.PathLike[str] | None = None,
    core: str = DEFAULT_CORE,
    centre: bool = False,
    *,
    recipe: str | Mapping[str, Any] | Recipe | None = None,
    languages: Sequence[str] | str | None = None,
    fold: bool = False,
    locked: str | os.PathLike[str] | None = None,
    byte_limit: int | None = None,
    device: str | None = None,
) -> Encoder:
    """An encoder for a language, with the adapter that is named, with a recipe, or for text of several languages.

    ``adapter`` is a language (tag, code or name), an adapter (``lang-rw``, ``lang-rw>=1,<2``), a repository at a commit
    (``ORG/NAME@`` and 40 digits), or an adapter's folder (a path with a separator, or a ``Path``); without it the core
    answers alone. ``recipe`` composes adapters: ``"0.5*fam-bantu + lang-rw"``, a :class:`hubkit.Stack`, its data. With
    ``languages`` each sentence is served by the recipe of its language, which is identified among these ("auto": among
    all that can be). What is not installed is found in the indexes, fetched, verified and installed; ``locked`` names a
    lock file, which alone then says the versions.
    ``centre`` makes :meth:`Encoder.encode` subtract the adapter's stored mean vector by default. ``fold`` makes the
    recipe a part of the network (:meth:`Encoder.fold`): faster, for this one recipe. ``byte_limit`` bounds the adapters
    kept in memory; ``device`` is where the model runs, by default what the settings say ("cpu").

    A language that no adapter serves is answered by the core with a :class:`NoAdapterWarning`. Raises
    :class:`NotFoundError` for an unknown language or adapter and :class:`VerificationError` for one that is refused.

        >>> hubkit.load("rw").encode(["Mwaramutse"]).shape
        (1, 384)
    """
    if sum(value is not None for value in (adapter, recipe, languages)) > 1:
        raise UsageError("load() was given more than one of an adapter, a recipe and languages.", "Give one of them.")
    if fold and languages is not None:
        raise UsageError("With languages each sentence has its recipe; only one can be folded.", "Leave out fold.")
    opened = open_core(core)
    if isinstance(adapter, str) and (fetched := folder_at_commit(adapter)) is not None:
        adapter = fetched
    if (folder := _plain_folder(adapter)) is not None and runs_here(folder) is None:
        return with_adapters(folder, opened, device, centre)
    provider = Provider.of(opened.fingerprint, None if locked is None else Path(locked))
    encoder = _core_alone(opened, provider, byte_limit, device, languages)
    chosen = choose(encoder, adapter, recipe, centre)
    return chosen.fold() if fold else chosen


def choose(
    encoder: Encoder,
    adapter: str | os.PathLike[str] | None = None,
    recipe: str | Mapping[str, Any] | Recipe | None = None,
    centre: bool = False,
) -> Encoder:
    """An encoder that :func:`load` made, on the same model with what is asked for here, as :func:`load` takes it."""
    if recipe is not None:
        return _ready(encoder.with_recipe(recipe, centre=centre))
    if isinstance(adapter, str) and not _is_path(adapter) and not _names_adapter(adapter):
        return _for_language(adapter, encoder, centre)
    if adapter is None:
        return encoder
    if isinstance(adapter, str) and not _is_path(adapter):
        chosen = _named(member_from_text(adapter), encoder)
        reason = f"it is the newest installed version of {adapter}"
    else:
        folder = _plain_folder(adapter)
        found = import_plain(folder, encoder) if folder else open_adapter(Path(adapter).expanduser(), encoder)
        encoder.bank.add(found)
        chosen = _recipe_of(Member(found.name), found.fused)
        reason = f"it is the folder {adapter}{f'; {UNVERIFIED}' if folder else ''}"
    return _ready(encoder.with_recipe(chosen, centre=centre, reason=reason))


def open_adapter(folder: str | os.PathLike[str], encoder: Encoder, verify_golden: bool = True) -> Adapter:
    """Load an adapter folder strictly for this encoder's core; its golden vectors are checked once on this machine."""

    def encode(adapter: Adapter, sentences: Sequence[str]) -> Tensor:
        if adapter.fused:
            return _vectors_of_fusion(adapter, encoder, sentences)
        vectors: Tensor = encoder.adapted(adapter).encode(sentences, convert_to_tensor=True)
        return vectors

    return load_adapter(Path(folder), encoder.core, encode if verify_golden else None)


def _core_alone(
    core: Core, provider: Provider, byte_limit: int | None, device: str | None, languages: Sequence[str] | str | None
) -> Encoder:
    """The core with a bank that finds adapters by itself."""
    planned = Planned(core, languages, None if provider.lock is None else candidates_locked(provider.lock))
    model = None if device is None else load_model(core).to(device)  # type: ignore[arg-type]

    def open_(key: str) -> Adapter:
        member = member_from_text(key)
        return open_adapter(provider.folder(member.name, member.spec), encoder)

    encoder = Encoder(core, network=Network.of(core, model, None, open_, byte_limit), planned=planned)
    if languages is not None and languages != AUTO:
        for tag in languages:
            _ready(encoder.with_recipe(planned.recipe(tag)))
    return encoder


def _for_language(name: str, encoder: Encoder, centre: bool) -> Encoder:
    assert encoder._planned is not None
    plan = encoder._planned.plan(name)
    if plan.recipe is None:
        warn_of_core(plan, stacklevel=5)
        if centre:
            raise UsageError(f"The core has no stored mean vector for {name}.", "Pass centre=fit_centre(texts).")
        return encoder.with_recipe(CoreAlone(), reason=f"The core answers alone: {plan.because}")
    return _ready(encoder.with_recipe(plan.recipe, centre=centre, reason=plan.because))


def _ready(encoder: Encoder) -> Encoder:
    """The same encoder, its adapters loaded and verified now rather than when it first encodes."""
    whole = encoder.recipe
    for part in whole.parts if isinstance(whole, Ensemble) else (whole,):
        with encoder.network.stacked(part) as stacked:
            if encoder.centre and stacked.stored is None and stacked.centre is None:
                raise UsageError(
                    f"{part} has no stored mean vector.", "Load it without centre and pass centre=fit_centre(texts)."
                )
    return encoder


def _named(member: Member, encoder: Encoder) -> Recipe:
    with encoder.bank.using(f"{member.name}{member.spec}") as entry:
        return _recipe_of(member, entry.fused)


def _recipe_of(member: Member, fused: Sequence[str]) -> Recipe:
    """The adapter alone; a fusion with its branches."""
    if fused:
        return Fuse(*[as_recipe(branch) for branch in fused], fusion=member)  # type: ignore[arg-type]
    return Stack(member)


def _vectors_of_fusion(adapter: Adapter, encoder: Encoder, sentences: Sequence[str]) -> Tensor:
    """Unit vectors under a fusion that is not to stay in memory if it is refused."""
    member = Member(f"{adapter.name} unverified")
    encoder.bank.add(adapter, member.name)
    try:
        vectors: Tensor = encoder.with_recipe(_recipe_of(member, adapter.fused)).encode(
            sentences, convert_to_tensor=True
        )
        return vectors
    finally:
        with suppress(NotFoundError):
            encoder.bank.evict(member.name)


def _plain_folder(adapter: str | os.PathLike[str] | None) -> Path | None:
    """The folder that is meant, if `adapters` wrote it."""
    if adapter is None or (isinstance(adapter, str) and not _is_path(adapter)):
        return None
    folder = Path(adapter).expanduser()
    return folder if is_plain(folder) else None


def _is_path(text: str) -> bool:
    return text.startswith((".", "~")) or "/" in text or os.sep in text


def _names_adapter(text: str) -> bool:
    try:
        return is_adapter_name(member_from_text(text).name)
    except UsageError:
        return False
