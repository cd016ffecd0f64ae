"""Budgets: time or steps, never both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.errors import UsageError
from hubkit.training.budget import Budget, parse_budget


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", Budget(seconds=90.0)),
        ("5m", Budget(seconds=300.0)),
        ("5 min", Budget(seconds=300.0)),
        ("1.5M", Budget(seconds=90.0)),
        ("1h", Budget(seconds=3600.0)),
        (" 0.5 h ", Budget(seconds=1800.0)),
        ("400steps", Budget(steps=400)),
        ("400 Steps", Budget(steps=400)),
        ("1 step", Budget(steps=1)),
        ("0.2 steps", Budget(steps=1)),
    ],
)
def test_parse(text: str, expected: Budget) -> None:
    assert parse_budget(text) == expected


@pytest.mark.parametrize(
    "text", ["", "abc", "90", "s", "0s", "0 steps", "-5s", "5d", "5s 3", "1e3s", "5 m 30 s", "5,5m", "nan s", "inf s"]
)
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(UsageError, match="is not a budget") as caught:
        parse_budget(text)
    assert repr(text) in str(caught.value)
    assert "400steps" in str(caught.value)


def test_progress_by_steps_ignores_time() -> None:
    budget = Budget(steps=200)
    assert [budget.progress(1e6, steps) for steps in (0, 50, 200, 300)] == [0, 0.25, 1, 1]


def test_progress_by_time_ignores_steps() -> None:
    budget = Budget(seconds=60)
    assert [budget.progress(seconds, 10**6) for seconds in (0, 15, 60, 90)] == [0, 0.25, 1, 1]


@given(st.one_of(st.integers(1, 10**6).map(lambda n: Budget(steps=n)), st.integers(1, 10**5).map(Budget)))
def test_its_text_is_parsed_back(budget: Budget) -> None:
    assert parse_budget(str(budget)) == budget
