"""A toy world: sources and suites made here, so that a whole workflow runs on a tiny core in seconds."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hubkit.corpora.cldr import Cldr
from hubkit.corpora.django import Django
from hubkit.corpora.libreoffice import LibreOffice
from hubkit.corpora.mediawiki import MediaWiki
from hubkit.corpora.source import Pair
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.tasks.udhr import Udhr
from hubkit.languages import Language

NOUNS = ("boat", "rain", "road", "cat", "song", "hill", "lamp", "bread", "river", "door")
VERBS = ("sees", "likes", "leaves", "finds", "hears", "paints", "cleans")
HAVE_TEXT = {"rw": 120, "rn": 60, "lg": 60, "sn": 40, "tr": 60, "az": 60, "kk": 40, "fr": 40, "hi": 40, "haw": 150}
IN_UDHR = {"rw", "fr", "hi", "ar", "tr", "yo", "de"}


def sentence(number: int, kind: str) -> str:
    noun, other = NOUNS[number % 10], NOUNS[number * 7 % 10]
    return f"{kind} {noun} {VERBS[number % 7]} the {other} number {'abcdefghij'[number // 100 % 10]}{number}"


def foreign(english: str, tag: str) -> str:
    """A toy translation: words backwards, with the tag as an ending."""
    return " ".join(word[::-1] + tag[-1] for word in english.split())


def toy_pairs(source: str, tag: str, count: int) -> list[Pair]:
    english = [sentence(number, {"mediawiki": "the", "libreoffice": "a"}[source]) for number in range(count)]
    return [Pair(foreign(text, tag), text, source, str(i), "CC0-1.0") for i, text in enumerate(english)]


def toy_suite(language: Language) -> ParallelSuite | None:
    if language.tag not in IN_UDHR:
        return None
    english = tuple(sentence(number, "every") for number in range(200, 230))
    texts = tuple(foreign(text, language.tag) for text in english)
    keys = tuple(map(str, range(30)))
    return ParallelSuite("udhr", "made here", "CC0-1.0", "prose", language.tag, texts, english, keys)


@pytest.fixture(autouse=True)
def toy_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        MediaWiki, "pairs", lambda self, language: toy_pairs("mediawiki", language.tag, HAVE_TEXT.get(language.tag, 0))
    )
    monkeypatch.setattr(
        LibreOffice,
        "pairs",
        lambda self, language: toy_pairs("libreoffice", language.tag, 3 * HAVE_TEXT.get(language.tag, 0)),
    )
    monkeypatch.setattr(Cldr, "pairs", lambda self, language: [])
    monkeypatch.setattr(Django, "pairs", lambda self, language: [])
    monkeypatch.setattr(Udhr, "load", lambda self, language: toy_suite(language))


@pytest.fixture
def toy() -> SimpleNamespace:
    """The makers of toy text: ``sentence(number, kind)`` and ``foreign(english, tag)``."""
    return SimpleNamespace(sentence=sentence, foreign=foreign)
