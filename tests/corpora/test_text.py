from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.corpora.text import letters, normal_form, plain, script_share


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a \t b\n", "a b"),
        ("ﬁle\u00a0name…", "file name..."),
        ("a\u200bb\ufeff\u0000c\ufffd", "abc"),
        ("\u202eabc\u202c", "abc"),
        ("e\u0301", "é"),
        ("ŋ ɛ ḍ ʼ", "ŋ ɛ ḍ ʼ"),
        ("می\u200cروم", "می\u200cروم"),
        ("①", "1"),
    ],
)
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(st.text())
def test_plain_twice_is_plain_once(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Save file!", "save  FILE", True),
        ("Page 3 of 10", "page 27 of 400", True),
        ("1,000 files", "3 files", True),
        ("की", "का", False),
        ("Save file", "Save files", False),
        ("Straße", "STRASSE", True),
    ],
)
def test_normal_form(one: str, other: str, same: bool) -> None:
    assert (normal_form(one) == normal_form(other)) is same


@given(st.text())
def test_normal_form_does_not_see_case_and_spaces(text: str) -> None:
    assert normal_form(f"  {text}\n") == normal_form(text)


def test_letters() -> None:
    assert (letters("a1 b!"), letters("123"), letters("አማ")) == (2, 0, 2)


@pytest.mark.parametrize(
    ("text", "script", "share"),
    [
        ("አማርኛ", "Ethi", 1.0),
        ("አማ ab", "Ethi", 0.5),
        ("hello", "Latn", 1.0),
        ("привет", "Latn", 0.0),
        ("日本語ひらカタ", "Jpan", 1.0),
        ("hello", "Zzzz", 1.0),
        ("123", "Cyrl", 0.0),
    ],
)
def test_script_share(text: str, script: str, share: float) -> None:
    assert script_share(text, script) == share
