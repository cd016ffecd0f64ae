"""Articles in plain text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit_lexicon.articles import headed_article, meanings
from hubkit_lexicon.dictionary import Entry, plain_words

ARTICLES: dict[str, tuple[str, list[tuple[str, tuple[str, ...]]]]] = {
    "a word": ("amazi /amazi/ <n>\nwater", [("amazi", ("water",))]),
    "no pronunciation": ("amazi\nwater\n", [("amazi", ("water",))]),
    "several translations": ("zone /zəʊn/ <n>\nzona, kawasan; wilayah", [("zone", ("zona", "kawasan", "wilayah"))]),
    "what is meant": ("zone <n>\nzona\narea set apart, in some way", [("zone", ("zona",))]),
    "numbered senses": ("x //a// //b// <v>\n1. een\nfirst\n2. twee, drie\nsecond", [("x", ("een", "twee", "drie"))]),
    "a sense without a translation": ("x <n>\nnol 2.\na point\n 3.\nnothing", [("x", ("nol",))]),
    "brackets": ("ease (pain) /i/\nlliniaru <v> (poen)", [("ease", ("lliniaru",))]),
    "a field": ("x <n>\n [bot] prunus\n         Note: black", [("x", ("prunus",))]),
    "an example": ('x <v>\ncome\n      "Ka paw."  - It came.', [("x", ("come",))]),
    "a note alone": ("x <v>\nNote: nothing here", []),
    "stress": ("zoo\nзоопа́рк, мой", [("zoo", ("зоопарк", "мой"))]),
    "the same twice": ("x\na, b\n2. a", [("x", ("a", "b"))]),
    "nothing": ("", []),
    "a headword alone": ("amazi /amazi/", []),
    "no letters": ("17\n4", []),
}


@pytest.mark.parametrize("case", ARTICLES)
def test_an_article(case: str) -> None:
    article, expected = ARTICLES[case]
    assert headed_article(article, "1") == [Entry(word, found, "1") for word, found in expected]


def test_several_headwords() -> None:
    words = [each.headword for each in headed_article("abi, abike /x/\nsister", "1", several=True)]
    assert words == ["abi", "abike"]
    assert [each.headword for each in headed_article("yes, sir /x/\nyego", "1")] == ["yes, sir"]


@given(st.text(max_size=300))
def test_any_text_gives_plain_words(text: str) -> None:
    for each in headed_article(text, "1"):
        assert each.headword == plain_words(each.headword) != ""
        assert all(word == plain_words(word) != "" for word in each.translations)
    assert all(meanings([text]))


@pytest.mark.parametrize(
    ("text", "plain"),
    [("  a  b ", "a b"), ("a (b (c)) d", "a d"), ("[x] <y> {z}", ""), ("e\u0301", "é"), ("и\u0301", "и"), ("й", "й")],
)
def test_plain_words(text: str, plain: str) -> None:
    assert plain_words(text) == plain
