"""Replacing words: the share, the seed, phrases, capitals."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit_lexicon.bilingual import Bilingual
from hubkit_lexicon.dictionary import Dictionary, Entry
from hubkit_lexicon.lexicon import Choice, into_english, into_text
from hubkit_lexicon.replacement import replaced

WORDS = {"water": ("amazi",), "house": ("inzu", "urugo"), "children": ("abana",), "fire": ("umuriro",)}
LOOKUP = {word: tuple(Choice(each, "CC0-1.0", "x:1") for each in found) for word, found in WORDS.items()}
KNOWN = st.sampled_from([*WORDS, "the", "of", "is", "big", "cold"])


def said(sentence: str, share: float = 1.0, key: str = "0") -> str | None:
    found = replaced(sentence, LOOKUP, share, key)
    return found.text if found else None


@given(st.lists(KNOWN, min_size=1, max_size=12), st.floats(0.01, 1), st.text(max_size=5))
def test_the_share_of_the_words_that_are_known(words: list[str], share: float, key: str) -> None:
    known = sum(word in WORDS for word in words)
    found = replaced(" ".join(words), LOOKUP, share, key)
    if not known:
        assert found is None
        return
    assert found is not None
    after = found.text.split(" ")
    changed = [(old, new) for old, new in zip(words, after, strict=True) if old != new]
    assert len(changed) == len(found.replaced) == math.ceil(share * known)
    assert all(new in WORDS[old] for old, new in changed)


@given(st.text(max_size=60), st.text(max_size=5))
def test_the_same_seed_gives_the_same_sentence(sentence: str, key: str) -> None:
    assert replaced(sentence, LOOKUP, 0.5, key) == replaced(sentence, LOOKUP, 0.5, key)


def test_this_sentence_is_the_same_everywhere() -> None:
    sentence = "The children fetch water to the house by the fire."
    assert [said(sentence, 0.5, key) for key in "abc"] == [
        "The children fetch water to the inzu by the umuriro.",
        "The abana fetch water to the inzu by the fire.",
        "The abana fetch water to the house by the umuriro.",
    ]
    assert {said("a house", key=str(number)) for number in range(20)} == {"a inzu", "a urugo"}


@pytest.mark.parametrize(
    ("sentence", "mixed"),
    [
        ("Water, fire!", "Amazi, umuriro!"),
        ("WATER and Fire", "AMAZI and Umuriro"),
        ("the water's edge", None),
        ("waterfall", None),
        ("", None),
        ("fire2 water_x 2fire fire", "fire2 water_x 2fire umuriro"),
        ("house-fire", None),
        ("fire\u0301", None),
    ],
)
def test_words_are_whole_and_keep_their_capitals(sentence: str, mixed: str | None) -> None:
    assert said(sentence) == mixed


def test_vowel_signs_are_part_of_a_word() -> None:
    lookup = {"पानी": (Choice("water", "", ""),)}
    found = replaced("यह पानी है", lookup, 1.0, "0")
    assert found is not None and found.text == "यह water है"
    assert replaced("पान", {"पा": (Choice("x", "", ""),)}, 1.0, "0") is None


def test_a_phrase_wins_over_its_words() -> None:
    lookup = {**LOOKUP, "fire of the": (Choice("x y", "", ""),), "house fire": (Choice("inkongi", "", ""),)}
    found = replaced("big house fire of the year", lookup, 1.0, "0")
    assert found is not None and found.text == "big inkongi of the year"
    assert found.replaced[0][0] == "house fire"


def bilingual(*entries: tuple[str, tuple[str, ...]], from_english: bool = False, license: str = "CC0-1.0") -> Bilingual:
    made = tuple(Entry(word, found, str(number)) for number, (word, found) in enumerate(entries))
    return Bilingual(Dictionary("x", made, ""), from_english, license, "made here")


def test_lookups_go_in_both_directions() -> None:
    one = bilingual(("Kurya", ("to eat", "to feed on a leaf of grass")), ("inzu", ("a house",)))
    other = bilingual(
        ("to eat", ("kurya", "gufungura")), ("eat", ("kurya",)), from_english=True, license="GPL-2.0-only"
    )
    english, text = into_english([one, other]), into_text([one, other])
    assert {key: [each.text for each in found] for key, found in english.items()} == {
        "eat": ["Kurya", "kurya", "gufungura"], "house": ["inzu"],
    }  # fmt: skip
    assert [(each.text, each.license) for each in text["kurya"]] == [("eat", "CC0-1.0")]
    assert text["gufungura"][0].license == "GPL-2.0-only" and text["inzu"][0].place == "x:1"


def test_what_is_the_same_in_both_languages_replaces_nothing() -> None:
    assert into_english([bilingual(("Radio", ("radio",)))]) == {}
