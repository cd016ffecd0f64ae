"""What a recipe leaves open: the adapters that have to be stacked under others, and weights by relatedness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hubkit.composition.member import Member
from hubkit.composition.recipe import CoreAlone, Ensemble, Fuse, Merge, Recipe, Stack
from hubkit.composition.tree import MAX_MEMBERS
from hubkit.errors import UsageError

if TYPE_CHECKING:
    from hubkit.adapter.manifest import Manifest

Dependencies = Mapping[str, Sequence[Member]]
"""Name of an adapter → what has to be stacked under it, the lowest first."""


def stacked_under(manifest: Manifest) -> tuple[Member, ...]:
    """The adapters that have to be stacked under this one, as its manifest says."""
    found = [dependency for dependency in manifest.dependencies if dependency.role == "stack-under"]
    return tuple(Member(dependency.name, dependency.spec) for dependency in found)


def fused_versions(manifest: Manifest) -> dict[str, str]:
    """By name, the versions of the adapters in its branches that a fusion was trained on."""
    return {needed.name: needed.spec for needed in manifest.dependencies if needed.role == "fuse"}


def with_each_member(part: Any, change: Callable[[Member], Member]) -> Any:
    """The recipe, or part of one, with every adapter changed but the fusions."""
    if isinstance(part, Member):
        return change(part)
    parts = [with_each_member(inner, change) for inner in part.parts]
    if isinstance(part, Stack):
        return Stack(*parts, centre=part.centre)
    if isinstance(part, Fuse):
        return Fuse(*parts, fusion=part.fusion, centre=part.centre)
    if isinstance(part, Merge):
        return _like(part, parts, part.centre)
    return part


def with_versions(part: Any, versions: Mapping[str, str]) -> Any:
    """The part with these versions for adapters that it names without one."""

    def pinned(member: Member) -> Member:
        return member if member.spec else Member(member.name, versions.get(member.name, ""), member.strength)

    return with_each_member(part, pinned)


def without_versions(part: Any) -> Any:
    """The part with all versions left open."""
    return with_each_member(part, lambda member: Member(member.name, "", member.strength))


def expand(recipe: Recipe, dependencies: Dependencies) -> Recipe:
    """The recipe with every member's dependencies stacked under it, each once, dependencies of dependencies first.

    What lies under it already, alone or in a Merge, is not repeated. A Merge is stacked on what all of its members
    need, a branch of a Fuse on what it needs itself. A dependency acts at its stored strength.

    Raises :class:`UsageError` when adapters need one another in a circle (it names the chain), when one is stacked
    above what needs it, and when members of a Merge need different adapters.
    """
    if isinstance(recipe, Ensemble):
        parts = [_expanded(part, dependencies) for part in recipe.parts]
        return Ensemble(*parts, weights=recipe.weights, temperature=recipe.temperature, centre=recipe.centre)
    return _expanded(recipe, dependencies)


def _expanded(recipe: CoreAlone | Stack | Merge | Fuse, dependencies: Dependencies) -> CoreAlone | Stack | Merge | Fuse:
    if isinstance(recipe, Stack):
        return Stack(*_stack(recipe.parts, (), dependencies), centre=recipe.centre)
    if isinstance(recipe, Fuse):
        return _fuse(recipe, (), dependencies)
    if isinstance(recipe, Merge) and (under := _missing(recipe, (), dependencies)):
        return Stack(*under, _like(recipe, recipe.parts, None), centre=recipe.centre)
    return recipe


def _stack(
    parts: Sequence[Member | Merge | Fuse], below: Iterable[str], dependencies: Dependencies
) -> list[Member | Merge | Fuse]:
    """The parts of a stack on the adapters ``below``, with what they need."""
    found: list[Member | Merge | Fuse] = []
    stacked = set(below)
    for place, part in enumerate(parts):
        later = {other.name for other in parts[place:] if isinstance(other, Member)}
        if isinstance(part, Fuse):
            found.append(_fuse(part, stacked, dependencies))
            continue
        for member in _missing(part, stacked, dependencies):
            if member.name in later:
                raise UsageError(f"{part} needs {member.name} under it.", f"Write {member.name} before {part}.")
            found.append(member)
            stacked.add(member.name)
        found.append(part)
        stacked.update(member.name for member in part.members())
    return found


def _fuse(fuse: Fuse, below: Iterable[str], dependencies: Dependencies) -> Fuse:
    """The fuse whose branches have what they need."""
    branches: list[Member | Stack | Merge] = []
    for part in fuse.parts:
        if isinstance(part, Merge):
            if under := _missing(part, below, dependencies):
                names = " + ".join(member.name for member in under)
                raise UsageError(f"{part}, a branch, needs {names} under it.", f"Write {names} + fuse(…).")
            branches.append(part)
        else:
            members = part.parts if isinstance(part, Stack) else (part,)
            branches.append(Stack(*_stack(members, below, dependencies)))
    return Fuse(*branches, fusion=fuse.fusion, centre=fuse.centre)


def _missing(part: Member | Merge, below: Iterable[str], dependencies: Dependencies) -> tuple[Member, ...]:
    """What has to be stacked under this part and is not among the adapters ``below``."""
    stacked = set(below)
    needs = {
        member.name: tuple(one for one in _chain(member.name, dependencies) if one.name not in stacked)
        for member in part.members()
    }
    name, first = next(iter(needs.items()))
    for other, wanted in needs.items():
        if [one.name for one in wanted] != [one.name for one in first]:
            raise UsageError(
                f"{name} needs {_listed(first)} under it, {other} {_listed(wanted)}: they cannot be merged.",
                "Merge adapters that were trained on the same ones, or stack what they need under the merge.",
            )
    return first


def _listed(members: Sequence[Member]) -> str:
    return " + ".join(member.name for member in members) or "nothing"


def _chain(name: str, dependencies: Dependencies) -> list[Member]:
    """All that ``name`` needs, the lowest first, each once."""
    found: dict[str, Member] = {}

    def visit(path: tuple[str, ...]) -> None:
        for member in dependencies.get(path[-1], ()):
            if member.name in path:
                chain = " → ".join((*path[path.index(member.name) :], member.name))
                raise UsageError(f"Adapters need one another in a circle: {chain}.", "Update or leave out one of them.")
            if len(path) > MAX_MEMBERS:
                raise UsageError(f"{name} needs a chain of over {MAX_MEMBERS} adapters.", "Use another adapter.")
            if member.name not in found:
                visit((*path, member.name))
                found[member.name] = member

    visit((name,))
    return list(found.values())


def _like(merge: Merge, parts: Sequence[Member | Merge], centre: str | None) -> Merge:
    """The same merge of these parts."""
    return Merge(
        parts,
        merge.method,
        weights=merge.weights,
        density=merge.density,
        seed=merge.seed,
        target=merge.target,
        centre=centre,
    )


def merge_weights(merge: Merge, languages_of: Callable[[Member], Sequence[str]] | None = None) -> tuple[float, ...]:
    """The weights of a Merge; by relatedness, from the tags of each member's languages."""
    if merge.weights is not None:
        return merge.weights
    if languages_of is None or merge.target is None:
        raise UsageError(f"The languages of {merge} are not known.", "Give weights yourself.")
    languages = [[tag for member in part.members() for tag in languages_of(member)] for part in merge.parts]
    return relatedness_weights(languages, merge.target)


def relatedness_weights(languages: Sequence[Sequence[str]], target: str) -> tuple[float, ...]:
    """Weights of sum 1 for adapters of these languages (tags of each adapter), in proportion to the relatedness.

    The relatedness to ``target`` is :func:`hubkit.languages.relatedness`, for an adapter of several languages the mean.
    An unrelated adapter weighs 0. Raises :class:`UsageError` when all are, or an adapter has no language.
    """
    from hubkit.languages import find, relatedness

    wanted = find(target)
    if not all(languages):
        raise UsageError("An adapter without a language cannot be weighted by relatedness.", "Give weights yourself.")
    found = [sum(relatedness(find(tag), wanted) for tag in tags) / len(tags) for tags in languages]
    if not (total := sum(found)):
        listed = ", ".join(" ".join(tags) for tags in languages)
        raise UsageError(f"None of {listed} is related to {wanted.name}.", "Merge relatives, or give weights yourself.")
    return tuple(weight / total for weight in found)
