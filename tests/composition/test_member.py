"""References to adapters."""

from __future__ import annotations

from typing import Any

import pytest

from hubkit.composition.member import Member, member_from_text
from hubkit.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lang-rw", Member("lang-rw")),
        ("0.5*lang-rw", Member("lang-rw", "", 0.5)),
        (" -2 * lang-rw == 0.1.0 ", Member("lang-rw", "==0.1.0", -2.0)),
        ("lang-rw>=1,<2", Member("lang-rw", ">=1,<2")),
        ('"lang-rw >= 1, <2"', Member("lang-rw", ">=1,<2")),
        ("0.5", Member("0.5")),
        ("to", Member("to")),
        ("lang-to", Member("lang-to")),
        ("my own adapter", Member("my own adapter")),
    ],
)
def test_text(text: str, expected: Member) -> None:
    assert member_from_text(text) == expected
    assert member_from_text(str(expected)) == expected


def test_a_number_of_another_type_is_the_same_member() -> None:
    assert Member("lang-rw", strength=1) == Member("lang-rw", strength=1.0)
    assert str(Member("lang-rw", strength=1)) == "1*lang-rw"


@pytest.mark.parametrize(
    "name", ["", "core", "a+b", "a(b", "a,b", 'a"b', "a\nb", " a", "a\u00a0b", "a\ud800", "x" * 201]
)
def test_names_that_a_recipe_cannot_have(name: str) -> None:
    with pytest.raises(UsageError):
        Member(name)


@pytest.mark.parametrize("spec", ["0.1", "==x y", "=1", "===1.0", "~=1", ">=1;", None, ">=1," * 100])
def test_specifiers_that_are_none(spec: Any) -> None:
    with pytest.raises(UsageError, match="versions"):
        Member("lang-rw", spec)


@pytest.mark.parametrize("strength", [0, -0.0, float("nan"), float("inf"), 10**400, True, "1"])
def test_strengths_that_are_none(strength: Any) -> None:
    with pytest.raises(UsageError, match="strength"):
        Member("lang-rw", strength=strength)
