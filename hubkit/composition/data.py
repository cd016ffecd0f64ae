"""Recipes from JSON data, checked strictly, and from whatever a caller has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hubkit.composition.grammar import parse
from hubkit.composition.member import Member
from hubkit.composition.recipe import CoreAlone, Ensemble, Fuse, Merge, Recipe, Stack
from hubkit.composition.tree import MAX_DEPTH
from hubkit.errors import UsageError

_OPTIONS: Mapping[str, frozenset[str]] = {
    "adapter": frozenset({"spec", "strength"}),
    "core": frozenset(),
    "stack": frozenset({"centre"}),
    "merge": frozenset({"method", "weights", "density", "seed", "target", "centre"}),
    "fuse": frozenset({"fusion", "centre"}),
    "ensemble": frozenset({"weights", "temperature", "centre"}),
}


def as_recipe(value: str | Mapping[str, Any] | Member | Recipe) -> Recipe:
    """A recipe from its text, its data, or itself; an adapter alone is a Stack of one.

    Raises :class:`hubkit.errors.UsageError` that says what is wrong with it.
    """
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, Member):
        return Stack(value)
    if isinstance(value, Recipe):
        return value
    return from_data(value)


def from_data(data: object) -> Recipe:
    """The inverse of ``to_data``. Raises :class:`hubkit.errors.UsageError` for data that is not exactly a recipe."""
    found = _node(data, 0)
    return Stack(found) if isinstance(found, Member) else found


def _node(data: object, depth: int) -> Any:
    """A part of a recipe and, within the depth that recipes may have, what is in it."""
    if not isinstance(data, Mapping) or len(forms := [form for form in _OPTIONS if form in data]) != 1:
        raise UsageError(
            f"A recipe's data has {str(data)[:80]}.", f"Each part is an object with one of {', '.join(_OPTIONS)}."
        )
    form = forms[0]
    options = {key: value for key, value in data.items() if key != form}
    if unknown := sorted(map(str, set(options) - _OPTIONS[form])):
        known = ", ".join(sorted(_OPTIONS[form])) or "nothing"
        raise UsageError(
            f"A recipe's data has {form} with {', '.join(unknown)}.", f"Beside {form} there may be {known}."
        )
    if missing := [key for key, value in options.items() if value is None]:
        raise UsageError(f"A recipe's data has {missing[0]} without a value.", "Leave it out, or give it one.")
    if form == "adapter":
        return Member(data["adapter"], **options)
    if form == "core":
        return _core(data["core"])
    return _form(form, _list(form, data[form]), options, depth)


def _form(form: str, parts: list[Any], options: dict[str, Any], depth: int) -> Recipe:
    if depth >= MAX_DEPTH:
        raise UsageError("The recipe is too large.", f"It may be nested {MAX_DEPTH} forms deep.")
    inner = [_node(part, depth + 1) for part in parts]
    if "weights" in options:
        options["weights"] = _list("weights", options["weights"])
    if "fusion" in options:
        options["fusion"] = _node(options["fusion"], depth + 1)
    if form == "merge":
        return Merge(inner, **options)
    make: Callable[..., Recipe] = {"stack": Stack, "fuse": Fuse, "ensemble": Ensemble}[form]
    return make(*inner, **options)


def _core(value: object) -> CoreAlone:
    if value is not True:
        raise UsageError(f"A recipe's data has core: {str(value)[:80]}.", 'The core alone is {"core": true}.')
    return CoreAlone()


def _list(what: str, value: object) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise UsageError(f"A recipe's data has {what}: {str(value)[:80]}.", f"The value of {what} is a list.")
    return list(value)
