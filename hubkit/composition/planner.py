"""From a language to the recipe that serves it best, along the family tree, with the reason for every step.

1. The language's **own** adapter, over the adapters that it needs under it. One whose report shows no gain is not used;
   one without a report is, and that is said.
2. The nearest **family** adapter (``fam-*`` whose family has the language), where a report shows a gain: in this
   language if it was measured in it, else in a relative.
3. The zero-training proxy: a merge of the adapters of the nearest **relatives**, weighted by relatedness; only of
   adapters that helped their own language by their reports. One relative is taken as it is.
4. The **core** alone.

What is measured in the language itself wins over what is measured elsewhere: where its own adapter brought no gain,
only a family adapter that did is tried; where the core is good already (R@1 of .9), nothing but an own adapter is. A
finding, a published result without an adapter, counts as such a report.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from packaging.version import Version

from hubkit.composition.candidates import Candidate, Evidence, needed_under
from hubkit.composition.member import Member
from hubkit.composition.recipe import Merge, Stack
from hubkit.errors import HubkitError
from hubkit.languages import Language, find, relatedness
from hubkit.languages.family import RELATED, group

MOST_RELATIVES = 4
SHOWN = 5  # names in a reason that many adapters share
Step = Literal["own", "family", "relatives", "core"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an adapter (``lang-rw 0.1.0``), or the core, was chosen or not."""

    step: Step
    subject: str
    chosen: bool
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A language's recipe (None: the core alone) and the reasons, in the order in which they were weighed."""

    language: Language
    recipe: Stack | Merge | None
    steps: tuple[Reason, ...]

    own_is_here: bool = False  # there is an adapter for the language, used or not
    core_is_good: bool = False  # by some report, without any adapter

    @property
    def because(self) -> str:
        """The reasons for what was chosen, as one text."""
        return "; ".join(str(reason) for reason in self.steps if reason.chosen)

    def to_data(self) -> dict[str, Any]:
        """The plan as JSON data; ``recipe`` as text that :func:`hubkit.composition.grammar.parse` reads."""
        steps = [
            {"step": reason.step, "subject": reason.subject, "chosen": reason.chosen, "reason": reason.text}
            for reason in self.steps
        ]
        return {"language": self.language.tag, "recipe": str(self.recipe or "core"), "steps": steps}


def plan(
    language: Language,
    available: Iterable[Candidate],
    core_fingerprint: str,
    *,
    minimum: float = RELATED,
    limit: int = MOST_RELATIVES,
) -> Plan:
    """The recipe for ``language`` out of the adapters ``available``, for the core of this fingerprint.

    ``minimum`` is the relatedness from which a relative counts, ``limit`` how many are merged at most. It always
    answers and loads nothing; the same adapters give the same plan in whatever order they come.
    """
    planning = _Planning(language, _in_order(available), core_fingerprint)
    recipe: Stack | Merge | None = planning.own()
    planning.note_findings()
    good = recipe is None and planning.is_core_good()
    if recipe is None and not good:
        recipe = planning.family()
        if recipe is None and not planning.is_own_refuted():
            recipe = planning.relatives(minimum, limit)
    if recipe is None:
        planning.note("core", "core", "answers alone: no adapter here is known to do better", chosen=True)
    return Plan(language, recipe, tuple(planning.steps), bool(planning.mine), good)


def _in_order(available: Iterable[Candidate]) -> list[Candidate]:
    """By name; of one name final releases first, the newest first."""
    newest = sorted(available, key=_newness, reverse=True)
    return sorted(newest, key=lambda one: one.name)


def _newness(candidate: Candidate) -> tuple[bool, bool, Version, int]:
    readable = candidate.problem is None or candidate.kind == "finding"
    version = Version(candidate.version) if readable else Version("0")
    return candidate.problem is None, not version.is_prerelease, version, len(candidate.evidence)


