from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from hubkit.evaluation.report import (
    Centring,
    Change,
    Damage,
    DamageRow,
    Evaluation,
    Gain,
    OwnShare,
    Report,
    Scores,
    SeedScore,
    Share,
    SuiteInfo,
    System,
)
from hubkit.evaluation.words import (
    CONCLUSIONS,
    change,
    damage_sentence,
    evaluation_sentences,
    judged,
    number,
    overlap_sentence,
    seed_sentence,
    signed,
)

Compared = Callable[..., Evaluation]


def a_change(value: float, low: float, high: float, n: int = 58) -> Change:
    verdict = "gain" if low > 0 else "loss" if high < 0 else "within noise"
    return Change(value=value, ci95=(low, high), verdict=verdict, n=n, minimum_detectable=0.14)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.378, 2, ".38"), (1.0, 2, "1.00"), (0, 2, ".00"), (-0.05, 2, "−.05"), (-0.001, 2, ".00"), (0.0314, 3, ".031")],
)
def test_number(value: float, digits: int, text: str) -> None:
    assert number(value, digits) == text


def test_signed() -> None:
    assert (signed(0.17), signed(-0.17), signed(0.001)) == ("+.17", "−.17", ".00")


def test_change_shows_a_third_decimal_where_it_matters() -> None:
    assert change(a_change(0.172, 0.091, 0.253)) == "+.17 [.09, .25]"
    assert change(a_change(0.05, 0.0021, 0.1)) == "+.050 [.002, .100]"
    assert change(a_change(0.0312, 0.0101, 0.0541, n=1000)) == "+.031 [.010, .054]"
    assert judged(a_change(0.02, -0.05, 0.09)) == "+.02 [−.05, .09], within noise"


def a_system(name: str, raw: float, centred: float, description: str = "") -> System:
    both = (Scores(forward=mean, backward=mean, mean=mean, mrr=mean) for mean in (raw, centred))
    return System(name=name, description=description, raw=next(both), centred=next(both))


def test_sentences_word_for_word() -> None:
    suite = SuiteInfo(name="udhr", origin="o", license="l", domain="prose", language="rw", n=58)
    systems = [
        a_system("core", 0.38, 0.51),
        a_system("adapter", 0.55, 0.64),
        a_system("wrong-family", 0.46, 0.59, "Turkic, equal budget"),
    ]
    gains = [
        Gain(control="core", raw=a_change(0.17, 0.09, 0.25), centred=a_change(0.13, 0.05, 0.2)),
        Gain(control="wrong-family", raw=a_change(0.09, 0.02, 0.16), centred=a_change(0.05, 0.01, 0.09)),
    ]
    centring = Centring(core=a_change(0.13, 0.05, 0.2), adapter_over_it=a_change(0.08, 0.02, 0.14))
    own = OwnShare(
        raw=Share(gain=0.17, generic=0.08, own=0.09, share=0.53, ci95=(0.2, 0.75)),
        centred=Share(gain=0.13, generic=0.08, own=0.05, share=0.38, ci95=(0.1, 0.6)),
    )
    assert evaluation_sentences(suite, systems, gains, centring, own, "own gain") == [
        "Raw R@1 on udhr (58 pairs) rises from .38 to .55 (+.17 [.09, .25]).",
        (
            "Removing the mean alone, without training, gives .51 (+.13 [.05, .20]); "
            "the raw adapter is above that (+.08 [.02, .14])."
        ),
        "Centred, the adapter reaches .64 against the centred core's .51 (+.13 [.05, .20]).",
        (
            "A wrong-family control (Turkic, equal budget) reaches .46 raw, so about 47 % of the raw gain is generic "
            "(95 % interval 25 % to 80 %)."
        ),
        (
            "Centred, the adapter is +.05 [.01, .09] against the wrong family's .59: this part is the language's own, "
            "about 38 % of the centred gain over the core (10 % to 60 %)."
        ),
        CONCLUSIONS["own gain"],
    ]


