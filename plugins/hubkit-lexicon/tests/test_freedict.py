"""FreeDict's packages: which is asked for, its licence, its entries."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import simple
from hubkit.errors import VerificationError
from hubkit.languages import find
from hubkit.testing import check_source

from hubkit_lexicon.freedict import license_of, packaged
from hubkit_lexicon.source import LexiconSource

Offer = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("query", "pair"), [("bg", "eng-bul"), ("id", "eng-ind"), ("nb", "eng-nor"), ("ro", "eng-rom"), ("ru", "eng-rus")]
)
def test_a_packaged_dictionary(query: str, pair: str, packages: Offer) -> None:
    asked = packages(pair, simple({"water": "maji, amazi", "fire": "moto"}), license="CC-BY-SA-3.0")
    found = packaged(find(query))
    assert found is not None
    assert [(row.word, row.english) for row in found.translations()] == [
        ("moto", "fire"), ("maji", "water"), ("amazi", "water"),
    ]  # fmt: skip
    assert (found.from_english, found.license) == (True, "CC-BY-SA-3.0")
    assert found.origin == f"Debian package dict-freedict-{pair} 1-1"
    assert asked == [f"dict-freedict-{'-'.join(reversed(pair.split('-')))}", f"dict-freedict-{pair}"]


@pytest.mark.parametrize("query", ["rw", "nn", "rmy", "en"])
def test_a_language_without_one(query: str, packages: Offer) -> None:
    asked = packages("eng-rom", simple({"water": "apă"}))
    assert packaged(find(query)) is None and asked == []


def test_what_debian_does_not_offer(no_packages: None) -> None:
    assert packaged(find("bg")) is None


def test_a_licence_that_nobody_names_is_an_error(packages: Offer) -> None:
    packages("eng-bul", simple({"water": "вода"}), license="unknown")
    with pytest.raises(VerificationError, match="dict-freedict-eng-bul names no licence"):
        packaged(find("bg"))


def test_the_licence_is_that_of_the_pair() -> None:
    text = "Files: eng-bul/* eng-ind/*\nCopyright: x\nLicense: GPL-2+\n\nFiles: eng-nor/*\nLicense: CC-BY-SA-3.0\n"
    assert license_of(text, "eng-ind") == "GPL-2.0-or-later"
    assert license_of(text, "eng-nor") == "CC-BY-SA-3.0"
    with pytest.raises(VerificationError):
        license_of(text, "eng-rus")


@pytest.mark.network
def test_the_real_packages(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_HOME", str(tmp_path_factory.mktemp("network")))
    for tag, fewest in {"bg": 50_000, "id": 12_000, "nb": 12_000, "ro": 1_000, "ru": 2_000}.items():
        check_source(LexiconSource, tag)
        assert len(LexiconSource().pairs(find(tag))) > fewest
