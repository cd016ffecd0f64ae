"""The plugin and its table of languages, as hubkit meets them."""

from __future__ import annotations

from collections import Counter

import pytest
from hubkit.languages import find, relatives
from hubkit.languages.table import read
from hubkit.testing import check_languages, check_plugin

import hubkit_bantu
from hubkit_bantu.noun_classes import reference
from hubkit_bantu.tables import rows

ROWS = [row.language for row in read(hubkit_bantu.table())]
TAGS = [language.tag for language in ROWS]


def test_the_plugin_loads() -> None:
    check_plugin("bantu")


def test_it_is_a_table_of_languages() -> None:
    check_languages(hubkit_bantu.table)


@pytest.mark.parametrize("tag", TAGS)
def test_hubkit_finds_it(tag: str) -> None:
    assert find(tag).tag == tag
    assert find(find(tag).name).tag == tag


def test_every_variety_is_bantu_and_told_apart_from_its_language() -> None:
    for language in ROWS:
        assert "Narrow Bantu" in language.family
        assert "-x-" in language.tag and len(language.tag.rpartition("-")[2]) <= 8
        base = language.tag.partition("-")[0]
        if base == "bnt":
            assert language.iso639_3 == "bnt"
        else:
            assert find(base).iso639_3 == language.iso639_3 or language.iso639_3 == base
            assert find(base).glottocode != language.glottocode


def test_no_glottocode_is_there_twice() -> None:
    counts = Counter(language.glottocode for language in ROWS if language.glottocode)
    assert max(counts.values()) == 1


def test_the_nearest_relative_of_a_language_without_a_code() -> None:
    near = [other.tag for other, _ in relatives(find("Phuthi"), limit=12)]
    assert "zu" in near and "ss" in near


def test_every_row_says_where_and_whence() -> None:
    for row in rows("languages"):
        assert row["region"]
        assert reference(row["reference"])
