from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkit.corpora.cleaning import STEPS, clean, sentences
from hubkit.corpora.source import Pair
from hubkit.languages import Language

KABYLE = Language("kab", "Kabyle", None, "kab", None, None, "Latn", ())
AMHARIC = Language("am", "Amharic", None, "amh", None, None, "Ethi", ())
CHINESE = Language("zh", "Chinese", None, "cmn", None, None, "Hans", ())


def pair(text: str, english: str, key: str = "k") -> Pair:
    return Pair(text, english, "test", key, "CC0-1.0")


def kept(text: str, english: str, language: Language = KABYLE) -> bool:
    return bool(clean([pair(text, english)], language)[0])


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("Sekles afaylu", "Save the file"),
        ("Ih", "Yes"),
        ("Yessefk ad d-tesnulfuḍ amiḍan", "You must create an account"),
        ("5 n yisebtar", "5 pages"),
    ],
)
def test_keeps(text: str, english: str) -> None:
    assert kept(text, english)


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("", "Save"),
        (" \u200b ", "Save"),
        ("JavaScript", "javascript."),
        ("{{ns:1}} sekles", "Save"),
        ("Sekles", "Save | file"),
        ("a", "m"),
        ("12", "twelve"),
        ("x" * 261, "y" * 261),
        ("Sekles ifuyla-agi akk deg ukaram", "Save"),
        ("Сохранить", "Save"),
    ],
)
def test_drops(text: str, english: str) -> None:
    assert not kept(text, english)


def test_script_of_the_language() -> None:
    assert kept("ፋይሉን አስቀምጥ", "Save the file", AMHARIC)
    assert not kept("Save file now", "Save the file", AMHARIC)
    assert kept("在", "at", CHINESE)
    assert kept("保存所有打开的文件", "Save all the files that are open", CHINESE)


def test_duplicates_and_near_duplicates_go_and_other_translations_stay() -> None:
    given_pairs = [
        pair("Wali", "View", "1"), pair("Wali", "View", "2"), pair("wali!", "view.", "3"), pair("Wali", "See", "4"),
        pair("Asebter wis 1", "Page 1", "5"), pair("Asebter wis 2", "Page 2", "6"),
    ]  # fmt: skip
    assert [each.key for each in clean(given_pairs, KABYLE)[0]] == ["1", "4", "5"]


def test_counts_every_step_in_order() -> None:
    _, counts = clean([pair("Wali", "View"), pair("Wali", "View"), pair("a", "b"), pair("", "x")], KABYLE)
    assert list(counts) == ["raw", *STEPS]
    assert counts["raw"] == 4
    assert counts["plain"] == 3
    assert counts["distinct"] == 2
    assert counts["length"] == 1
    assert list(counts.values()) == sorted(counts.values(), reverse=True)


def test_nothing_gives_nothing() -> None:
    assert clean([], KABYLE) == ([], dict.fromkeys(["raw", *STEPS], 0))


LANGUAGES = st.sampled_from([KABYLE, AMHARIC, CHINESE])
TEXTS = st.one_of(st.text(max_size=40), st.text(alphabet="abɣ ḍ1.!$%{}|\u0301\u200bአማ中文 ", max_size=300))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=8), LANGUAGES)
def test_cleaning_what_is_clean_changes_nothing(texts: list[tuple[str, str]], language: Language) -> None:
    once, _ = clean([pair(*sides) for sides in texts], language)
    twice, counts = clean(once, language)
    assert twice == once
    assert set(counts.values()) == {len(once)}


@pytest.mark.parametrize(("words", "found"), [(3, False), (4, True), (30, True), (31, False)])
def test_sentences_have_4_to_30_english_words(words: int, found: bool) -> None:
    assert bool(sentences([pair("awal", " ".join(["word"] * words))])) is found
