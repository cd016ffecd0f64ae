"""Adapters that a plan can choose from, and what was measured of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from packaging.specifiers import SpecifierSet

from hubkit.adapter.folder import read_file
from hubkit.adapter.manifest import Manifest
from hubkit.errors import HubkitError
from hubkit.languages import Language, relatives
from hubkit.registry.index import open_indexes
from hubkit.registry.installed import Installed, list_installed
from hubkit.registry.provide import published_names

if TYPE_CHECKING:
    from hubkit.registry.lock import Lock
    from hubkit.registry.record import Record
    from hubkit.registry.record_fields import Metric

Verdict = Literal["helps", "unclear", "needless", "harms"]
REPORT_FILE = "report.json"
GOOD_CORE = 0.9  # R@1 from which the core counts as good already, as in a report's conclusion
FEWEST_ITEMS = 20  # with fewer, an interval says nothing
_CONCLUSIONS: Mapping[str, Verdict] = {
    "own gain": "helps",
    "generic gain": "helps",
    "unattributed gain": "helps",
    "centring suffices": "helps",  # the vectors get better; removing their mean would do as much
    "no measurable gain": "unclear",
    "no adapter needed": "needless",
    "loss": "harms",
}
_WORDS: Mapping[Verdict, str] = {
    "helps": "gain", "unclear": "no measurable gain", "needless": "no adapter needed", "harms": "loss",
}  # fmt: skip
_KINDS = {"fam": "family", "fuse": "fusion", "lang": "language", "task": "task"}


@dataclass(frozen=True, slots=True)
class Measured:
    """A difference of mean R@1 with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an adapter changed in one language on one suite of ``n`` items, against the core alone."""

    language: str  # BCP-47 tag
    suite: str
    n: int
    core: float | None = None  # R@1 of the core, not centred
    raw: Measured | None = None
    centred: Measured | None = None
    conclusion: str | None = None  # as the report has it; None where the numbers must speak

    def __str__(self) -> str:
        """``generic gain on udhr (n = 50): R@1 +0.12 [0.03, 0.21] raw, +0.10 [0.03, 0.17] centred``."""
        changes = [f"{change} {view}" for change, view in ((self.raw, "raw"), (self.centred, "centred")) if change]
        figures = f": R@1 {', '.join(changes)}" if changes else ""
        return f"{self.conclusion or _WORDS[self.verdict]} on {self.suite} (n = {self.n}){figures}"

    @property
    def verdict(self) -> Verdict:
        """The report's conclusion; without one, what the intervals say."""
        if (concluded := _CONCLUSIONS.get(self.conclusion or "")) is not None:
            return concluded
        changes = [change for change in (self.raw, self.centred) if change is not None and self.n >= FEWEST_ITEMS]
        if any(change.low > 0 for change in changes):
            return "helps"
        if any(change.high < 0 for change in changes):
            return "harms"
        return "needless" if self._is_high else "unclear"

    @property
    def is_core_good(self) -> bool:
        """Whether the core needs nothing in this language: its R@1 is high, or the report says so."""
        return self.verdict == "needless" or self._is_high

    @property
    def about_core(self) -> str:
        """How good the core is, in words."""
        score = f"R@1 {self.core:.2f}" if self.core is not None and self._is_high else _WORDS["needless"]
        return f"{score} on {self.suite} (n = {self.n})"

    @property
    def _is_high(self) -> bool:
        return self.core is not None and self.core >= GOOD_CORE and self.n >= FEWEST_ITEMS


@dataclass(frozen=True, slots=True)
class Candidate:
    """One version of an adapter. ``problem`` says why it cannot be used, ``note`` why it has no evidence."""

    name: str
    version: str
    kind: Literal["family", "fusion", "language", "task", "finding"]
    languages: tuple[str, ...] = ()  # BCP-47 tags
    family: str | None = None
    core_fingerprint: str = ""
    dependencies: tuple[tuple[str, str], ...] = ()  # (name, PEP 440 specifiers), to be stacked under it in this order
    evidence: tuple[Evidence, ...] = field(default=(), repr=False)  # the main suite of its report first
    problem: str | None = None
    note: str | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def evidence_for(self, tag: str) -> Evidence | None:
        """The first measurement in this language."""
        return next((found for found in self.evidence if found.language == tag), None)


def candidates_installed() -> list[Candidate]:
    """Every installed version by name, newest first, with the evidence of its report; broken ones have a problem."""
    return [candidate_of(installed) for installed in list_installed()]


def candidates_for(
    language: Language, limit: int = 40, installed: Sequence[Candidate] | None = None
) -> list[Candidate]:
    """Installed versions, and published ones that may serve a language, as their reports and records tell.

    Of the published ones its own adapter, all family adapters and those of its ``limit`` nearest relatives count, and
    findings about the language.
    ``installed`` are the installed ones, where they were read before.
    """
    near = [language, *(relative for relative, _ in relatives(language, limit=limit))]
    return _with_published([f"finding-{language.tag}", *(f"lang-{one.tag}" for one in near)], installed)


def candidates_families(installed: Sequence[Candidate] | None = None) -> list[Candidate]:
    """Installed versions, and all published family adapters."""
    return _with_published([], installed)


