from __future__ import annotations

import pytest

from hubkit.evaluation.conclusion import conclude
from hubkit.evaluation.report import Centring, Change, Gain, Scores, System
from hubkit.evaluation.statistics import Verdict

GAIN, LOSS, NOISE = "gain", "loss", "within noise"


def a_change(verdict: Verdict) -> Change:
    return Change(value=0, ci95=(0, 0), verdict=verdict, n=58, minimum_detectable=0.1)


def a_core(mean: float, centred: float | None = None) -> System:
    raw, after = (Scores(forward=value, backward=value, mean=value, mrr=value) for value in (mean, centred or mean))
    return System(name="core", description="", raw=raw, centred=after)


@pytest.mark.parametrize(
    ("over_core", "over_wrong", "over_centring", "expected"),
    [
        ((GAIN, GAIN), (NOISE, GAIN), GAIN, "own gain"),
        ((NOISE, GAIN), (NOISE, GAIN), NOISE, "own gain"),
        ((GAIN, GAIN), (GAIN, NOISE), GAIN, "generic gain"),  # only the offset differs: centring undoes that
        ((GAIN, GAIN), (LOSS, LOSS), GAIN, "generic gain"),
        ((GAIN, NOISE), (GAIN, NOISE), NOISE, "centring suffices"),
        ((GAIN, LOSS), (GAIN, GAIN), LOSS, "centring suffices"),
        ((GAIN, NOISE), (GAIN, GAIN), GAIN, "own gain"),
        ((GAIN, GAIN), None, GAIN, "unattributed gain"),
        ((NOISE, NOISE), (GAIN, GAIN), NOISE, "no measurable gain"),
        ((LOSS, NOISE), (NOISE, NOISE), LOSS, "loss"),
        ((NOISE, LOSS), None, NOISE, "loss"),
    ],
)
def test_rules(
    over_core: tuple[Verdict, Verdict],
    over_wrong: tuple[Verdict, Verdict] | None,
    over_centring: Verdict,
    expected: str,
) -> None:
    gains = [Gain(control="core", raw=a_change(over_core[0]), centred=a_change(over_core[1]))]
    if over_wrong is not None:
        gains.append(Gain(control="wrong-family", raw=a_change(over_wrong[0]), centred=a_change(over_wrong[1])))
    centring = Centring(core=a_change(NOISE), adapter_over_it=a_change(over_centring))
    assert conclude(a_core(0.5), gains, centring) == expected


@pytest.mark.parametrize(
    ("core", "expected"),
    [
        (a_core(0.9), "no adapter needed"),
        (a_core(0.7, centred=0.95), "no adapter needed"),
        (a_core(0.89), "no measurable gain"),
    ],
)
def test_a_good_core_needs_none(core: System, expected: str) -> None:
    gains = [Gain(control="core", raw=a_change(NOISE), centred=a_change(NOISE))]
    assert conclude(core, gains, Centring(core=a_change(GAIN), adapter_over_it=a_change(NOISE))) == expected


def test_without_an_adapter() -> None:
    assert conclude(a_core(0.9), [], Centring(core=a_change(GAIN), adapter_over_it=None)) == "not compared"
