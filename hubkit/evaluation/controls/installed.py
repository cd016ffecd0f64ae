"""Controls out of adapters that are installed already: the previous version, relatives, the family, merges.

No report is read: relatedness alone decides, so that no suite has a say in what the adapter is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence

from hubkit.composition.candidates import Candidate, candidates_installed, needed_under
from hubkit.composition.member import Member
from hubkit.composition.merge import merge
from hubkit.composition.planner import MOST_RELATIVES
from hubkit.composition.recipe import Merge, Stack
from hubkit.composition.resolve import relatedness_weights
from hubkit.errors import NotFoundError, UsageError
from hubkit.evaluation.controls import other_family
from hubkit.evaluation.controls.context import ControlContext, NotHadError, tested
from hubkit.evaluation.task import Tested
from hubkit.languages import find, relatedness
from hubkit.languages.family import RELATED, group
from hubkit.registry.installed import find_installed
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.load import open_adapter

LAMBDA = 0.5  # of a + λ (b − c)


def previous(context: ControlContext) -> Tested:
    """The newest installed version of the adapter, older than it where it has a version itself."""
    name, manifest, core = context.adapter.name, context.adapter.manifest, context.encoder.core
    try:
        found = find_installed(name, None if manifest is None else f"<{manifest.version}", core.fingerprint)
    except NotFoundError as error:
        raise NotHadError(f"no earlier version of {name} is installed for this core") from error
    candidate = next(one for one in _usable(context) if (one.name, one.version) == (name, found.version))
    encoder = _encoder(context, _stack(context, candidate))
    return tested(context, "previous", f"the previous version of this adapter, {found.version}", encoder)


def relative(context: ControlContext) -> Tested:
    """The adapter of the nearest relative, at its own strength."""
    nearest = relatives(context)[0]
    near = f"{_closeness(context, nearest):.2f} related{_seen(context, [nearest])}"
    encoder = _encoder(context, _stack(context, nearest))
    return tested(context, "relative", f"the adapter of the nearest relative, {nearest} ({near})", encoder)


def family(context: ControlContext) -> Tested:
    """What the adapter is stacked on, alone; else the adapter of the smallest group that has the language."""
    if context.under is not None:
        what = f"{context.under} alone, which this adapter is stacked on"
        return tested(context, "family", what, _encoder(context, context.under))
    path = context.language.family
    groups = {one: _group(one) for one in _usable(context) if one.kind == "family" and one.name != context.adapter.name}
    fitting = [one for one, found in groups.items() if found and path[: len(found)] == found]
    if not fitting:
        raise NotHadError(f"no family adapter that has {context.language.name} is installed for this core")
    chosen = max(fitting, key=lambda one: len(groups[one]))
    encoder = _encoder(context, _stack(context, chosen))
    return tested(context, "family", f"the family adapter alone, {chosen}{_seen(context, [chosen])}", encoder)


def proxy(context: ControlContext) -> Tested:
    """The adapters of up to four relatives that go together, merged by relatedness."""
    near = relatives(context)
    merged = [near[0]]
    for candidate in near[1:]:
        if len(merged) < MOST_RELATIVES and _go_together(context, near[0], candidate):
            merged.append(candidate)
    if len(merged) < 2:
        raise NotHadError("no second relative's adapter is installed that can be merged with the nearest one's")
    recipe = Merge([_member(one) for one in merged], "relatedness", target=context.language.tag)
    weights = relatedness_weights([one.languages for one in merged], context.language.tag)
    parts = ", ".join(f"{weight:.2f} {one}" for weight, one in zip(weights, merged, strict=True))
    description = f"relatives' adapters merged by relatedness, without training: {parts}{_seen(context, merged)}"
    return tested(context, "proxy", description, _encoder(context, Stack(*_under(context, near[0]), recipe)))


def arithmetic(context: ControlContext) -> Tested:
    """a + λ (b − c): a and b of the two nearest relatives (where there is one, b is a), c of the wrong family."""
    near = relatives(context)
    a, b = near[0], next((one for one in near[1:] if _go_together(context, near[0], one)), near[0])
    if _under(context, a) != (() if context.under is None else context.under.parts):
        raise NotHadError(f"{a} is stacked on other adapters than {context.adapter.name}")
    control = other_family.control_of(context)
    c = control.adapter.with_strength(context.adapter.strength)
    context.encoder.bank.add(c)
    recipe = Merge.arithmetic(_member(a), LAMBDA, _member(b), Member(c.name))
    description = f"a + {LAMBDA:g} (b − c) of a = {a}, b = {b}, c = the wrong family's ({control.family})"
    description += _seen(context, [a, b])
    encoder = _encoder(context, Stack(*_under(context, a), recipe))
    return tested(context, "arithmetic", description, encoder)


def relatives(context: ControlContext) -> list[Candidate]:
    """Adapters of relatives for this core, each in its newest version, the nearest first."""
    tag = context.language.tag
    newest: dict[str, Candidate] = {}
    for one in _usable(context):
        if (
            one.kind == "language"
            and tag not in one.languages
            and one.name not in (context.adapter.name, f"lang-{tag}")
        ):
            newest.setdefault(one.name, one)
    near = [one for one in newest.values() if _closeness(context, one) >= RELATED]
    if not near:
        raise NotHadError(f"no adapter of a relative of {context.language.name} is installed for this core")
    return sorted(near, key=lambda one: (-_closeness(context, one), one.name))


def _seen(context: ControlContext, candidates: Sequence[Candidate]) -> str:
    """What has to be said of adapters that had text of the language in training, as relatives' adapters often had."""
    found = []
    for one in candidates:
        manifest = find_installed(one.name, f"=={one.version}", context.encoder.core.fingerprint).manifest
        data = () if manifest is None else manifest.training_data
        if one.name not in found and any(context.language.tag in part.languages for part in data):
            found.append(one.name)
    return f"; {', '.join(found)} had text in {context.language.name} in training" if found else ""