class _Planning:
    """The steps of one plan; each leaves its reasons in ``steps``."""

    def __init__(self, language: Language, available: list[Candidate], core_fingerprint: str) -> None:
        self.language, self.core_fingerprint = language, core_fingerprint
        self.steps: list[Reason] = []
        self._available = available
        self._usable = [one for one in available if self._problem(one) is None]
        self.mine = [one for one in available if one.kind == "language" and self._is_own(one)]
        self._findings = [one for one in available if self._is_finding(one)]
        self._families = self._families_of(available)

    def note(self, step: Step, subject: object, text: str, chosen: bool = False) -> None:
        """Add a reason."""
        self.steps.append(Reason(step, str(subject), chosen, text))

    def own(self) -> Stack | None:
        """The language's own adapter: one of measured help, else one without a report."""
        found: Stack | None = None
        canonical = sorted(self.mine, key=lambda one: one.name != f"lang-{self.language.tag}")
        for candidate in sorted(canonical, key=lambda one: self._problem(one) is not None or not self._helps(one)):
            measured = candidate.evidence_for(self.language.tag)
            if found is not None:
                self.note("own", candidate, "is not used: a better or newer one was found")
            elif problem := self._problem(candidate):
                self.note("own", candidate, f"is not used: {problem}")
            elif measured is not None and measured.verdict != "helps":
                self.note("own", candidate, f"is not used: {measured}")
            else:
                known = f"helps: {measured}" if measured else f"may help or not: {_why_unknown(candidate)}"
                found = self._stacked("own", candidate, f"is the language's own adapter, and {known}")
        if not self.mine:
            self.note("own", f"lang-{self.language.tag}", "is not here")
        return found

    def note_findings(self) -> None:
        """Published results without an adapter, which count as reports do."""
        for finding in self._findings:
            measured = finding.evidence_for(self.language.tag)
            self.note("own", finding, f"is a result without an adapter: {measured or 'it has no figures'}")

    def is_core_good(self) -> bool:
        """Whether some report says that the core needs nothing in this language."""
        known = [(one, one.evidence_for(self.language.tag)) for one in (*self._usable, *self._findings)]
        good = [(one, found) for one, found in known if found is not None and found.is_core_good]
        if good:
            source, found = good[0]
            text = f"is good in {self.language.name} already, says the report of {source}: {found.about_core}"
            self.note("core", "core", text)
        return bool(good)

    def is_own_refuted(self) -> bool:
        """Whether adapters of its own were measured, kept or not, and none helped."""
        own = [one for one in self.mine if self._problem(one) is None]
        known = [one.evidence_for(self.language.tag) for one in (*own, *self._findings)]
        verdicts = {found.verdict for found in known if found is not None}
        return bool(verdicts) and "helps" not in verdicts

    def family(self) -> Stack | None:
        """The adapter of the smallest group that has the language, if a report shows a gain."""
        found: Stack | None = None
        for path, candidate in self._families:
            where = f"is for {path[-1]}, which has {self.language.name}"
            known, helps = self._family_evidence(candidate)
            if found is not None:
                self.note("family", candidate, f"{where}; a nearer family or a newer version was found")
            elif problem := self._problem(candidate):
                self.note("family", candidate, f"is not used: {problem}")
            elif helps:
                found = self._stacked("family", candidate, f"{where}, and helps {known}")
            else:
                self.note("family", candidate, f"{where}, but is not used: {known}")
        return found

    def _families_of(self, available: Iterable[Candidate]) -> list[tuple[tuple[str, ...], Candidate]]:
        """Family adapters of groups that have the language, the smallest group first."""
        paths = [(_group_path(one.family or ""), one) for one in available if one.kind == "family"]
        own = [(path, one) for path, one in paths if path and self.language.family[: len(path)] == path]
        return sorted(own, key=lambda pair: -len(pair[0]))

    def _family_evidence(self, candidate: Candidate) -> tuple[str, bool]:
        """What is known of a family adapter, and whether that is reason enough to use it."""
        if (here := candidate.evidence_for(self.language.tag)) is not None:
            return f"it: {here}" if here.verdict == "helps" else str(here), here.verdict == "helps"
        if self.is_own_refuted():
            return f"it was not measured in {self.language.name}, where an adapter of its own brought no gain", False
        near = sorted(
            ((one, self._closeness(one.language)) for one in candidate.evidence),
            key=lambda pair: (pair[0].verdict != "helps", -pair[1], pair[0].language),
        )
        best = next((one for one, closeness in near if closeness >= RELATED), None)
        if best is None:
            return _why_unknown(candidate), False
        return f"the relative {best.language}: {best}", best.verdict == "helps"

    def relatives(self, minimum: float, limit: int) -> Stack | Merge | None:
        """The proxy: the merged adapters of the nearest relatives that were helped by theirs."""
        chosen: list[Candidate] = []
        near = self._near(minimum)
        for place, (candidate, closeness) in enumerate(near):
            if len(chosen) >= limit:
                self._note_rest([one.name for one, _ in near[place:]], f"not needed: the nearest {limit} are enough")
                break
            if against := self._against_relative(candidate, chosen):
                self.note("relatives", candidate, f"is {closeness:.2f} related, but is not used: {against}")
                continue
            chosen.append(candidate)
            known = f"helps its own language: {_own_evidence(candidate)}"
            self.note("relatives", candidate, f"is {closeness:.2f} related, and {known}", chosen=True)
        weighed = {*self.mine, *self._findings, *(one for one, _ in near), *(one for _, one in self._families)}
        rest = [one.name for one in self._available if one not in weighed]
        self._note_rest(rest, f"not considered: less than {minimum:.2f} related, or of another kind")
        return self._merged(chosen)

    def _note_rest(self, names: Iterable[str], text: str) -> None:
        """One reason for many adapters."""
        if distinct := list(dict.fromkeys(names)):
            more = f" and {len(distinct) - SHOWN} more" if len(distinct) > SHOWN else ""
            self.note("relatives", ", ".join(distinct[:SHOWN]) + more, text)

    def _near(self, minimum: float) -> list[tuple[Candidate, float]]:
        """Adapters of relatives, the nearest relative first."""
        others = [one for one in self._available if one.kind == "language" and one not in self.mine]
        scored = [(one, max(map(self._closeness, one.languages), default=0.0)) for one in others]
        return sorted((pair for pair in scored if pair[1] >= minimum), key=lambda pair: (-pair[1], pair[0].name))

    def _against_relative(self, candidate: Candidate, chosen: Sequence[Candidate]) -> str | None:
        found, here = _own_evidence(candidate), candidate.evidence_for(self.language.tag)
        under = self._under(candidate)
        if problem := self._problem(candidate):
            return problem
        if any(one.name == candidate.name for one in chosen):
            return "a newer version was chosen"
        if found is None:
            return _why_unknown(candidate)
        if found.verdict != "helps":
            return f"in {found.language}, {found}"
        if here is not None and here.verdict != "helps":
            return f"in {here.language}, {here}"
        if isinstance(under, str):
            return under
        if chosen and under != self._under(chosen[0]):
            return f"it stands on other adapters than {chosen[0].name}"
        return None

    def _merged(self, chosen: Sequence[Candidate]) -> Stack | Merge | None:
        """One adapter as it is, several merged; over the adapters that they all need."""
        if not chosen:
            return None
        members = [_member(one) for one in chosen]
        merge = Merge(members, method="relatedness", target=self.language.tag) if len(chosen) > 1 else None
        under = self._under(chosen[0])
        if merge is not None and not under:
            return merge
        return Stack(*under, members[0] if merge is None else merge)

    def _problem(self, candidate: Candidate) -> str | None:
        """Why a version cannot be used with this core at all."""
        if candidate.problem is None and candidate.core_fingerprint != self.core_fingerprint:
            return f"it was made for another core, {candidate.core_fingerprint[:19]}…"
        return candidate.problem

    def _is_own(self, candidate: Candidate) -> bool:
        return self.language.tag in candidate.languages or candidate.name == f"lang-{self.language.tag}"

    def _is_finding(self, candidate: Candidate) -> bool:
        """Whether it is a published result about this language on this core, not yanked."""
        about = self.language.tag in candidate.languages and candidate.core_fingerprint == self.core_fingerprint
        return candidate.kind == "finding" and about and not (candidate.problem or "").startswith("yanked")

    def _helps(self, candidate: Candidate) -> bool:
        found = candidate.evidence_for(self.language.tag)
        return found is not None and found.verdict == "helps"

    def _closeness(self, tag: str) -> float:
        other = _language(tag)
        return 0.0 if other is None else relatedness(self.language, other)

    def _stacked(self, step: Step, candidate: Candidate, text: str) -> Stack | None:
        """The adapter over those that it needs; None when one of them is missing. Either way with the reason."""
        under = self._under(candidate)
        if isinstance(under, str):
            self.note(step, candidate, f"is not used: {under}")
            return None
        self.note(step, candidate, text, chosen=True)
        return Stack(*under, _member(candidate))

    def _under(self, candidate: Candidate) -> tuple[Member, ...] | str:
        """The adapters that this one is stacked on, the lowest first; or what is wrong with them."""
        try:
            return tuple(_member(one) for one in needed_under(candidate, self._usable))
        except LookupError as error:
            return str(error.args[0])


def _member(candidate: Candidate) -> Member:
    return Member(candidate.name, f"=={candidate.version}")


def _own_evidence(candidate: Candidate) -> Evidence | None:
    """What a language adapter did for the language that it is for."""
    return next((found for tag in candidate.languages if (found := candidate.evidence_for(tag))), None)


def _why_unknown(candidate: Candidate) -> str:
    return candidate.note or "nothing was measured that would tell"


def _language(tag: str) -> Language | None:
    try:
        return find(tag)
    except HubkitError:
        return None


def _group_path(family: str) -> tuple[str, ...]:
    """The path of the group that a manifest names (``Bantu`` or ``… > Narrow Bantu``); () when the tree has none."""
    try:
        return group(family.rpartition(">")[2].strip())
    except HubkitError:
        return ()
