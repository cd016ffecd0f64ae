"""What all recipes share: how a tree of them is walked, checked and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hubkit.composition.member import check_name, name_text
from hubkit.composition.rules import number_text
from hubkit.errors import UsageError

if TYPE_CHECKING:
    from hubkit.composition.member import Member

MAX_DEPTH, MAX_MEMBERS = 8, 256


def set_fields(recipe: object, **fields: Any) -> None:
    """Fill a frozen recipe that is being made."""
    for name, value in fields.items():
        object.__setattr__(recipe, name, value)


def members_of(parts: Iterable[Any]) -> tuple[Member, ...]:
    """The adapters of all parts in order."""
    return tuple(member for part in parts for member in part.members())


def depth(part: Any) -> int:
    """How many forms are nested: 0 for an adapter, 1 for a Stack of adapters."""
    parts = getattr(part, "parts", None)
    return 0 if parts is None else 1 + max(map(depth, parts), default=0)


def check_tree(recipe: Any) -> None:
    """Raise :class:`UsageError` when a recipe is empty, too large, has a part twice or a centre that is no member."""
    kind = type(recipe).__name__
    if not recipe.parts:
        raise UsageError(f"A {kind} is empty.", "Name at least one adapter; the core alone is written core.")
    members = recipe.members()
    if depth(recipe) > MAX_DEPTH or len(members) > MAX_MEMBERS:
        raise UsageError(
            "The recipe is too large.", f"It may have {MAX_MEMBERS} adapters, nested {MAX_DEPTH} forms deep."
        )
    if kind != "Stack" and len(set(recipe.parts)) < len(recipe.parts):
        twice = next(part for part in recipe.parts if recipe.parts.count(part) > 1)
        raise UsageError(f"{twice} is twice in a {kind}.", "Name it once.")
    if recipe.centre is not None:
        check_name(recipe.centre)
        if recipe.centre not in {member.name for member in members}:
            raise UsageError(
                f"The mean of {recipe.centre} was measured under {recipe.centre}, which is not in the recipe.",
                "Centre on one of the recipe's adapters, or on your own text: model.fit_centre(texts).",
            )


def present(**options: Any) -> dict[str, Any]:
    """The options that are not None."""
    return {key: value for key, value in options.items() if value is not None}


def call_text(form: str, parts: Sequence[Any], weights: Sequence[float] | None, options: Mapping[str, Any]) -> str:
    """``merge(lang-rw: 0.6, lang-rn: 0.4, method=ties)``."""
    after = [""] * len(parts) if weights is None else [f": {number_text(weight)}" for weight in weights]
    arguments = [f"{part}{weight}" for part, weight in zip(parts, after, strict=True)]
    arguments += [
        f"{key}={number_text(value) if isinstance(value, float) else value}" for key, value in options.items()
    ]
    return f"{form}({', '.join(arguments)})"


def centre_text(centre: str | None) -> str:
    """`` - mean(lang-rw)``, or nothing."""
    return "" if centre is None else f" - mean({name_text(centre)})"
