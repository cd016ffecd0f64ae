"""The table of noun classes is whole: every plural is a class, every reference a work."""

from __future__ import annotations

import pytest
from hubkit.languages import find

from hubkit_bantu.noun_classes import classes, languages, reference

ASKED = ("rw", "sw", "zu", "xh", "sn", "lg", "ny")


@pytest.mark.parametrize("tag", languages())
def test_a_language_s_classes(tag: str) -> None:
    assert "Narrow Bantu" in find(tag).family
    found = classes(tag)
    numbers = [each.number for each in found]
    assert len(numbers) >= 10 and len(set(numbers)) == len(numbers)
    assert {"1", "2", "3", "4", "6", "7", "8", "9"} <= set(numbers)
    for each in found:
        assert each.plural is None or each.plural in numbers
        assert reference(each.reference)
        assert all(prefix.isalpha() and prefix.islower() for prefix in each.prefixes)
        assert list(each.prefixes) == sorted(each.prefixes, key=len, reverse=True)


def test_the_languages_are_there() -> None:
    assert set(ASKED) <= set(languages())
    assert len(languages()) == 28


def test_a_variety_has_its_language_s() -> None:
    assert classes("rw-x-fumbira") == classes("rw") != ()
    assert classes("fr") == ()
