from __future__ import annotations

import pytest

from hubkit.corpora.cldr import Cldr, held_out
from hubkit.corpora.source import Pair
from hubkit.evaluation.tasks.cldr_names import CldrNames
from hubkit.languages import find

SIGNS = [chr(0x1F400 + number) for number in range(60)]
HELD = [sign for sign in SIGNS if held_out(sign)]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {
        "en": {sign: f"animal {number}" for number, sign in enumerate(SIGNS)},
        "sw": {sign: f"mnyama {number}" for number, sign in enumerate(SIGNS)},
    }
    tables["sw"][HELD[0]] = tables["en"][HELD[0]].upper()  # no translation
    monkeypatch.setattr(Cldr, "_names", lambda self, code: tables.get(code, {}))


def test_held_out_names(names: None) -> None:
    found = CldrNames().load(find("sw"))
    assert found is not None and len(found.pairs) == len(HELD) - 1 > 5
    numbers = {SIGNS.index(sign) for sign in HELD[1:]}
    assert set(found.pairs) == {(f"mnyama {number}", f"animal {number}") for number in numbers}
    assert found.license == "Unicode-3.0" and "cldr-annotations-full" in found.origin


def test_nothing_of_it_is_in_the_source(names: None) -> None:
    found = CldrNames().load(find("sw"))
    trained: list[Pair] = Cldr().pairs(find("sw"))
    assert found is not None and trained
    assert not {pair.text for pair in trained} & set(found.words)
    assert not {pair.english for pair in trained} & set(found.english)


def test_a_language_without_names(names: None) -> None:
    assert CldrNames().load(find("rw")) is None
