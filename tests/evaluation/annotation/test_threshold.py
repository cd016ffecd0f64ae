from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hubkit.evaluation.annotation import threshold as module
from hubkit.evaluation.annotation.judgement import Judgement
from hubkit.evaluation.annotation.threshold import Threshold, calibrate, thresholds

Make = Callable[..., Judgement]


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESAMPLES", 300)


def answers(
    judged: Make, rng: np.random.Generator, n: int = 60, at: float = 0.8, steep: float = 60.0
) -> list[Judgement]:
    """Pairs whose chance to be called the same rises with the cosine and is one half ``at``."""
    cosines = rng.normal(at + 0.01, 0.05, size=n).clip(0, 1)
    same = rng.random(n) < 1 / (1 + np.exp(-steep * (cosines - at)))
    kinds = ["true" if number % 2 else "wrong" for number in range(n)]
    return [
        judged(number, "same" if yes else "different", cosine=float(cosine), centred=float(cosine / 2), kind=kind)
        for number, (cosine, yes, kind) in enumerate(zip(cosines, same, kinds, strict=True))
    ]


def test_the_interval_covers_the_truth(judged: Make, few_resamples: None) -> None:
    covered = []
    for seed in range(80):
        found = calibrate(answers(judged, np.random.default_rng(seed)), "raw")
        assert isinstance(found, Threshold)
        assert found.ci95[0] < found.value < found.ci95[1]
        covered.append(found.ci95[0] <= 0.8 <= found.ci95[1])
    assert 0.85 <= np.mean(covered) <= 1  # 95 % of 80 is 76 ± 4


def test_more_answers_narrow_it(judged: Make, few_resamples: None) -> None:
    widths = []
    for n in (30, 100):
        found = calibrate(answers(judged, np.random.default_rng(0), n), "raw")
        assert isinstance(found, Threshold)
        widths.append(found.ci95[1] - found.ci95[0])
    assert widths[1] < widths[0]


def test_each_view_has_its_own(judged: Make, few_resamples: None) -> None:
    one = answers(judged, np.random.default_rng(0))
    raw, centred = calibrate(one, "raw"), calibrate(one, "centred")
    assert isinstance(raw, Threshold) and isinstance(centred, Threshold)
    assert centred.value == pytest.approx(raw.value / 2, abs=0.001)
    assert (raw.view, raw.same + raw.other) == ("raw", 60)


def test_answers_that_a_cosine_separates_have_a_threshold(judged: Make, few_resamples: None) -> None:
    one = [judged(number, cosine=0.9 + number / 1000) for number in range(15)]
    other = [judged(number, "different", kind="wrong", cosine=0.7 + number / 1000) for number in range(15)]
    found = calibrate([*one, *other], "raw")
    assert isinstance(found, Threshold)
    assert 0.714 < found.value < 0.9 and found.right == pytest.approx(1)


def test_related_is_not_the_same(judged: Make, few_resamples: None) -> None:
    one = answers(judged, np.random.default_rng(0))
    softened = [each.model_copy(update={"label": "related"}) if each.label == "different" else each for each in one]
    assert calibrate(one, "raw") == calibrate(softened, "raw")


def test_unsure_answers_are_left_out(judged: Make, few_resamples: None) -> None:
    one = answers(judged, np.random.default_rng(0))
    unsure = [judged(1000 + number, "unsure", cosine=0.1) for number in range(20)]
    assert calibrate([*one, *unsure], "raw") == calibrate(one, "raw")


@pytest.mark.parametrize(("same", "other"), [(0, 20), (20, 4), (4, 20), (0, 0)])
def test_too_few_of_either(judged: Make, same: int, other: int) -> None:
    one = [judged(number, cosine=0.9) for number in range(same)]
    two = [judged(number, "different", kind="wrong", cosine=0.5) for number in range(other)]
    assert calibrate([*one, *two], "raw") == f"answers: {same} same, {other} not; at least 5 of each are needed"


def test_answers_that_have_nothing_to_do_with_the_cosine(judged: Make, few_resamples: None) -> None:
    rng = np.random.default_rng(0)
    one = [judged(number, "same" if number % 2 else "different", cosine=float(rng.random())) for number in range(40)]
    assert calibrate(one, "raw") == "the cosine does not tell pairs that mean the same from near wrong ones"


def test_two_annotators_of_one_pair_are_one_pair(judged: Make, few_resamples: None) -> None:
    one = answers(judged, np.random.default_rng(1), 40)
    echo = [each.model_copy(update={"annotator": "Ben"}) for each in one]
    alone, both = calibrate(one, "raw"), calibrate([*one, *echo], "raw")
    assert isinstance(alone, Threshold) and isinstance(both, Threshold)
    widths = [found.ci95[1] - found.ci95[0] for found in (alone, both)]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)  # an echo is no evidence


def test_weights_count(judged: Make, few_resamples: None) -> None:
    """Pairs that stand for many pull the threshold more."""
    one = answers(judged, np.random.default_rng(2), 60)
    heavy = [each.model_copy(update={"weight": 5.0}) if each.cosine > 0.8 else each for each in one]
    plain, weighted = calibrate(one, "raw"), calibrate(heavy, "raw")
    assert isinstance(plain, Threshold) and isinstance(weighted, Threshold)
    assert plain.value != weighted.value


def test_without_the_penalty_it_is_the_logistic_regression(judged: Make) -> None:
    """With many answers the penalty vanishes; scikit-learn without its own gives the same."""
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    x = rng.normal(0.8, 0.05, 5000)
    y = (rng.random(5000) < 1 / (1 + np.exp(-40 * (x - 0.82)))).astype(float)
    weights = rng.random(5000) + 0.5
    ours = thresholds(x, y, weights[None, :])[0]
    theirs = linear.LogisticRegression(C=1e9, tol=1e-9, max_iter=1000).fit(x[:, None] * 100, y, sample_weight=weights)
    assert ours == pytest.approx(-theirs.intercept_[0] / theirs.coef_[0, 0] / 100, abs=2e-4)
