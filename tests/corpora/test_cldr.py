from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hubkit.corpora import cldr
from hubkit.corpora.cldr import Cldr
from hubkit.languages import Language

Names = dict[str, str | None]


def annotation_file(folder: str, names: Names) -> bytes:
    entries = {sign: {"default": ["x"], **({"tts": [name]} if name else {})} for sign, name in names.items()}
    return json.dumps({folder: {"identity": {}, "annotations": entries}}).encode()


@pytest.fixture
def packages(
    home: Path,
    tmp_path: Path,
    make_tgz: Callable[..., Path],
    stored: Callable[[Path], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    english: Names = {"🐞": "lady beetle", "🐢": "turtle", "✋🏻": "hand: light", "🏻": "light skin tone"}
    kabyle: Names = {"🐞": "aglalas", "🐢": None, "✋🏻": "afus", "🏻": "amellal", "🦎": "tazermemmuyt"}
    archives = {}
    flags: tuple[Names, Names] = {"🇰🇪": "flag: Kenya"}, {"🇰🇪": "anay: Kinya"}
    parts = {"cldr-annotations-full": ("annotations", english, kabyle)}
    parts["cldr-annotations-derived-full"] = ("annotationsDerived", *flags)
    for name, (folder, theirs, ours) in parts.items():
        files = {
            f"package/{folder}/en/annotations.json": annotation_file(folder, theirs),
            f"package/{folder}/kab/annotations.json": annotation_file(folder, ours),
            f"package/{folder}/und/annotations.json": json.dumps({folder: {"identity": {}}}).encode(),
            "package/LICENSE": b"Unicode",
        }
        (tmp_path / name).mkdir()
        archives[name] = stored(make_tgz(tmp_path / name / f"{name}.tgz", files))
    monkeypatch.setattr(cldr, "fetch_npm", lambda name, version, pin: archives[name])


def test_names_are_paired_by_sign_without_skin_tones(packages: None, kabyle: Language) -> None:
    found = [(pair.text, pair.english, pair.key) for pair in Cldr().pairs(kabyle)]
    assert found == [
        ("aglalas", "lady beetle", "U+1F41E"),
        ("amellal", "light skin tone", "U+1F3FB"),
        ("anay: Kinya", "flag: Kenya", "U+1F1F0-1F1EA"),
    ]


def test_a_language_without_names_has_no_pairs(packages: None, swahili: Language) -> None:
    assert Cldr().pairs(swahili) == []


def test_pairs_are_marked_as_lexicon() -> None:
    assert Cldr().domain == "lexicon"
    assert Cldr().license == "Unicode-3.0"
