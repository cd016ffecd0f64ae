from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hubkit.evaluation.annotation.findings import findings, judged_alignment, weighted_share
from hubkit.evaluation.annotation.judgement import Judgement

Make = Callable[..., Judgement]


def test_one_for_each_suite_and_system(judged: Make) -> None:
    found = findings([judged(1, suite="b"), judged(1, suite="a"), judged(1, suite="a", system="core")])
    assert [(one.suite, one.system) for one in found] == [
        ("a", "core"),
        ("a", "lang-rw==0.1.0"),
        ("b", "lang-rw==0.1.0"),
    ]


def test_a_sound_suite(judged: Make) -> None:
    found = judged_alignment([judged(number) for number in range(30)])
    assert found is not None and not found.doubtful and found.suspects == []
    assert found.different.value == 0 and 0.05 < found.different.ci95[1] < 0.2


def test_a_suite_with_wrong_pairs(judged: Make) -> None:
    labels = ["different"] * 6 + ["related"] * 3 + ["same"] * 21
    found = judged_alignment([judged(number, label) for number, label in enumerate(labels)])
    assert found is not None and found.doubtful
    assert (found.different.value, found.related.value) == (pytest.approx(0.2), pytest.approx(0.1))
    assert found.suspects == ["0", "1", "2", "3", "4", "5"]


def test_wrong_pairs_and_unsure_answers_say_nothing_of_the_alignment(judged: Make) -> None:
    assert judged_alignment([judged(1, "different", kind="wrong"), judged(2, "unsure")]) is None


def test_two_annotators_of_a_pair_are_half_a_voice_each(judged: Make) -> None:
    found = judged_alignment(
        [judged(1, "different"), judged(1, "same", annotator="Ben"), *(judged(number) for number in range(2, 6))]
    )
    assert found is not None and found.pairs == 5
    assert found.different.value == pytest.approx(0.1) and found.suspects == ["1"]


def test_weights_make_the_share_that_of_the_suite(judged: Make) -> None:
    near = [judged(number, "different", weight=1.0) for number in range(10)]
    far = [judged(number, "same", weight=9.0) for number in range(10, 20)]
    found = judged_alignment([*near, *far])
    assert found is not None and found.different.value == pytest.approx(0.1)


def test_the_interval_covers_the_share_of_a_suite() -> None:
    """Strata drawn at unequal rates; the truth is the share over the whole suite."""
    covered = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        near, far = rng.random(100) < 0.2, rng.random(200) < 0.04
        truth = (near.sum() + far.sum()) / 300
        values = [*rng.choice(near, 20, replace=False), *rng.choice(far, 10, replace=False)]
        found = weighted_share([float(value) for value in values], np.array([5.0] * 20 + [20.0] * 10))
        covered += found.ci95[0] <= truth <= found.ci95[1]
    assert covered >= 0.92 * 300


def test_equal_weights_are_wilsons_interval() -> None:
    found = weighted_share([1.0] * 10 + [0.0] * 90, np.ones(100))
    assert found.ci95 == (pytest.approx(0.0552, abs=1e-4), pytest.approx(0.1744, abs=1e-4))


def test_words(judged: Make) -> None:
    rng = np.random.default_rng(0)
    ann = []
    for number in range(60):
        kind, cosine = ("true", rng.normal(0.85, 0.04)) if number % 2 else ("wrong", rng.normal(0.75, 0.04))
        label = "same" if rng.random() < 1 / (1 + np.exp(-60 * (cosine - 0.82))) else "different"
        ann.append(judged(number, label, kind=kind, cosine=float(cosine), centred=float(cosine) / 2))
    ben = [each.model_copy(update={"annotator": "Ben"}) for each in ann[:20]]
    (found,) = findings([*ann, *ben])
    assert found.pairs == 60 and found.annotators == {"Ann": 60, "Ben": 20}
    assert [one.view for one in found.thresholds] == ["raw", "centred"]
    text = " ".join(found.words)
    assert "60 pairs of toy in rw were judged, by Ann (60), Ben (20); cosines of lang-rw==0.1.0." in text
    assert "From a raw cosine of ." in text and "more likely than not to mean the same" in text
    assert "Of the pairs that toy calls translations, " in text and "are judged different and 0 % [0, 11]" in text
    assert "THE ALIGNMENT OF toy IS DOUBTFUL; look at" in text and "weighted kappa 1.00 [." in text


def test_few_judgements_give_no_threshold_but_say_why(judged: Make) -> None:
    (found,) = findings([judged(1)])
    assert found.thresholds == [] and "No threshold for the raw cosine: answers: 1 same, 0 not" in " ".join(found.words)
