"""The table, as hubkit meets it."""

from __future__ import annotations

import pytest
from hubkit.languages import find
from hubkit.languages.table import read
from hubkit.testing import check_languages, check_plugin

import hubkit_bantu

TAGS = [row.language.tag for row in read(hubkit_bantu.table())]


def test_the_plugin_loads() -> None:
    check_plugin("bantu")


def test_it_is_a_table_of_languages() -> None:
    check_languages(hubkit_bantu.table)


@pytest.mark.parametrize("tag", TAGS)
def test_hubkit_finds_it(tag: str) -> None:
    assert find(tag).tag == tag
    assert find(find(tag).name).tag == tag