def _with_published(names: Sequence[str], known: Sequence[Candidate] | None) -> list[Candidate]:
    """Installed versions (``known``, where they were read before), and published ones of ``names`` and of families."""
    installed, indexes = list(candidates_installed() if known is None else known), open_indexes()
    there = {(one.name, one.version) for one in installed}
    wanted = [*names, *published_names(indexes, "fam-")]
    published = [candidate_of_record(record) for name in wanted for record in indexes.versions(name)]
    return installed + [one for one in published if (one.name, one.version) not in there]


def candidates_locked(lock: Lock) -> list[Candidate]:
    """The versions of a lock file."""
    return [candidate_of_record(record) for record in lock.adapters]


def candidate_of_record(record: Record) -> Candidate:
    """A published version with the evidence of its record; a finding is none that can be used."""
    problem = f"a finding, no adapter: {record.conclusion}" if record.kind == "finding" else None
    if record.yanked:
        problem = f"yanked: {record.yanked}"
    return Candidate(
        name=record.name,
        version=record.version,
        kind=cast("Any", record.kind),
        languages=tuple(language.bcp47 for language in record.languages),
        family=record.family,
        core_fingerprint=record.core.fingerprint,
        dependencies=tuple((needed.name, needed.spec) for needed in record.deps),
        evidence=tuple(_of_metric(metric, record) for metric in record.metrics),
        problem=problem,
        note=None if record.metrics else "its record has no figures",
    )


def _of_metric(metric: Metric, record: Record) -> Evidence:
    language = metric.language or (record.languages[0].bcp47 if record.languages else "")
    gain = Measured(metric.gain, *metric.ci95)
    return Evidence(language, metric.suite, metric.n or 0, metric.core, gain, None, record.conclusion or "")


def needed_under(
    candidate: Candidate, available: Sequence[Candidate], above: tuple[str, ...] = ()
) -> Iterator[Candidate]:
    """The adapters that this one is stacked on, the lowest first; of each the first one available that will do.

    Raises :class:`LookupError` that says which one is missing.
    """
    above = (*above, candidate.name)
    for name, spec in candidate.dependencies:
        if name in above:
            raise LookupError(f"it needs {name}, which needs itself")
        wanted = SpecifierSet(spec)
        fitting = (one for one in available if one.name == name and wanted.contains(one.version, prereleases=True))
        if (found := next(fitting, None)) is None:
            raise LookupError(f"it needs {name}{spec}, which is not here for this core")
        yield from needed_under(found, available, above)
        yield found


def candidate_of(installed: Installed) -> Candidate:
    """An installed version with the evidence of its report."""
    manifest = installed.manifest
    if manifest is None:
        kind: Any = _KINDS.get(installed.name.partition("-")[0], "task")
        return Candidate(installed.name, installed.version, kind, problem=f"broken: {installed.error}")
    evidence, note = _evidence(installed.folder, manifest)
    return Candidate(
        name=manifest.name,
        version=manifest.version,
        kind=manifest.kind,
        languages=tuple(language.bcp47 for language in manifest.languages),
        family=manifest.family,
        core_fingerprint=manifest.core.fingerprint,
        dependencies=tuple((needed.name, needed.spec) for needed in manifest.dependencies),
        evidence=evidence,
        note=note,
    )


def _evidence(folder: Path, manifest: Manifest) -> tuple[tuple[Evidence, ...], str | None]:
    """What the report says, or why there is no evidence; only the report that the manifest lists counts."""
    listed = next((file for file in manifest.files if file.path == REPORT_FILE), None)
    if listed is None:
        return (), "it has no report"
    try:
        data = read_file(folder / REPORT_FILE, listed.size)
        if hashlib.sha256(data).hexdigest() != listed.sha256:
            return (), "its report is not the one that its manifest lists"
        return evidence_of(json.loads(data), manifest.core.fingerprint), None
    except (HubkitError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        return (), f"its report cannot be read ({type(error).__name__})"


def evidence_of(report: Mapping[str, Any], core_fingerprint: str) -> tuple[Evidence, ...]:
    """Evidence in a report (``report.json`` as data): its suites, then the languages of its damage check.

    Raises :class:`ValueError`, :class:`TypeError` or :class:`KeyError` when it is no report or is of another core.
    """
    if report["schema_version"] != 1 or report["core"]["fingerprint"] != core_fingerprint:
        raise ValueError("no report of this schema for this core")
    suites = [_of_suite(evaluation) for evaluation in (report, *report.get("further", ()))]
    return (*(found for found in suites if found is not None), *_of_damage(report.get("damage") or {}))


def _of_suite(evaluation: Mapping[str, Any]) -> Evidence | None:
    over = [gain for gain in evaluation["gains"] if gain["control"] == "core"]
    if not over:
        return None
    suite = evaluation["suite"]
    core = next((system["raw"]["mean"] for system in evaluation["systems"] if system["name"] == "core"), None)
    return Evidence(
        language=_text(suite["language"]),
        suite=_text(suite["name"]),
        n=int(suite["n"]),
        core=_number(core),
        raw=_measured(over[0]["raw"]),
        centred=_measured(over[0]["centred"]),
        conclusion=_text(evaluation["conclusion"]),
    )


def _of_damage(damage: Mapping[str, Any]) -> Iterator[Evidence]:
    for row in damage.get("rows", ()):
        yield Evidence(
            language=_text(row["language"]),
            suite=_text(row["suite"]),
            n=int(row["n"]),
            core=_number(row["core"]),
            raw=_measured(row["change"]),
        )


def _measured(change: Mapping[str, Any]) -> Measured:
    low, high = change["ci95"]
    return Measured(_number(change["value"]), _number(low), _number(high))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
