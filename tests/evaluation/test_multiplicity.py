from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.evaluation.multiplicity import holm


def test_the_textbook_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_nothing_and_one() -> None:
    assert holm([]) == [] and holm([0.2]) == [0.2]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_never_smaller_never_above_one_and_in_order(chances: list[float]) -> None:
    adjusted = holm(chances)
    assert all(before <= after <= 1 for before, after in zip(chances, adjusted, strict=True))
    assert max(adjusted) <= min(1.0, len(chances) * max(chances))
    ordered = sorted(zip(chances, adjusted, strict=True))
    assert [after for _, after in ordered] == sorted(adjusted)


def test_false_alarms_among_many_are_kept_at_one_in_twenty() -> None:
    """One true effect among nine: it is found as by Bonferroni with ten comparisons."""
    adjusted = holm([0.004, *[0.5] * 9])
    assert adjusted[0] == pytest.approx(0.04) and min(adjusted[1:]) == 1
