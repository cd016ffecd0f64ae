from __future__ import annotations

from typing import Any

import pytest

from hubkit.evaluation.gate import gate
from hubkit.evaluation.report import Change, Damage, DamageRow, Gain, Report


def change(verdict: str, value: float = 0.1) -> Change:
    low, high = {"gain": (value / 2, 2 * value), "loss": (2 * value, value / 2)}.get(verdict, (-0.1, 0.2))
    return Change(value=value, ci95=(low, high), verdict=verdict, n=58, minimum_detectable=0.1)  # type: ignore[arg-type]


def gains(raw: str = "gain", centred: str = "gain", wrong: str | None = "gain") -> list[Gain]:
    found = [Gain(control="core", raw=change(raw), centred=change(centred))]
    if wrong is not None:
        found.append(Gain(control="wrong-family", raw=change("gain"), centred=change(wrong)))
    return found


def damaged(verdict: str, value: float) -> Damage:
    row = DamageRow(language="fr", suite="udhr", n=58, core=0.9, adapter=0.8, change=change(verdict, value))
    return Damage(rows=[row], core=0.9, adapter=0.8, mean=change("within noise", value))


@pytest.fixture
def passing(report: Report) -> Report:
    return report.model_copy(update={"gains": gains(), "further": [], "damage": damaged("within noise", -0.001)})


def but(report: Report, **changes: Any) -> Report:
    return report.model_copy(update=changes)


def test_an_own_gain_without_harm_passes(passing: Report) -> None:
    found = gate(passing)
    assert found.passed and found.label == "own gain"
    assert found.reasons == ["beats the core on udhr in rw (58 pairs): +.10 [.05, .20] raw, +.10 [.05, .20] centred"]


@pytest.mark.parametrize(("wrong", "label"), [("within noise", "generic gain"), (None, "unattributed gain")])
def test_what_only_equals_the_wrong_family_passes_as_generic(passing: Report, wrong: str | None, label: str) -> None:
    found = gate(but(passing, gains=gains(wrong=wrong)))
    assert found.passed and found.label == label


@pytest.mark.parametrize(
    ("raw", "centred", "missing"),
    [
        ("within noise", "gain", "the core:"),
        ("gain", "within noise", "the centred core:"),
        ("loss", "loss", "the core:"),
    ],
)
def test_both_cores_have_to_be_beaten(passing: Report, raw: str, centred: str, missing: str) -> None:
    found = gate(but(passing, gains=gains(raw, centred)))
    assert not found.passed and found.label == "no gain"
    assert any(missing in reason for reason in found.reasons)


def test_one_suite_is_enough(passing: Report, report: Report) -> None:
    weak = but(passing, gains=gains("within noise", "within noise"))
    other = report.further[0].model_copy(update={"gains": gains()})
    assert gate(but(weak, further=[other])).passed
    split = other.suite.model_copy(update={"origin": "a split of the training source mediawiki"})
    assert not gate(but(weak, further=[other.model_copy(update={"suite": split})])).passed


def test_few_items_do_not_pass(passing: Report) -> None:
    assert not gate(but(passing, gains=gains("too few items", "too few items"))).passed


def test_harm_beyond_the_tolerance_fails(passing: Report) -> None:
    found = gate(but(passing, damage=damaged("loss", -0.05)))
    assert not found.passed and found.reasons == ["it harms fr: −.05 [−.10, −.03], more than .02 is allowed"]
    assert gate(but(passing, damage=damaged("loss", -0.01))).passed
    assert gate(but(passing, damage=damaged("within noise", -0.05))).passed
    unmeasured = gate(but(passing, damage=None))
    assert not unmeasured.passed and "was not measured" in unmeasured.reasons[0]


def test_overlap_fails_and_so_does_not_looking(passing: Report) -> None:
    met = gate(but(passing, overlap={"training": 9, "suite": 9, "exact": 0, "normalised": 2, "words": 0}))
    assert not met.passed and met.reasons == ["2 training texts meet a suite (normalised)"]
    assert "not compared with the training text" in gate(but(passing, overlap=None)).reasons[0]


def test_nothing_compared_does_not_pass(passing: Report) -> None:
    found = gate(but(passing, gains=[]))
    assert not found.passed and "no adapter was compared" in found.reasons[0]
