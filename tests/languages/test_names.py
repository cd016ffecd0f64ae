"""Names, ambiguity and suggestions."""

from __future__ import annotations

import re

import pytest

from hubkit.errors import NotFoundError, UsageError
from hubkit.languages import find, languages
from hubkit.languages.names import plain, suggestions, unaccented


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("Kinyarwanda", "rw"),
        ("ikinyarwanda", "rw"),
        ("  isiZulu ", "zu"),
        ("Luganda", "lg"),
        ("K'iche'", "quc"),
        ("Kiche", "quc"),
        ("Quiché", "quc"),
        ("Mandarin Chinese", "zh"),
        ("Standard Arabic", "ar"),
        ("Deutsch", "de"),
        ("中文", "zh"),
        ("العربية", "ar"),
        ("Norwegian", "nb"),
        ("Filipino", "tl"),
        ("Northern_Sotho", "nso"),
        ("northern-sotho", "nso"),
        ("Malay", "ms"),
        ("Konkani", "kok"),
        ("Farsi", "fa"),
        ("Bahasa Indonesia", "id"),
        ("Dari", "prs"),
    ],
)
def test_names_are_found(name: str, tag: str) -> None:
    assert find(name).tag == tag


def test_every_name_that_is_no_code_finds_its_language() -> None:
    lost = [language.tag for language in languages() if len(language.name) > 3 and find(language.name) != language]
    assert lost == []


def test_code_wins_over_name() -> None:
    assert find("Mon").tag == "mn"


def test_ambiguous_name_lists_the_candidates() -> None:
    with pytest.raises(UsageError, match=r"to \(Tongan\), tog \(Nyasa Tonga\), toi \(Tonga \(Zambia\)\)") as refused:
        find("Tonga")
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("Kinyarwnda", "rw"), ("Swahilli", "sw"), ("Ndebele", "nd"), ("Ndebele", "nr"), ("Kabylle", "kab")],
)
def test_close_names_are_suggested(misspelt: str, meant: str) -> None:
    with pytest.raises(NotFoundError, match="Did you mean") as refused:
        find(misspelt)
    assert f"{meant} (" in str(refused.value)
    assert 1 <= len(re.findall(r"\b[a-zA-Z-]+ \(", refused.value.fix or "")) <= 3


def test_at_most_three_suggestions() -> None:
    assert len(suggestions("zapotec")) == 3
    assert suggestions("qqqqqqqqqqqq") == []


def test_folding() -> None:
    assert plain("  Min_Nan-Chinese ") == "min nan chinese"
    assert unaccented("K\u02bciche\u02bc") == unaccented("Kiche") == "kiche"
