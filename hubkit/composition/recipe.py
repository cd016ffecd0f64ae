"""Recipes as data: frozen, hashable trees of adapters.

>>> from hubkit.composition.recipe import Merge, Stack
>>> print(Stack(("fam-bantu", 0.5), Merge({"lang-rw": 0.6, "lang-rn": 0.4}), centre="lang-rw"))
0.5*fam-bantu + merge(lang-rw: 0.6, lang-rn: 0.4) - mean(lang-rw)

``str(recipe)`` and :func:`hubkit.composition.grammar.parse`, ``recipe.to_data()`` and
:func:`hubkit.composition.data.from_data` are inverses of each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubkit.composition.member import CORE, Member, check_name, member_from_text, name_text
from hubkit.composition.rules import MergeMethod, check_method, checked_density, checked_seed, checked_weights, finite
from hubkit.composition.tree import call_text, centre_text, check_tree, members_of, present, set_fields
from hubkit.errors import UsageError

TEMPERATURE = 0.1


@dataclass(frozen=True, slots=True)
class CoreAlone:
    """No adapter at all: ``core``."""

    parts: tuple[()] = ()
    centre: None = None

    def __str__(self) -> str:
        return CORE

    def members(self) -> tuple[Member, ...]:
        """No adapters."""
        return ()

    def to_data(self) -> dict[str, Any]:
        """The recipe as JSON data."""
        return {"core": True}


@dataclass(frozen=True, slots=True, init=False)
class Stack:
    """One after the other, the first next to the core: ``fam-bantu + lang-rw``. Pfeiffer et al., arXiv 2005.00052.

    Each part is a name, a (name, strength), a :class:`Member`, a :class:`Merge` or a :class:`Fuse`. ``centre`` names
    the member whose stored mean is removed from the vectors.
    """

    parts: tuple[Member | Merge | Fuse, ...]
    centre: str | None

    def __init__(self, *parts: Part, centre: str | None = None) -> None:
        rule = "A Stack holds adapters, Merges and Fuses."
        set_fields(self, parts=tuple(_inner(part, (Member, Merge, Fuse), rule) for part in parts), centre=centre)
        check_tree(self)

    def __str__(self) -> str:
        is_lone = len(self.parts) == 1 and not isinstance(self.parts[0], Member)
        text = f"stack({self.parts[0]})" if is_lone else " + ".join(map(str, self.parts))
        return text + centre_text(self.centre)

    def members(self) -> tuple[Member, ...]:
        """All adapters in order."""
        return members_of(self.parts)

    def to_data(self) -> dict[str, Any]:
        """The recipe as JSON data."""
        return {"stack": [part.to_data() for part in self.parts]} | present(centre=self.centre)


@dataclass(frozen=True, slots=True, init=False)
class Merge:
    """One adapter made of several: ``merge(lang-rw: 0.6, lang-rn: 0.4)``; see :mod:`hubkit.composition.merge`.

    ``parts`` maps adapters (or Merges) to weights, or lists them: then weights are equal, or ``weights``. ``density``
    is for ties (.2) and dare (.5), ``seed`` for dare. ``relatedness`` has no weights but the language ``target``, from
    which they follow (:func:`hubkit.composition.resolve.merge_weights`).
    """

    parts: tuple[Member | Merge, ...]
    weights: tuple[float, ...] | None
    method: MergeMethod
    density: float | None
    seed: int | None
    target: str | None
    centre: str | None

    def __init__(
        self,
        parts: Mapping[Any, float] | Iterable[Part],
        method: MergeMethod = "linear",
        *,
        weights: Sequence[float] | None = None,
        density: float | None = None,
        seed: int | None = None,
        target: str | None = None,
        centre: str | None = None,
    ) -> None:
        check_method(method)
        if isinstance(parts, (str, Member, Merge)):
            raise UsageError(f"A Merge of {parts} alone.", 'Write Merge({"lang-rw": 0.6, "lang-rn": 0.4}).')
        if isinstance(parts, Mapping):
            if weights is not None:
                raise UsageError("The Merge has its weights twice.", "Map adapters to weights, or pass weights.")
            weights = tuple(parts.values())
        inner = tuple(_merge_part(part) for part in parts)
        set_fields(
            self,
            parts=inner,
            weights=_merge_weights(weights, len(inner), method, target),
            method=method,
            density=checked_density(method, density),
            seed=checked_seed(method, seed),
            target=target,
            centre=centre,
        )
        check_tree(self)

    @classmethod
    def arithmetic(cls, a: Part, strength: float, b: Part, c: Part, *, centre: str | None = None) -> Merge:
        """a + λ (b − c), λ = ``strength``: what b has and c lacks is added to a. Ilharco et al., arXiv 2212.04089.

        Equal members count together, and what cancels out is left out.
        """
        strength = finite(strength, "λ")
        weights: dict[Member | Merge, float] = {}
        for part, weight in ((a, 1.0), (b, strength), (c, -strength)):
            inner = _merge_part(part)
            weights[inner] = weights.get(inner, 0.0) + weight
        return cls({part: weight for part, weight in weights.items() if weight}, "arithmetic", centre=centre)

    def __str__(self) -> str:
        options = present(density=self.density, seed=self.seed, target=self.target and name_text(self.target))
        if self.method != "linear":
            options = {"method": self.method, **options}
        return call_text("merge", self.parts, self.weights, options) + centre_text(self.centre)

    def members(self) -> tuple[Member, ...]:
        """All adapters in order."""
        return members_of(self.parts)

    def to_data(self) -> dict[str, Any]:
        """The recipe as JSON data."""
        weights = None if self.weights is None else list(self.weights)
        options = present(weights=weights, density=self.density, seed=self.seed, target=self.target, centre=self.centre)
        return {"merge": [part.to_data() for part in self.parts], "method": self.method} | options


@dataclass(frozen=True, slots=True, init=False)
class Fuse:
    """Learned attention over branches: ``fuse(lang-rw, lang-rn, fusion=fuse-lakes)``. AdapterFusion, arXiv 2005.00247.

    A branch is an adapter, a :class:`Stack` of adapters or a :class:`Merge`. ``fusion`` is the adapter that holds the
    attention's weights for just these branches in this order; None while it is still to be trained.
    """

    parts: tuple[Member | Stack | Merge, ...]
    fusion: Member | None
    centre: str | None

    def __init__(self, *branches: Part, fusion: str | Member | None = None, centre: str | None = None) -> None:
        rule = "The branches of a Fuse are adapters, Stacks of adapters and Merges."
        parts = tuple(_inner(branch, (Member, Stack, Merge), rule) for branch in branches)
        for part in parts:
            if isinstance(part, Stack) and not all(isinstance(inner, Member) for inner in part.parts):
                raise UsageError(f"{part} cannot be a branch. {rule}", "Stack what it holds under or on the Fuse.")
        reference = None if fusion is None else _inner(fusion, (Member,), "The fusion of a Fuse is an adapter.")
        if reference is not None and reference.strength is not None:
            raise UsageError(f"The fusion {reference.name} has a strength.", "Give the branches theirs.")
        set_fields(self, parts=parts, fusion=reference, centre=centre)
        check_tree(self)

    def __str__(self) -> str:
        return call_text("fuse", self.parts, None, present(fusion=self.fusion)) + centre_text(self.centre)

    def members(self) -> tuple[Member, ...]:
        """All adapters in order, the fusion last."""
        return members_of(self.parts) + (() if self.fusion is None else (self.fusion,))

    def to_data(self) -> dict[str, Any]:
        """The recipe as JSON data."""
        fusion = None if self.fusion is None else self.fusion.to_data()
        return {"fuse": [part.to_data() for part in self.parts]} | present(fusion=fusion, centre=self.centre)


@dataclass(frozen=True, slots=True, init=False)
class Ensemble:
    """Each recipe encodes, and the vectors are averaged: ``ensemble(lang-rw, fam-bantu, temperature=0.1)``.

    With ``weights`` (≥ 0), or weighted for each text by how sure a recipe is of it: softmax(−entropy / temperature);
    Wang et al., 2021 (EMEA, arXiv 2109.04877). It costs as many forwards as there are recipes.
    """

    parts: tuple[CoreAlone | Stack | Merge | Fuse, ...]
    weights: tuple[float, ...] | None
    temperature: float | None
    centre: str | None

    def __init__(
        self,
        *recipes: Part | CoreAlone,
        weights: Sequence[float] | None = None,
        temperature: float | None = None,
        centre: str | None = None,
    ) -> None:
        parts = tuple(_whole(recipe) for recipe in recipes)
        if weights is None:
            temperature = TEMPERATURE if temperature is None else finite(temperature, "The temperature of an Ensemble")
            if temperature <= 0:
                raise UsageError(f"The temperature of an Ensemble is {temperature}.", "Choose one above 0.")
        else:
            if temperature is not None:
                raise UsageError("An Ensemble has weights and a temperature.", "Give one; weights need no entropy.")
            weights = checked_weights(weights, len(parts), "linear", "Ensemble")
            if any(weight < 0 for weight in weights):
                raise UsageError("A weight of the Ensemble is negative.", "Choose weights of 0 or more.")
        set_fields(self, parts=parts, weights=weights, temperature=temperature, centre=centre)
        check_tree(self)

    def __str__(self) -> str:
        options = present(temperature=self.temperature)
        return call_text("ensemble", self.parts, self.weights, options) + centre_text(self.centre)

    def members(self) -> tuple[Member, ...]:
        """All adapters in order."""
        return members_of(self.parts)

    def to_data(self) -> dict[str, Any]:
        """The recipe as JSON data."""
        weights = None if self.weights is None else list(self.weights)
        options = present(weights=weights, temperature=self.temperature, centre=self.centre)
        return {"ensemble": [part.to_data() for part in self.parts]} | options


Node = Stack | Merge | Fuse | Ensemble
Recipe = CoreAlone | Node
Part = str | tuple[str, float] | Member | Stack | Merge | Fuse


def _inner(part: Any, allowed: tuple[type, ...], rule: str) -> Any:
    """What is written as a part of a form: a Stack of one is that one. Raises :class:`UsageError` with the rule."""
    if isinstance(part, str):
        part = member_from_text(part)
    elif isinstance(part, tuple) and len(part) == 2 and isinstance(part[0], (str, Member)):
        part = _with_strength(*part)
    if getattr(part, "centre", None) is not None:
        raise UsageError(f"{part} is centred, inside another form.", "Centre the whole: it is the last step.")
    if isinstance(part, Stack) and len(part.parts) == 1:
        part = part.parts[0]
    if not isinstance(part, allowed):
        what = str(part) if isinstance(part, Recipe) else repr(part)
        raise UsageError(f"{what} cannot be there. {rule}", "Nest the forms the other way round.")
    return part


def _with_strength(adapter: str | Member, strength: float) -> Member:
    member = member_from_text(adapter) if isinstance(adapter, str) else adapter
    if member.strength is not None:
        raise UsageError(f"{adapter} has its strength twice.", "Write it once.")
    if strength is None:
        raise UsageError(f"The strength of {adapter} is missing.", "Write a number, or the name alone.")
    return Member(member.name, member.spec, strength)


def _merge_part(part: Any) -> Member | Merge:
    if isinstance(part, tuple):
        raise UsageError(
            f"The Merge has {part!r}: weight or strength?", "Map adapters to weights; write a strength 0.5*lang-rw."
        )
    inner: Member | Merge = _inner(part, (Member, Merge), "A Merge holds adapters and Merges.")
    return inner


def _merge_weights(
    weights: Sequence[float] | None, count: int, method: str, target: object
) -> tuple[float, ...] | None:
    if method != "relatedness":
        if target is not None:
            raise UsageError(f"The merge method {method} has no target.", "Leave it out, or choose relatedness.")
        return checked_weights(weights, count, method)
    if weights is not None:
        raise UsageError("A Merge by relatedness has weights.", "Leave them out: they follow from the target.")
    if not isinstance(target, str):
        raise UsageError("A Merge by relatedness lacks its target.", "Add the language that it is for: target=rw.")
    check_name(target)
    return None


def _whole(recipe: Any) -> CoreAlone | Stack | Merge | Fuse:
    """One recipe of an Ensemble; it may be centred."""
    if recipe == CORE:
        return CoreAlone()
    if isinstance(recipe, (CoreAlone, Stack, Merge, Fuse)):
        return recipe
    return Stack(_inner(recipe, (Member,), "An Ensemble holds whole recipes that are no Ensembles."))
