"""The examples of ``docs/composition.md`` are true."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import hubkit.composition.recipe

PAGE = Path(__file__).parents[2] / "docs" / "composition.md"


@pytest.mark.skipif(not PAGE.exists(), reason="tests were installed without docs")
def test_examples() -> None:
    done = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert done.attempted > 15 and done.failed == 0


def test_docstrings() -> None:
    done = doctest.testmod(hubkit.composition.recipe)
    assert done.attempted > 1 and done.failed == 0