def _usable(context: ControlContext) -> list[Candidate]:
    core = context.encoder.core.fingerprint
    return [one for one in candidates_installed() if one.problem is None and one.core_fingerprint == core]


def _closeness(context: ControlContext, candidate: Candidate) -> float:
    found = []
    for tag in candidate.languages:
        try:
            found.append(relatedness(context.language, find(tag)))
        except (NotFoundError, UsageError):
            continue
    return max(found, default=0.0)


def _group(candidate: Candidate) -> tuple[str, ...]:
    """The path of the group that a family adapter is for; () when the tree has none of that name."""
    try:
        return group((candidate.family or "").rpartition(">")[2].strip())
    except (NotFoundError, UsageError):
        return ()


def _member(candidate: Candidate) -> Member:
    return Member(candidate.name, f"=={candidate.version}")


def _under(context: ControlContext, candidate: Candidate) -> tuple[Member, ...]:
    """The adapters that a candidate is stacked on, the lowest first."""
    try:
        return tuple(_member(one) for one in needed_under(candidate, _usable(context)))
    except LookupError as error:
        raise NotHadError(f"{candidate} cannot be used: {error.args[0]}") from error


def _stack(context: ControlContext, candidate: Candidate) -> Stack:
    return Stack(*_under(context, candidate), _member(candidate))


def _go_together(context: ControlContext, first: Candidate, other: Candidate) -> bool:
    """Whether the two can be merged: they stand on the same adapters, and act alike in the same places."""
    try:
        if _under(context, first) != _under(context, other):
            return False
        _load(context, (_member(first), _member(other)))
        sites = []
        for member in (_member(first), _member(other)):
            with context.encoder.bank.using(f"{member.name}{member.spec}") as entry:
                sites.append(entry.sites)
        merge(sites)
    except (NotHadError, UsageError):
        return False
    return True


def _load(context: ControlContext, members: Sequence[Member]) -> None:
    """Bring installed adapters into the bank, verified, each in the version that is named."""
    encoder = context.encoder
    for member in members:
        key = f"{member.name}{member.spec}"
        if member.spec and key not in encoder.bank:
            folder = find_installed(member.name, member.spec, encoder.core.fingerprint).folder
            encoder.bank.add(open_adapter(folder, encoder), key)


def _encoder(context: ControlContext, recipe: Stack) -> Encoder:
    """An encoder with this recipe, its adapters loaded and its merges computed now."""
    _load(context, recipe.members())
    encoder = context.encoder.with_recipe(recipe)
    with encoder.network.stacked(recipe):
        return encoder
