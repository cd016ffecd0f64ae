"""What a published result without an adapter does to a plan."""

from __future__ import annotations

from typing import Any

from synthetic_records import CORE, OTHER_CORE, metric, record

from hubkit.composition.candidates import Candidate, Evidence, Measured, candidate_of_record
from hubkit.composition.planner import plan
from hubkit.languages import find


def finding(conclusion: str = "no adapter needed", core: str = CORE, gain: float = 0.0, **fields: Any) -> Candidate:
    figures = [{**metric(gain), "core": 0.95, "value": 0.95 + gain, "n": 58}]
    return candidate_of_record(record("finding-rw", core=core, conclusion=conclusion, metrics=figures, **fields))


def helping(name: str, tag: str) -> Candidate:
    evidence = Evidence(tag, "udhr", 58, 0.4, Measured(0.12, 0.03, 0.21), None, "own gain")
    kind: Any = "family" if name.startswith("fam") else "language"
    family = "Narrow Bantu" if kind == "family" else None
    return Candidate(name, "0.1.0", kind, (tag,), family, CORE, evidence=(evidence,))


def reasons(found: Any) -> str:
    return "; ".join(map(str, found.steps))


def test_no_adapter_needed_leaves_it_with_the_core() -> None:
    others = [helping("fam-bantu", "rn"), helping("lang-rn", "rn")]
    assert plan(find("rw"), others, CORE).recipe is not None
    found = plan(find("rw"), [*others, finding()], CORE)
    assert found.recipe is None and found.core_is_good
    assert "finding-rw 1.0.0: is a result without an adapter: no adapter needed on udhr (n = 58)" in reasons(found)


def test_no_measurable_gain_counts_as_a_report_of_an_own_adapter() -> None:
    without = finding("no measurable gain")
    weak = [{**metric(0.01), "core": 0.4, "value": 0.41, "n": 58}]
    without = candidate_of_record(record("finding-rw", conclusion="no measurable gain", metrics=weak))
    assert plan(find("rw"), [helping("lang-rn", "rn")], CORE).recipe is not None
    found = plan(find("rw"), [helping("lang-rn", "rn"), without], CORE)
    assert found.recipe is None and not found.core_is_good


def test_an_own_adapter_that_helps_is_used_all_the_same() -> None:
    found = plan(find("rw"), [finding(), helping("lang-rw", "rw")], CORE)
    assert str(found.recipe) == "lang-rw==0.1.0"


def test_findings_of_another_core_another_language_or_yanked_say_nothing() -> None:
    relative = helping("lang-rn", "rn")
    for one in (finding(core=OTHER_CORE), finding(yanked="wrong suite")):
        found = plan(find("rw"), [relative, one], CORE)
        assert found.recipe is not None and "result without an adapter" not in reasons(found)
    assert plan(find("sw"), [finding()], CORE).core_is_good is False


def test_the_newest_finding_is_named_first() -> None:
    found = plan(find("rw"), [finding(version="1.0.0"), finding(version="1.1.0")], CORE)
    named = [reason.subject for reason in found.steps if reason.subject.startswith("finding")]
    assert named == ["finding-rw 1.1.0", "finding-rw 1.0.0"]
