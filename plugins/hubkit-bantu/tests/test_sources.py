"""The source ``bantu`` on toy sources that stand for hubkit's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest
from hubkit.corpora.source import Pair, SourceUnavailable
from hubkit.languages import Language, find
from hubkit.testing import check_source, registering

from hubkit_bantu.sources import BantuText

TEXTS = {
    "zu": [("cui:1", "umuntu uyakhuluma lapha", "a person speaks here"),
           ("svt:2", "abantu Abkhazian", "Abkhazian person")],
    "rw": [("cui:1", "n’ umuntu njyewe", "and a person, me"), ("cui:2", "abantu n'umurimo", "people and work")],
}  # fmt: skip


class Toy:
    """Stands for a source of hubkit's: ``texts`` by tag, or nothing because the network is away."""

    license, domain, origin = "MPL-2.0", "interface", "a test"

    def __init__(self, name: str, texts: dict[str, list[tuple[str, str, str]]] | None) -> None:
        self.name, self.texts = name, texts

    def pairs(self, language: Language) -> list[Pair]:
        if self.texts is None:
            raise SourceUnavailable("The network is away.", "Wait.")
        rows = self.texts.get(language.tag, [])
        return [Pair(text, english, self.name, key, self.license) for key, text, english in rows]


@contextmanager
def having(**texts: dict[str, list[tuple[str, str, str]]] | None) -> Iterator[None]:
    """hubkit's sources are these in here."""
    with ExitStack() as held:
        for name in ("libreoffice", "mediawiki", "cldr", "django"):
            held.enter_context(registering("sources", name, partial(Toy, name, texts.get(name, {}))))
        yield


@pytest.fixture(autouse=True)
def toys() -> Iterator[None]:
    with having(libreoffice=TEXTS, cldr=None):
        yield


@pytest.mark.parametrize("tag", ["rw", "zu"])
def test_it_is_a_source(tag: str) -> None:
    check_source(BantuText, tag)


def texts(source: BantuText, tag: str) -> list[str]:
    return [pair.text for pair in source.pairs(find(tag))]


def test_normal_spelling() -> None:
    assert texts(BantuText(), "rw") == ["n'umuntu njyewe", "abantu n'umurimo"]
    assert texts(BantuText(normal=False), "rw")[0] == "n’ umuntu njyewe"


def test_what_is_no_good_is_left_out() -> None:
    assert texts(BantuText(), "zu") == ["umuntu uyakhuluma lapha"]
    assert len(texts(BantuText(keep=False), "zu")) == 2


def test_further_spellings_are_pairs_of_their_own() -> None:
    found = BantuText(variants=True).pairs(find("rw"))
    assert [pair.text for pair in found] == ["n'umuntu njyewe", "abantu n'umurimo", "n'umuntu ngewe"]
    assert found[2].english == found[0].english and found[2].key == "libreoffice:cui:1#variant1"


def test_marked_prefixes_are_those_that_the_text_shows() -> None:
    assert texts(BantuText(marked=True), "rw")[2:] == ["n'umu ntu njyewe", "aba ntu n'umurimo"]


def test_the_licence_is_the_original_s() -> None:
    assert {pair.license for pair in BantuText().pairs(find("rw"))} == {"MPL-2.0"}


def test_without_a_network_it_says_so() -> None:
    with having(libreoffice=None, mediawiki=None, cldr=None, django=None), pytest.raises(SourceUnavailable):
        BantuText().pairs(find("rw"))


def test_languages_that_are_not_bantu_or_have_no_text() -> None:
    assert BantuText().pairs(find("fr")) == BantuText().pairs(find("rw-x-fumbira")) == []
