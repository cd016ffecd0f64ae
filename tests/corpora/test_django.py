from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubkit.corpora import django
from hubkit.corpora.cleaning import clean
from hubkit.corpora.django import Django
from hubkit.languages import Language, find


@pytest.fixture
def wheel(
    home: Path,
    tmp_path: Path,
    make_wheel: Callable[..., Path],
    make_mo: Callable[..., bytes],
    stored: Callable[[Path], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    catalogue = make_mo(
        {
            "": "head",
            "Add %(name)s": "Ongeza %(name)s",
            "verb\x04Change": "Badilisha",
            "%d day\0%d days": "siku\0siku %d",
        }
    )
    files = {
        "django/conf/locale/sw/LC_MESSAGES/django.mo": catalogue,
        "django/conf/locale/sw/LC_MESSAGES/django.po": b"not read",
        "django/contrib/admin/locale/zh_Hans/LC_MESSAGES/djangojs.mo": make_mo({"Today": "今天"}),
    }  # fmt: skip
    archive = stored(make_wheel(tmp_path / "django.whl", files))
    monkeypatch.setattr(django, "fetch_pypi", lambda name, version, pin: archive)


def test_messages_carry_their_english(wheel: None, swahili: Language) -> None:
    found = [(pair.text, pair.english, pair.key) for pair in Django().pairs(swahili)]
    assert found == [
        ("Ongeza", "Add", "conf/django:Add %(name)s"),
        ("Badilisha", "Change", "conf/django:Change"),
        ("siku", "days", "conf/django:%d days"),
    ]


def test_codes_with_a_script(wheel: None, language: Callable[..., Language]) -> None:
    assert [pair.text for pair in Django().pairs(language("zh", "cmn", "Hans"))] == ["今天"]


def test_a_language_without_catalogue_has_no_pairs(wheel: None, kabyle: Language) -> None:
    assert Django().pairs(kabyle) == []


@pytest.mark.network
def test_the_real_wheel_has_swahili(home: Path) -> None:
    swahili = find("sw")
    pairs, counts = clean(Django().pairs(swahili), swahili)
    assert counts["raw"] > 600
    assert len(pairs) > 450
    assert any(pair.english == "Log out" for pair in pairs)
