"""The source, as hubkit meets it."""

from __future__ import annotations

import pytest
from hubkit.languages import find
from hubkit.testing import check_plugin, check_source

from hubkit_lexicon import DATA, LexiconSource

TAGS = sorted(file.stem for file in DATA.glob("*.tsv"))


def test_the_plugin_loads() -> None:
    check_plugin("lexicon")


@pytest.mark.parametrize("tag", TAGS)
def test_it_is_a_source(tag: str) -> None:
    check_source(LexiconSource, tag)


@pytest.mark.parametrize("tag", TAGS)
def test_every_line_is_a_pair(tag: str) -> None:
    lines = (DATA / f"{tag}.tsv").read_text("utf-8").splitlines()
    assert len(LexiconSource().pairs(find(tag))) == len(lines)
