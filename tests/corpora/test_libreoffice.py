from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hubkit.corpora import libreoffice
from hubkit.corpora.libreoffice import LibreOffice
from hubkit.languages import Language

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg-deb here")

FOLDER = "usr/lib/libreoffice/program/resource"


@pytest.fixture
def packages(
    home: Path,
    tmp_path: Path,
    make_deb: Callable[..., Path],
    make_mo: Callable[..., bytes],
    stored: Callable[[Path], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Packages for Kabyle (one script) and Serbian (two)."""
    kabyle = {"": "head", "menu\x04~Save": "~Sekles", "dialog\x04Delete %1": "Kkes %1", "x\x04Only $1 here": "Kan"}
    archives = {}
    for name, files in {
        "libreoffice-l10n-kab": {f"{FOLDER}/kab/LC_MESSAGES/sw.mo": make_mo(kabyle), "usr/share/doc/copyright": b"MPL"},
        "libreoffice-l10n-sr": {
            f"{FOLDER}/sr/LC_MESSAGES/sw.mo": make_mo({"menu\x04Save": "Сачувај"}),
            f"{FOLDER}/sr@latin/LC_MESSAGES/sw.mo": make_mo({"menu\x04Save": "Sačuvaj"}),
        },
    }.items():
        (tmp_path / name).mkdir()
        archives[name] = stored(make_deb(tmp_path / name / f"{name}.deb", files))
    monkeypatch.setattr(libreoffice, "fetch_debian", archives.get)


def test_messages_carry_their_english(packages: None, kabyle: Language) -> None:
    found = [(pair.text, pair.english, pair.key) for pair in LibreOffice().pairs(kabyle)]
    assert found == [("Sekles", "Save", "sw:menu"), ("Kkes", "Delete", "sw:dialog")]


def test_scripts_of_one_package_are_kept_apart(packages: None, language: Callable[..., Language]) -> None:
    texts = [[pair.text for pair in LibreOffice().pairs(language(tag, "srp", script))] for tag, script in
             (("sr", "Cyrl"), ("sr-Latn", "Latn"))]  # fmt: skip
    assert texts == [["Сачувај"], ["Sačuvaj"]]


def test_a_language_without_a_package_has_no_pairs(packages: None, swahili: Language) -> None:
    assert LibreOffice().pairs(swahili) == []


def test_a_package_that_collects_languages_is_no_language(
    home: Path, language: Callable[..., Language], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libreoffice, "fetch_debian", lambda name: pytest.fail(f"{name} was fetched"))
    assert LibreOffice().pairs(language("za", "zha")) == []
