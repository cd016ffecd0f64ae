from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polib
import pytest

from hubkit.corpora.source import SourceUnavailable
from hubkit.evaluation.tasks import catalogue
from hubkit.evaluation.tasks.catalogue import CatalogueSuite
from hubkit.evaluation.tasks.tuxpaint import tuxpaint
from hubkit.evaluation.tasks.wesnoth import PACKAGES, wesnoth
from hubkit.languages import Language, find

NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
ENGLISH = [f"Paint {one} and {other} here." for one in NUMBERS for other in NUMBERS if one < other]


def compiled(folder: Path, messages: Mapping[str, str]) -> bytes:
    file = polib.POFile()
    for english, text in messages.items():
        file.append(polib.POEntry(msgid=english, msgstr=text))
    file.save_as_mofile(str(folder / "messages.mo"))
    return (folder / "messages.mo").read_bytes()


def translated(word: str, english: list[str] = ENGLISH) -> dict[str, str]:
    return {sentence: sentence.replace("Paint", word).replace("here", f"{word}ni") for sentence in english}


@pytest.fixture
def suite(archive: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CatalogueSuite:
    swahili = translated("Chora") | {
        "Save": "Hifadhi",  # a label
        "The same in both languages": "The same in both languages",
        "female^She paints the whole wall": "female^Anapaka ukuta mzima rangi",
        "You have %d pictures in the book": "Una picha %d kitabuni",
        "See {{the page}} for more of it": "Tazama {{ukurasa}} kwa zaidi yake",
        ENGLISH[0].upper(): "Rudio la sentensi",
    }
    texts = {
        "sw": swahili,
        "zu": translated("Dweba"),
        "sr@latin": translated("Slikaj"),
        "rw": translated("Siga", ENGLISH[:5]),
        "en_GB": translated("Paynt"),
    }
    files = {f"usr/share/locale/{code}/LC_MESSAGES/x.mo": compiled(tmp_path, found) for code, found in texts.items()}
    package = archive("x-data", files)
    monkeypatch.setattr(catalogue, "fetch_debian", {"x-data": package}.get)
    return CatalogueSuite("x", ["newer-data", "x-data"], "GPL-2.0-or-later", "interface", "standard")


def test_sentences(suite: CatalogueSuite) -> None:
    found = suite.load(find("sw"))
    assert found is not None
    assert (found.origin, found.license, found.language) == ("Debian package x-data 1.2", "GPL-2.0-or-later", "sw")
    english_of = dict(zip(found.texts, found.english, strict=True))
    assert len(found) == len(ENGLISH) + 2
    assert english_of["Anapaka ukuta mzima rangi"] == "She paints the whole wall"
    assert english_of["Una picha kitabuni"] == "You have pictures in the book"
    assert not {"Hifadhi", "The same in both languages"} & set(found.texts)


def test_languages_share_keys(suite: CatalogueSuite) -> None:
    one, other = suite.load(find("sw")), suite.load(find("zu"))
    assert one is not None and other is not None
    english_of = dict(zip(one.keys, one.english, strict=True))
    shared = {key: english for key, english in zip(other.keys, other.english, strict=True) if key in english_of}
    assert len(english_of) == len(one) and len(shared) >= len(ENGLISH) - 1
    assert all(english_of[key] == english for key, english in shared.items())


def test_the_choice_is_the_same_in_every_language(suite: CatalogueSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "LIMIT", 20)
    one, other = suite.load(find("zu")), suite.load(find("sr-Latn"))
    assert one is not None and other is not None and len(one) == 20
    assert one.english == other.english != tuple(ENGLISH[:20])


def test_languages_that_are_not_there(suite: CatalogueSuite) -> None:
    five, none, serbian, english = (suite.load(find(tag)) for tag in ("rw", "fr", "sr", "en"))
    assert five is none is serbian is english is None


def test_no_package_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "fetch_debian", lambda name: None)
    for made in (tuxpaint(), wesnoth()):
        with pytest.raises(SourceUnavailable, match=f"suite {made.name} cannot be had"):
            made.load(find("sw"))


@pytest.mark.parametrize(
    ("folder", "code"), [("sr@latin", "sr-latn"), ("pt_BR", "pt-br"), ("ks@devanagari", "ks-deva"), ("sw", "sw")]
)
def test_codes_of_folders(folder: str, code: str) -> None:
    assert catalogue._code(folder) == code


@pytest.mark.network
def test_the_real_package(real_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of Tux Paint; that of Wesnoth has 150 MB."""
    monkeypatch.setenv("HUBKIT_HOME", str(real_home))
    languages: list[Language] = [find(tag) for tag in ("sw", "zu", "nso", "lg", "de")]
    for language in languages:
        found = tuxpaint().load(language)
        assert found is not None and len(found) > 80
    assert "wesnoth-1.16-data" in PACKAGES
