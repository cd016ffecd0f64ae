"""From what was asked for to one version of each adapter: deterministic, bounded, and every rejection in words.

Backtracking with conflict-directed backjumping (Prosser 1993, https://doi.org/10.1111/j.1467-8640.1993.tb00310.x) and
learned conflicts: when nothing fits an adapter, the search goes back to the latest decision that had a part in it, not
to the latest decision. The problem is NP-complete (https://research.swtch.com/version-sat), so the number of tries is
bounded and reaching the bound is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from hubkit.registry.request import Request
from hubkit.registry.resolution import Policy, Rejection, Resolution, ResolutionError, Versions
from hubkit.version import __version__

if TYPE_CHECKING:
    from hubkit.registry.record import Record

__all__ = ["MAX_ADAPTERS", "MAX_TRIES", "Policy", "Rejection", "Resolution", "ResolutionError", "resolve"]
MAX_TRIES = 20_000
MAX_ADAPTERS = 100
_SHOWN = 30  # rejected versions in an error


@dataclass(frozen=True, slots=True)
class _Demand:
    parent: str | None  # None: asked for
    spec: str


@lru_cache(maxsize=4096)
def _specifiers(spec: str) -> SpecifierSet:
    return SpecifierSet(spec)


@lru_cache(maxsize=16384)
def _parsed(version: str) -> Version:
    return Version(version)


def resolve(requests: Collection[Request], versions: Versions, policy: Policy) -> Resolution:
    """Choose the locked, else the newest version of each adapter so that all ranges hold.

    The order of ``requests`` does not matter. Raises :class:`ResolutionError` naming the chain of every demand that
    cannot be met together, and every version with its reason.
    """
    search = _Search(requests, versions, policy)
    conflict = search.solve()
    if conflict is not None:
        raise search.error()
    search.note_kept()
    chosen = {(record.name, record.version) for record in search.assigned.values()}
    rejected = (rejection for rejection in search.rejections() if (rejection.name, rejection.version) not in chosen)
    return Resolution(_stacked(search.assigned), tuple(rejected))


def _stacked(assigned: Mapping[str, Record]) -> tuple[Record, ...]:
    """Dependencies first, otherwise by name; there are no circles."""
    done: dict[str, Record] = {}

    def visit(name: str) -> None:
        if name not in done:
            for dependency in sorted(dependency.name for dependency in assigned[name].deps):
                visit(dependency)
            done[name] = assigned[name]

    for name in sorted(assigned):
        visit(name)
    return tuple(done.values())


class _Search:
    """The state of one search. ``assigned`` is the answer when :meth:`solve` returns ``None``."""

    def __init__(self, requests: Iterable[Request], versions: Versions, policy: Policy) -> None:
        self.assigned: dict[str, Record] = {}
        self._versions, self._policy = lru_cache(maxsize=None)(versions), policy
        self._demands: dict[str, list[_Demand]] = {}
        self._reasons: dict[str, dict[str, str]] = {}
        self._missing: str | None = None  # the name that no index has, when that is the cause
        self._cause = "nothing was asked for"  # of the latest dead end
        self._learned: dict[tuple[str, str], list[frozenset[tuple[str, str]]]] = {}
        self._tries = self._dead_ends = 0
        for request in sorted(set(requests), key=lambda request: (request.name, request.spec)):
            self._demands.setdefault(request.name, []).append(_Demand(None, request.spec))

    def solve(self) -> set[str] | None:
        """``None`` when every demand is met, else the names whose choice makes that impossible."""
        name = next((name for name in self._demands if name not in self.assigned), None)
        if name is None:
            return None
        self._check_size()
        conflict = {demand.parent for demand in self._demands[name] if demand.parent is not None}
        before = self._dead_ends
        for record in self._candidates(name):
            blamed = self._try(name, record)
            if blamed is None:
                return None
            if name in self.assigned:  # what failed has nothing to do with this choice
                self._unassign(name)
                return blamed
            conflict |= blamed
        if self._dead_ends == before:  # else the cause lies deeper
            self._cause = self._unmet(name)
        self._dead_ends += 1
        self._learn(conflict)
        return conflict

    def _try(self, name: str, record: Record) -> set[str] | None:
        """Choose ``record`` and solve the rest; else whom to blame, with ``record`` unassigned if it had a part."""
        self._tries += 1
        if self._tries > MAX_TRIES:
            raise self.error(f"no answer was found in {MAX_TRIES} tries")
        if (clash := self._clash(name, record)) is not None:
            self._reject(record, clash[0])
            return clash[1]
        self._assign(name, record)
        deeper = self.solve()
        if deeper is None or name not in deeper:
            return deeper
        self._unassign(name)
        self._reject(record, f"leads nowhere: {self._cause}")
        return deeper - {name}

    def _candidates(self, name: str) -> list[Record]:
        """The locked version first, then the newest first."""
        records = self._versions(name)
        locked = self._policy.locked.get(name)
        return sorted(records, key=lambda record: record.version != locked)

    def _clash(self, name: str, record: Record) -> tuple[str, set[str]] | None:
        """Why ``record`` cannot be chosen now, and the names whose choice that is due to."""
        if (reason := self._unfit(record)) is not None:
            return reason, set()
        for demand in self._demands[name]:
            if not _specifiers(demand.spec).contains(_parsed(record.version), prereleases=True):
                return f"is not {demand.spec}, which {self._who(demand)}", {demand.parent} if demand.parent else set()
        if _parsed(record.version).is_prerelease and not self._wants_prerelease(name, record):
            return "is a pre-release and none was asked for", set()
        return self._clash_below(name, record) or self._known_conflict(name, record)

    def _unfit(self, record: Record) -> str | None:
        """Why ``record`` can never be chosen."""
        policy = self._policy
        if record.kind == "finding":
            return f"is a finding, not an adapter: {record.conclusion}"
        if record.core.fingerprint != policy.core:
            return f"was made for core {record.core.id} {record.core.fingerprint[:19]}…, yours is {policy.core[:19]}…"
        if not policy.any_hubkit and not _specifiers(record.requires.hubkit).contains(__version__, prereleases=True):
            return f"needs hubkit {record.requires.hubkit}, this is {__version__}"
        if record.yanked and policy.locked.get(record.name) != record.version:
            return f"was yanked: {record.yanked}"
        return policy.unusable(record) if policy.unusable else None

    def _wants_prerelease(self, name: str, record: Record) -> bool:
        if self._policy.prereleases or self._policy.locked.get(name) == record.version:
            return True
        return any(_specifiers(demand.spec).prereleases for demand in self._demands[name])

    def _clash_below(self, name: str, record: Record) -> tuple[str, set[str]] | None:
        """Whether a dependency of ``record`` is chosen already in a version that does not fit, or stands on it."""
        for dependency in record.deps:
            chosen = self.assigned.get(dependency.name)
            if chosen is None:
                continue
            if not _specifiers(dependency.spec).contains(_parsed(chosen.version), prereleases=True):
                return f"needs {dependency.name} {dependency.spec}, chosen is {chosen.version}", {dependency.name}
            if (path := self._path(dependency.name, name)) is not None:
                return f"would stand on itself: {' → '.join([name, *path])}", set(path) - {name}
        return None

    def _path(self, start: str, end: str) -> list[str] | None:
        """Names from ``start`` down to ``end`` along the dependencies of what is chosen."""
        before: dict[str, str | None] = {start: None}
        todo = [start]
        while todo:
            current = todo.pop()
            if current == end:
                path = [current]
                while (step := before[path[-1]]) is not None:
                    path.append(step)
                return path[::-1]
            for dependency in self.assigned[current].deps if current in self.assigned else ():
                if dependency.name not in before:
                    before[dependency.name] = current
                    todo.append(dependency.name)
        return None

    def _known_conflict(self, name: str, record: Record) -> tuple[str, set[str]] | None:
        for learned in self._learned.get((name, record.version), ()):
            others = learned - {(name, record.version)}
            if all(other in self.assigned and self.assigned[other].version == version for other, version in others):
                blamed = {other for other, _ in others}
                return f"cannot go with {', '.join(sorted(blamed)) or 'anything'}, as was found before", blamed
        return None

    def _learn(self, conflict: set[str]) -> None:
        learned = frozenset((name, self.assigned[name].version) for name in conflict)
        for choice in learned:
            self._learned.setdefault(choice, []).append(learned)

    def _assign(self, name: str, record: Record) -> None:
        self.assigned[name] = record
        for dependency in sorted(record.deps, key=lambda dependency: dependency.name):
            self._demands.setdefault(dependency.name, []).append(_Demand(name, dependency.spec))

    def _unassign(self, name: str) -> None:
        for dependency in self.assigned.pop(name).deps:
            demands = [demand for demand in self._demands[dependency.name] if demand.parent != name]
            self._demands[dependency.name] = demands
            if not demands:
                del self._demands[dependency.name]

    def _check_size(self) -> None:
        if len(self.assigned) >= MAX_ADAPTERS:
            raise self.error(f"more than {MAX_ADAPTERS} adapters would be needed")

    def _reject(self, record: Record, reason: str) -> None:
        self._reasons.setdefault(record.name, {})[record.version] = reason

    def _who(self, demand: _Demand) -> str:
        """``was asked for``, or the chain of adapters that leads to the demand."""
        if demand.parent is None:
            return "was asked for"
        chain = [demand.parent]
        while (parent := self._demands[chain[-1]][0].parent) is not None:
            chain.append(parent)
        return f"{' → '.join(f'{name} {self.assigned[name].version}' for name in reversed(chain))} needs"

    def _unmet(self, name: str) -> str:
        demands = self._demands[name]
        self._missing = None if self._versions(name) else name
        if self._missing:
            return f"no index has {name}, which {self._who(demands[0])}"
        if wishes := [f"{demand.spec}, which {self._who(demand)}" for demand in demands if demand.spec]:
            return f"no version of {name} that can be used is {', and '.join(wishes)}"
        return f"no version of {name}, which {self._who(demands[0])}, can be used"

    def note_kept(self) -> None:
        """Explain the newer versions that were not looked at because an older one is locked."""
        for name, chosen in self.assigned.items():
            for record in self._versions(name):
                if record.version == chosen.version:
                    break
                if record.version not in self._reasons.get(name, {}):
                    self._reject(record, self._unfit(record) or f"is newer, and {chosen.version} is locked")

    def rejections(self) -> list[Rejection]:
        """Every version that was looked at and not chosen, in the order of names, newest first."""
        return [
            Rejection(name, record.version, self._reasons[name][record.version])
            for name in sorted(self._reasons)
            for record in self._versions(name)
            if record.version in self._reasons[name]
        ]

    def error(self, why: str | None = None) -> ResolutionError:
        rejected = self.rejections()
        listed = [str(each).replace(f"leads nowhere: {self._cause}", "leads there") for each in rejected[:_SHOWN]]
        listed += [f"and {len(rejected) - _SHOWN} more"] if len(rejected) > _SHOWN else []
        return ResolutionError(
            f"Cannot resolve: {why or self._cause}." + (f" Rejected: {'; '.join(listed)}." if listed else ""),
            "Ask for fewer adapters or narrower ranges." if why else self._advice(rejected),
            rejected,
        )

    def _advice(self, rejected: Sequence[Rejection]) -> str:
        """What to do about the commonest reason."""
        if self._missing:
            for finding in self._versions(f"finding-{self._missing.partition('-')[2]}")[:1]:
                return f"{finding.name} {finding.version} concludes: {finding.conclusion}. The core answers alone."
            return f"Look for it with `hubkit search`, or add the index that has {self._missing} to HUBKIT_INDEX."
        reasons = " ".join(rejection.reason for rejection in rejected)
        return next((advice for sign, advice in _ADVICE.items() if sign in reasons), "Ask for other ranges.")


_ADVICE = {
    "was made for core": "Choose that core with --core, or ask for a version that was made for yours.",
    "needs hubkit": "Update hubkit, or ask for an older version.",
    "is a pre-release": "Ask for it with --pre, or by its version.",
    "was yanked": "Ask for another version; a lock file keeps a yanked one.",
}