def test_clear_gain(compared: Compared) -> None:
    said = " ".join(compared(core=(2.2, 0.8), adapter=(1.2, 0.2), wrong_family=(2.0, 0.4)).sentences)
    assert "Raw R@1 on udhr (58 pairs) rises from" in said
    assert "of the raw gain is generic (95 % interval" in said
    assert "this part is the language's own, about" in said
    assert said.endswith(CONCLUSIONS["own gain"])


def test_all_generic(compared: Compared) -> None:
    said = " ".join(compared(core=(2.0, 0.9), adapter=(1.4, 0.2), wrong_family=(1.4, 0.2)).sentences)
    assert "rises from" in said
    assert "all of the raw gain may be generic" in said
    assert "no part of the centred gain is shown to be the language's own" in said
    assert "this part is the language's own" not in said


def test_within_noise_is_said_plainly(compared: Compared) -> None:
    said = " ".join(compared(core=(1.8, 0.1), adapter=(1.8, 0.1), wrong_family=(1.8, 0.1)).sentences)
    assert "goes from" in said and "within noise" in said and "would mostly go unseen here" in said
    assert "there is no clear raw gain to share out" in said
    assert "rises" not in said and " % " not in said
    assert said.endswith(CONCLUSIONS["no measurable gain"])


def test_loss(compared: Compared) -> None:
    said = " ".join(compared(core=(1.0, 0.1), adapter=(3.0, 0.1), wrong_family=(1.0, 0.1)).sentences)
    assert "falls from" in said and "none of the centred gain is the language's own" in said
    assert said.endswith(CONCLUSIONS["loss"])


def test_no_adapter_needed(compared: Compared) -> None:
    assert compared(core=(0.3, 0.1), adapter=(0.3, 0.1)).sentences[-1] == CONCLUSIONS["no adapter needed"]


def test_centring_suffices(compared: Compared) -> None:
    said = " ".join(compared(core=(1.6, 1.5), adapter=(1.6, 0.1)).sentences)
    assert "the raw adapter does not differ clearly from that" in said
    assert said.endswith(CONCLUSIONS["centring suffices"])


def test_previous_version_is_compared(compared: Compared) -> None:
    said = " ".join(compared(core=(2.2, 0.8), adapter=(1.2, 0.2), previous=(1.3, 0.2)).sentences)
    assert "Control previous (the previous version of this adapter)" in said


def test_core_alone(compared: Compared) -> None:
    said = compared(core=(1.0, 0.5)).sentences
    assert said[0].startswith("The core's raw R@1 on udhr (58 pairs) is") and len(said) == 2


def test_every_number_in_the_sentences_is_finite(report: Report) -> None:
    assert "nan" not in json.dumps(report.sentences)


def damaged(first: Change, mean: Change) -> Damage:
    rows = [
        DamageRow(language="de", suite="udhr", n=58, core=0.9, adapter=0.8, change=first),
        DamageRow(language="tr", suite="udhr", n=58, core=0.8, adapter=0.8, change=a_change(0, -0.05, 0.05)),
    ]
    return Damage(rows=rows, core=0.85, adapter=0.8, mean=mean)


def test_damage() -> None:
    loss, noise = a_change(-0.1, -0.2, -0.02), a_change(-0.03, -0.08, 0.01)
    assert "the adapter damages them" in damage_sentence(damaged(loss, loss))
    mixed = damage_sentence(damaged(loss, noise))
    assert "no damage measured" in mixed and "de loses: −.10 [−.20, −.02]" in mixed
    assert "they gain too" in damage_sentence(damaged(noise, a_change(0.05, 0.02, 0.08)))


def test_overlap() -> None:
    clean = {"training": 1000, "suite": 58, "exact": 0, "normalised": 0, "words": 0}
    assert overlap_sentence(clean) == "No overlap between 1,000 training texts and 58 texts of the suite."
    assert "2 word for word. Scores on this suite may be too high" in overlap_sentence({**clean, "exact": 2})


def test_seeds() -> None:
    scores = [SeedScore(seed=seed, raw=0.5 + seed / 100, centred=0.6) for seed in range(3)]
    assert "Over 3 training seeds R@1 lies between .50 and .52 raw" in seed_sentence(scores)
