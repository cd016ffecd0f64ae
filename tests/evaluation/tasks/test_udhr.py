from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from hubkit.errors import VerificationError
from hubkit.evaluation.tasks import udhr
from hubkit.evaluation.tasks.udhr import Udhr, udhr_languages
from hubkit.languages import Language, find

SENTENCES = [f"Everyone has the right to the thing that has number {number}." for number in range(1, 31)]


def language(tag: str, iso639_3: str, script: str = "Latn", macrolanguage: str | None = None) -> Language:
    return Language(tag, "A language", None, iso639_3, macrolanguage, None, script, ())


def declaration(code: str, iso639_3: str, tag: str, mark: str, articles: int = 30) -> str:
    body = "".join(
        f'<article data-number="{number}"><h2>{number}</h2>'
        f"<ol><li><p>{mark} {SENTENCES[number - 1]}</p></li></ol></article>"
        for number in range(1, articles + 1)
    )
    root = f'<html data-code="{code}" data-iso6393="{iso639_3}" dir="ltr" lang="{tag}">'
    return (
        f"<!doctype html>\n{root}<body><h1>Title</h1><header><p>{mark} &amp; preamble</p></header>{body}</body></html>"
    )


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    texts = [
        ("eng", "eng", "en", ""),
        ("062", "swh", "sw", "dialect"),
        ("swh", "swh", "sw", "standard"),
        ("srp_cyrl", "srp", "sr-Cyrl", "срб"),
        ("srp_latn", "srp", "sr-Latn", "srb"),
        ("ron_1953", "ron", "ro", "old"),
        ("ron_2006", "ron", "ro", "new"),
        ("053", "hau", "ha", "number"),
        ("hau_NG", "hau", "ha-NG", "named"),
        ("013", "und", "und", "unknown"),
        ("nep", "npi", "ne", "nep"),
        ("que", "que", "qu", "macro"),
        ("azb", "azb", "azb", "latin"),
    ]
    path = tmp_path / "udhr-6.0.0.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for code, iso, tag, mark in texts:
            _add(tar, f"package/declaration/{code}.html", declaration(code, iso, tag, mark))
        _add(tar, "package/declaration/tzm.html", declaration("tzm", "tzm", "tzm", "few", articles=1))
        _add(tar, "package/index.js", "export const udhr = []")
    monkeypatch.setattr(udhr, "fetch_npm", lambda name, version, sha256: path)
    udhr.declarations.cache_clear()
    return path


def _add(tar: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(text.encode())
    tar.addfile(entry, io.BytesIO(text.encode()))


def test_pairs_are_aligned(archive: Path) -> None:
    suite = Udhr().load(language("sw", "swh", macrolanguage="swa"))
    assert suite is not None and len(suite) == 30
    assert (suite.name, suite.language, suite.domain) == ("udhr", "sw", "prose")
    assert suite.keys[:2] == ("1.1", "2.1")
    assert suite.english[4] == SENTENCES[4] and suite.texts[4] == f"standard {SENTENCES[4]}"


@pytest.mark.parametrize(
    ("asked", "mark"),
    [
        (language("sw", "swh"), "standard"),  # the text called like the language
        (language("ha", "hau"), "named"),  # named before numbered
        (language("ro", "ron"), "new"),  # newest orthography
        (language("sr", "srp", "Cyrl"), "срб"),
        (language("sr-Latn", "srp", "Latn"), "srb"),
        (language("ne", "nep"), "nep"),  # by tag, where ISO codes differ
        (language("quz", "quz", macrolanguage="que"), "macro"),
    ],
)
def test_choice_of_text(archive: Path, asked: Language, mark: str) -> None:
    suite = Udhr().load(asked)
    assert suite is not None and suite.texts[0].startswith(mark)


@pytest.mark.parametrize(
    "asked",
    [
        language("xx", "xxx"),
        language("en", "eng"),
        language("und", "und"),
        language("tzm", "tzm"),  # one article is no suite
        language("ro-Cyrl", "ron", "Cyrl"),  # another script than the text's
        language("azb", "azb", "Arab"),  # unmarked, but visibly Latin
    ],
)
def test_absent(archive: Path, asked: Language) -> None:
    assert Udhr().load(asked) is None


def test_languages(archive: Path) -> None:
    assert udhr_languages() == ("azb", "hau", "npi", "que", "ron", "srp", "swh", "tzm")


def test_archive_without_english_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.tgz"
    with tarfile.open(path, "w:gz") as tar:
        _add(tar, "package/declaration/kin.html", declaration("kin", "kin", "rw", "x"))
    with pytest.raises(VerificationError, match="no English"):
        udhr.declarations(path)


@pytest.mark.network
def test_the_real_package() -> None:
    assert len(udhr_languages()) > 440
    for tag, least in {"rw": 50, "sw": 58, "de": 58, "zh": 58, "sr-Latn": 58, "lg": 37, "quc": 50, "fr": 58}.items():
        suite = Udhr().load(find(tag))
        assert suite is not None and least <= len(suite) <= 60, tag
        assert len(set(suite.keys)) == len(suite) and len(set(suite.texts)) >= len(suite) - 1
        assert all(suite.texts) and all(len(sentence.split()) >= 4 for sentence in suite.english)
