"""Prefixes of nouns that any primer has, and what is no prefix."""

from __future__ import annotations

import pytest

from hubkit_bantu.noun_classes import languages
from hubkit_bantu.segmentation import Stems, mark, split

NOUNS = {
    "rw": ["umu·ntu", "aba·ntu", "umw·ami", "iki·ntu", "icy·aha", "ibi·tabo", "in·zu", "im·bwa", "uru·go", "aka·ntu"],
    "rn": ["umu·ntu", "aba·ntu", "iki·ntu", "ivy·iza", "in·zu"],
    "lg": ["omu·ntu", "aba·ntu", "eki·ntu", "ebi·ntu", "en·te", "omw·ana", "olu·ganda", "e·kkubo"],
    "nyn": ["omu·ntu", "aba·ntu", "eki·ntu", "orw·embo"],
    "cgg": ["omu·ntu", "aba·ntu", "eki·ntu"],
    "sw": ["m·tu", "wa·tu", "ki·tabu", "vi·tabu", "ch·akula", "vy·akula", "mw·alimu", "mi·ti"],
    "ki": ["mũ·ndũ", "a·ndũ", "kĩ·ndũ", "mĩ·tĩ"],
    "ny": ["mu·nthu", "chi·nthu", "zi·nthu", "mw·ana"],
    "tum": ["mu·nthu", "chi·nthu", "vi·nthu"],
    "bem": ["umu·ntu", "aba·ntu", "ici·ntu", "ifi·ntu"],
    "toi": ["mu·ntu", "ba·ntu", "ci·ntu", "zi·ntu"],
    "loz": ["mu·tu", "ba·tu", "si·lozi"],
    "sn": ["mu·nhu", "va·nhu", "chi·nhu", "zvi·nhu", "mw·ana"],
    "zu": ["umu·ntu", "aba·ntu", "um·fana", "isi·Zulu", "izi·hlalo", "in·komo", "izin·komo", "im·buzi", "ama·nzi"],
    "xh": ["um·ntu", "aba·ntu", "isi·Xhosa", "izi·hlalo", "in·komo", "iin·komo", "iim·buzi"],
    "ss": ["umu·ntfu", "ba·ntfu", "si·ntfu", "ti·hlalo", "in·komo", "tin·komo"],
    "nr": ["um·fana", "aba·ntu", "isi·ndebele", "iin·komo"],
    "nd": ["umu·ntu", "aba·ntu", "isi·ndebele", "izin·komo"],
    "st": ["mo·tho", "ba·tho", "se·fate", "di·fate", "le·tsatsi"],
    "tn": ["mo·tho", "ba·tho", "se·tlhare", "di·tlhare", "lo·baka"],
    "nso": ["mo·tho", "ba·tho", "se·lo", "di·lo", "le·ina"],
    "ts": ["mu·nhu", "va·nhu", "xi·lo", "swi·lo"],
    "ve": ["mu·thu", "vha·thu", "tshi·thu", "zwi·thu"],
    "ln": ["mo·to", "ba·to", "e·loko", "bi·loko", "li·loba"],
    "kg": ["mu·ntu", "ba·ntu", "ki·ma", "bi·ma"],
    "lua": ["mu·ntu", "ba·ntu", "tshi·ntu", "bi·ntu"],
    "hz": ["omu·ndu", "ova·ndu", "otji·herero", "ovi·na"],
    "ng": ["omu·ntu", "aa·ntu", "oshi·ndonga", "ii·nima"],
}  # fmt: skip
TEXT = ["umuntu n'abantu", "umwana n'abana", "ikintu n'ibintu", "umugabo abagabo", "ni yo kandi", "abandi umurimo"]


def test_there_are_nouns_of_every_language() -> None:
    assert set(NOUNS) == set(languages())


@pytest.mark.parametrize("tag", NOUNS)
def test_nouns(tag: str) -> None:
    assert [mark(noun.replace("·", ""), tag) for noun in NOUNS[tag]] == NOUNS[tag]


@pytest.mark.parametrize(
    ("tag", "word"),
    [("rw", "umu"), ("rw", "kandi"), ("zu", "ngiyabonga"), ("sw", "kw"), ("fr", "umuntu")],
)
def test_what_is_not_cut(tag: str, word: str) -> None:
    assert split(word, tag) is None


def test_names_and_everything_else_stay() -> None:
    text = "Umuntu wa Umubano, n'abantu 12 (abana)!"
    assert mark(text, "rw") == "Umu·ntu wa Umubano, n'aba·ntu 12 (aba·na)!"
    assert mark(text, "rw").replace("·", "") == text


def test_text_shows_which_stems_there_are() -> None:
    stems = Stems(TEXT, "rw")
    assert stems.known("ntu") and stems.known("gabo") and not stems.known("rimo")
    assert split("umurimo", "rw") is not None and split("umurimo", "rw", stems) is None
    assert mark("umuntu umurimo", "rw", stems=stems) == "umu·ntu umurimo"
    assert len(stems) >= 3


def test_text_decides_between_two_cuts() -> None:
    """``abana`` is the plural of ``umwana``: its stem is ``ana``."""
    cut = split("abana", "rw")
    known = split("abana", "rw", Stems(TEXT, "rw"))
    assert cut is not None and cut.stem == "na"
    assert known is not None and (known.prefix, known.stem) == ("ab", "ana")
    thing = split("izinto", "zu", Stems(["isinto", "izinto"], "zu"))
    assert thing is not None and thing.prefix == "izi"
