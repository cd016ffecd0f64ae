from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hubkit.corpora import mediawiki
from hubkit.corpora.mediawiki import MediaWiki
from hubkit.corpora.source import Source, SourceUnavailable
from hubkit.languages import Language

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg-deb here")

CORE = "usr/share/mediawiki/languages/i18n"
CITE = "usr/share/mediawiki/extensions-core/Cite/i18n"
MESSAGES = {
    f"{CORE}/en.json": {
        "@metadata": {"authors": ["A"]},
        "edit": "Edit", "view": "View {{PLURAL:$1|page|pages}}", "two": "First line.\n* Second line.", "odd": "a\nb",
        "gone": "{{int:x}}", "own": "Only English",
    },
    f"{CORE}/kab.json": {
        "@metadata": {},
        "edit": "Ẓreg", "view": "{{GENDER:$1|Wali|Walemt}} $1", "two": "Amezwaru.\n* Wis sin.", "odd": "yiwen",
        "gone": "ulac", "unknown": "ulac",
    },
    f"{CORE}/kab-latn.json": {"edit": "Beddel"},
    f"{CORE}/qqq.json": {"edit": "Documentation"},
    f"{CITE}/en.json": {"edit": "Cite"},
    f"{CITE}/kab.json": {"edit": "Bder", "list": ["no", "text"]},
    "usr/share/mediawiki/composer.json": {"edit": "no message file"},
}  # fmt: skip


@pytest.fixture
def package(
    home: Path,
    tmp_path: Path,
    make_deb: Callable[..., Path],
    stored: Callable[[Path], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    files = {name: json.dumps(messages).encode() for name, messages in MESSAGES.items()}
    archive = stored(make_deb(tmp_path / "mediawiki.deb", files))
    monkeypatch.setattr(mediawiki, "fetch_debian", lambda name: archive)
    return archive


def test_joins_on_folder_and_key(package: Path, kabyle: Language) -> None:
    pairs = {pair.key: (pair.text, pair.english) for pair in MediaWiki().pairs(kabyle)}
    assert pairs == {
        "languages:edit": ("Ẓreg", "Edit"),
        "languages:two": ("Amezwaru.", "First line."),
        "languages:two#1": ("Wis sin.", "Second line."),
        "extensions-core/Cite:edit": ("Bder", "Cite"),
    }


def test_pairs_name_source_and_license(package: Path, kabyle: Language) -> None:
    source = MediaWiki()
    assert isinstance(source, Source)
    assert {(pair.source, pair.license) for pair in source.pairs(kabyle)} == {("mediawiki", "GPL-2.0-or-later")}


def test_a_language_without_messages_has_no_pairs(package: Path, swahili: Language) -> None:
    assert MediaWiki().pairs(swahili) == []


def test_english_is_not_paired_with_itself(package: Path, language: Callable[..., Language]) -> None:
    assert MediaWiki().pairs(language("en", "eng")) == []


def test_without_the_package_it_is_unavailable(home: Path, kabyle: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mediawiki, "fetch_debian", lambda name: None)
    with pytest.raises(SourceUnavailable, match=r"have no package mediawiki.*--data"):
        MediaWiki().pairs(kabyle)
