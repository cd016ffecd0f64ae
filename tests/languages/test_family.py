"""Relatedness and families."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkit.errors import NotFoundError
from hubkit.languages import Language, family_of, find, languages, relatedness, relatives
from hubkit.languages.family import RELATED, _common_names, common_path, group
from hubkit.languages.names import plain
from hubkit.languages.table import builtin_rows

LANGUAGES = st.sampled_from(languages())


@settings(deadline=None)
@given(LANGUAGES, LANGUAGES)
def test_relatedness_is_symmetric_and_normalised(a: Language, b: Language) -> None:
    assert relatedness(a, b) == relatedness(b, a)
    assert 0.0 <= relatedness(a, b) <= 1.0


@settings(deadline=None)
@given(LANGUAGES)
def test_same_language_is_one(language: Language) -> None:
    assert relatedness(language, language) == 1.0


@settings(deadline=None)
@given(LANGUAGES, LANGUAGES, LANGUAGES)
def test_deeper_common_group_is_never_less(a: Language, b: Language, c: Language) -> None:
    if len(common_path(a, b)) >= len(common_path(a, c)) and c != a:
        assert relatedness(a, b) >= relatedness(a, c) or relatedness(a, c) == 1.0


def test_other_families_are_unrelated() -> None:
    assert relatedness(find("rw"), find("tr")) == 0.0
    assert relatedness(find("eu"), find("es")) == 0.0  # an isolate
    assert relatedness(find("eu"), find("sei")) == 0.0  # two isolates
    assert relatedness(find("ase"), find("jsl")) == 0.0  # sign languages of different families
    assert relatedness(find("tok"), find("eo")) == 0.0  # constructed


def test_scripts_of_a_language_are_the_same_language() -> None:
    assert relatedness(find("sr"), find("sr-Latn")) == 1.0
    assert relatedness(find("sw"), find("sw-Arab")) == 1.0
    assert relatedness(find("jv"), find("jv-x-bms")) < 1.0


@pytest.mark.parametrize(
    "nearer_first",
    ["rw rn lg zu wo tr", "kab zgh ar tr", "quc cak yua es", "en de ru zh", "tr az uz ja", "nso tn zu sw yo"],
)
def test_order_follows_the_tree(nearer_first: str) -> None:
    language, *others = map(find, nearer_first.split())
    values = [relatedness(language, other) for other in others]
    assert values == sorted(set(values), reverse=True)


def test_relatives_of_kinyarwanda() -> None:
    near = relatives(find("kin"), limit=5)
    assert find("run") in [other for other, _ in near]
    assert find("rw") not in [other for other, _ in near]


def test_relatives_are_ordered_and_bounded() -> None:
    language = find("zu")
    near = relatives(language)
    assert near == sorted(near, key=lambda pair: (-pair[1], pair[0].tag))
    assert all(value >= RELATED for _, value in near)
    assert relatives(language, minimum=0.7) == [pair for pair in near if pair[1] >= 0.7]
    assert relatives(language, limit=3) == near[:3]
    assert relatives(find("eu")) == []


@pytest.mark.parametrize(
    ("family", "members", "strangers"),
    [
        ("Bantu", "rw rn lg zu xh sw ln kg", "wo yo tr"),
        ("Turkic", "tr az kk uz uz-Cyrl sah cv", "mn ru"),
        ("Berber", "kab zgh shi ber tzm", "ar"),
        ("Mayan", "quc cak mam jac usp kek tzh yua hus", "es nah"),
        ("bantu languages", "rw zu", "wo"),
        ("Romance", "es pt fr ro it", "en"),
        ("Indo-Aryan", "hi bn ur", "fa"),
        ("Quechua", "qu quz", "ay"),
    ],
)
def test_family_of(family: str, members: str, strangers: str) -> None:
    below = set(family_of(family))
    assert {find(tag) for tag in members.split()} <= below
    assert not {find(tag) for tag in strangers.split()} & below
    assert list(family_of(family)) == sorted(below, key=lambda language: language.tag)


def test_every_group_and_common_name_is_known() -> None:
    for node in {node for language in languages() for node in language.family}:
        assert group(node)[-1] == node
    for name in _common_names():
        assert family_of(name)


def test_common_names_are_not_groups_themselves() -> None:
    nodes = {plain(node) for row in builtin_rows() for node in row.language.family}
    assert not nodes & set(_common_names())


def test_unknown_family_suggests() -> None:
    with pytest.raises(NotFoundError, match=r"Did you mean .*\bBantu\b"):
        family_of("Bantoo")
    with pytest.raises(NotFoundError, match="No language family"):
        family_of("?")
