from __future__ import annotations

import json

import pytest

from hubkit.corpora.gather import gather, sources
from hubkit.corpora.source import Domain, Pair, Source, SourceUnavailable
from hubkit.errors import NotFoundError, UsageError, VerificationError
from hubkit.languages import Language, find


class Fixed:
    """A source with fixed pairs, or one that fails."""

    license = "CC0-1.0"
    domain: Domain = "interface"

    def __init__(self, name: str, *pairs: tuple[str, str], error: Exception | None = None) -> None:
        self.name = name
        self.origin = f"package {name}"
        self._pairs = pairs
        self._error = error

    def pairs(self, language: Language) -> list[Pair]:
        if self._error is not None:
            raise self._error
        return [
            Pair(text, english, self.name, str(key), self.license) for key, (text, english) in enumerate(self._pairs)
        ]


OFFLINE = SourceUnavailable("The client npm is not installed here.", "Install npm.")


def test_cleans_and_counts_by_source(kabyle: Language) -> None:
    gathered = gather(
        kabyle, [Fixed("a", ("Wali", "View"), ("x", "y")), Fixed("b", ("Sekles", "Save"), ("wali", "view"))]
    )
    assert [pair.english for pair in gathered.all()] == ["View", "Save"]
    assert gathered.counts["a"]["raw"] == 2
    assert gathered.counts["a"]["length"] == 1
    assert gathered.counts["b"]["no near duplicate"] == 2
    assert gathered.counts["b"]["in no earlier source"] == 1
    assert gathered.problems == {}


def test_a_source_with_nothing_new_has_counts_and_no_pairs(kabyle: Language) -> None:
    gathered = gather(kabyle, [Fixed("a", ("Wali", "View")), Fixed("b"), Fixed("c", ("WALI", "view"))])
    assert set(gathered.pairs) == {"a"}
    assert set(gathered.counts) == {"a", "b", "c"}


def test_one_failing_source_does_not_stop_the_others(kabyle: Language) -> None:
    gathered = gather(kabyle, [Fixed("a", error=OFFLINE), Fixed("b", ("Wali", "View"))])
    assert list(gathered.pairs) == ["b"]
    assert "npm is not installed" in gathered.problems["a"]


def test_as_dict_is_json_without_text(kabyle: Language) -> None:
    value = gather(kabyle, [Fixed("a", ("Wali tugna-agi tamecṭuḥt", "View this small picture"))]).as_dict()
    assert json.loads(json.dumps(value)) == value
    assert (value["pairs"], value["sentences"], value["licenses"]) == (1, 1, {"a": ["CC0-1.0"]})
    assert "View" not in json.dumps(value)


def test_no_text_anywhere_names_the_sources_and_the_way_out(kabyle: Language) -> None:
    with pytest.raises(
        NotFoundError, match=r"No source has text in Language kab \(kab\).*a \(package a\).*--data FILE"
    ) as caught:
        gather(kabyle, [Fixed("a"), Fixed("b", ("x", "y"))])
    assert caught.value.exit_code == 4


def test_no_text_because_of_failures_is_unavailable(kabyle: Language) -> None:
    with pytest.raises(SourceUnavailable, match="b: The client npm is not installed") as caught:
        gather(kabyle, [Fixed("a"), Fixed("b", error=OFFLINE)])
    assert caught.value.exit_code == 1


def test_a_refused_archive_stops_everything(kabyle: Language) -> None:
    with pytest.raises(VerificationError):
        gather(kabyle, [Fixed("a", ("Wali", "View")), Fixed("b", error=VerificationError("It is refused."))])


def test_registered_sources() -> None:
    found = sources()
    assert {"mediawiki", "libreoffice", "cldr", "django"} <= {source.name for source in found}
    assert all(isinstance(source, Source) for source in found)
    assert [source.name for source in sources(["django", "cldr"])] == ["django", "cldr"]


def test_unknown_source_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"no source nowhere.*Known are: cldr, django"):
        sources(["cldr", "nowhere"])


def test_text_in_another_script_is_told() -> None:
    words = (("aghmis n tmazirt", "the news of the country"), ("azul fellawen", "hello to you all"))
    with pytest.raises(NotFoundError, match=r"All 2 pairs of a are in another script than Tfng.*TAG-Latn"):
        gather(find("shi"), [Fixed("a", *words)])
