"""Recipes from JSON: strict, and from whatever a caller has."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit import Merge, Stack
from hubkit.composition.data import as_recipe, from_data
from hubkit.composition.member import Member
from hubkit.composition.recipe import CoreAlone
from hubkit.errors import UsageError

DATA: dict[str, Any] = {
    "stack": [
        {"adapter": "fam-bantu", "strength": 0.5},
        {"merge": [{"adapter": "lang-rw", "spec": ">=1,<2"}], "method": "ties", "weights": [1.0], "density": 0.3},
    ],
    "centre": "lang-rw",
}


def test_data_is_plain() -> None:
    recipe = Stack(("fam-bantu", 0.5), Merge({"lang-rw>=1,<2": 1}, "ties", density=0.3), centre="lang-rw")
    assert recipe.to_data() == DATA
    assert from_data(DATA) == recipe
    assert from_data({"core": True}) == CoreAlone()


def test_whatever_a_caller_has() -> None:
    recipe = Stack("lang-rw")
    for value in ("lang-rw", Member("lang-rw"), recipe, recipe.to_data(), {"adapter": "lang-rw"}):
        assert as_recipe(value) == recipe
    assert as_recipe("") == CoreAlone()


@pytest.mark.parametrize(
    "data",
    [
        None,
        3,
        [],
        {},
        {"stack": []},
        {"stack": "lang-rw"},
        {"stack": ["lang-rw"]},
        {"stack": [{"adapter": "a"}], "merge": [{"adapter": "a"}]},
        {"stack": [{"adapter": "a"}], "center": "a"},
        {"stack": [{"adapter": "a"}], "centre": None},
        {"stack": [{"adapter": "a"}], "centre": 3},
        {"adapter": 3},
        {"adapter": "a", "strength": "0.5"},
        {"adapter": "a", "strength": True},
        {"adapter": "a", "spec": 1},
        {"adapter": "a", "weight": 1},
        {"core": False},
        {"core": True, "centre": "a"},
        {"merge": [{"adapter": "a"}], "method": 3},
        {"merge": [{"adapter": "a"}], "method": ["ties"]},
        {"merge": [{"adapter": "a"}], "weights": 1},
        {"merge": [{"adapter": "a"}], "weights": {"a": 1}},
        {"merge": [{"adapter": "a"}], "method": "relatedness", "target": 3},
        {"fuse": [{"adapter": "a"}], "fusion": "fuse-a"},
        {"fuse": [{"adapter": "a"}], "fusion": {"stack": [{"adapter": "a"}, {"adapter": "b"}]}},
        {"ensemble": [{"ensemble": [{"adapter": "a"}]}]},
    ],
)
def test_what_is_no_recipe(data: Any) -> None:
    with pytest.raises(UsageError):
        from_data(data)


def test_deep_data_is_refused_before_it_is_walked() -> None:
    data: Any = {"adapter": "a"}
    for _ in range(100_000):
        data = {"merge": [data]}
    with pytest.raises(UsageError, match="too large"):
        from_data(data)


keys = st.sampled_from(["adapter", "stack", "merge", "weights", "centre", "core", "method", "spec", "fusion"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["a", "ties", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
)


@given(values)
def test_any_json_is_a_recipe_or_a_usage_error(data: Any) -> None:
    try:
        recipe = from_data(data)
    except UsageError:
        return
    assert from_data(recipe.to_data()) == recipe
