from __future__ import annotations

from hubkit.evaluation.published import _tables, published
from hubkit.languages import find


def test_figures_of_a_language_best_first() -> None:
    found = published("tatoeba", find("sw"))
    assert [(row.system, row.value) for row in found] == [
        ("LaBSE", 0.845),
        ("multilingual-e5-small", 0.6543),
        ("static-similarity-mrl-multilingual-v1", 0.1068),
    ]
    assert {(row.suite, row.language, row.metric) for row in found} == {("tatoeba", "swh", "F1 (mteb)")}
    assert all("69e8f12" in row.source for row in found)


def test_means_over_the_languages() -> None:
    assert {row.system: row.value for row in published("tatoeba")}["LASER"] == 0.655


def test_a_macrolanguage_is_found_by_its_code() -> None:
    assert {row.language for row in published("tatoeba", find("uz"))} == {"uzb"}


def test_nothing_is_known() -> None:
    assert published("tatoeba", find("rw")) == published("nothing", find("sw")) == []


def test_the_table_is_whole() -> None:
    for table in _tables():
        assert table.source and all(0 <= value <= 1 for value in table.values.values())
        assert len(table.values) in (1, 112)
