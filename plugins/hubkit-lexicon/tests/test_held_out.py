"""What hubkit tests on is refused, in both directions, whatever it is called."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import simple, stardict_files, tei_file, write_dictd
from hubkit.corpora import packages as hubkit_packages
from hubkit.corpora.gather import gather
from hubkit.corpora.source import SourceUnavailable
from hubkit.languages import Language, find

from hubkit_lexicon.held_out import SENTENCE, HeldOut, facts, is_kept_for_tests
from hubkit_lexicon.mix import LexiconMix
from hubkit_lexicon.source import LexiconSource

FREEDICT = re.compile(r"dict-freedict-([a-z]{3})-eng")
SWAHILI, ENGLISH = {"maji": "water", "moto": "fire"}, {"water": "maji", "fire": "moto"}
Offer = Callable[..., list[str]]


@pytest.mark.parametrize("source", [LexiconSource, LexiconMix])
@pytest.mark.parametrize("query", ["sw", "swh", "Swahili", "swc", "sw-KE"])
def test_swahili_is_refused_in_both_directions(query: str, source: type, packages: Offer) -> None:
    packages("swh-eng", simple(SWAHILI))
    asked = packages("eng-swh", simple(ENGLISH))
    with pytest.raises(
        HeldOut, match="are kept for tests .* nothing may be trained on them, in neither direction"
    ) as no:
        source().pairs(find(query))
    assert "HUBKIT_LEXICON" in str(no.value) and isinstance(no.value, SourceUnavailable)
    assert asked == []


FILES: dict[str, Callable[[Path], object]] = {
    "swh-eng.index": lambda folder: write_dictd(folder, "swh-eng", simple(SWAHILI)),
    "eng-swh.index": lambda folder: write_dictd(folder, "eng-swh", simple(ENGLISH)),
    "sw-en.tei": lambda folder: (folder / "sw-en.tei").write_bytes(tei_file({"maji": ["water"]})),
    "en-sw.tei": lambda folder: (folder / "en-sw.tei").write_bytes(tei_file({"water": ["maji"]})),
    "my_words_en-sw.ifo": lambda folder: [
        (folder / f"my_words_en-sw{end}").write_bytes(content)
        for end, content in stardict_files([("water", b"maji")]).items()
    ],
}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("source", [LexiconSource, LexiconMix])
def test_no_dictionary_of_swahili_is_taken_from_the_user(
    file: str, source: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_packages: None
) -> None:
    FILES[file](tmp_path)
    monkeypatch.setenv("HUBKIT_LEXICON", str(tmp_path))
    name = file.rpartition(".")[0]
    with pytest.raises(HeldOut, match=f"^{name} is a dictionary of Swahili and English, which are kept for tests"):
        source().pairs(find("sw"))


@pytest.mark.parametrize("name", ["freedict-cym-eng", "FreeDict_eng-cym"])
def test_freedict_s_of_a_language_that_is_tested_is_known_by_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_packages: None
) -> None:
    write_dictd(tmp_path, name, simple({"dŵr": "water"}))
    monkeypatch.setenv("HUBKIT_LEXICON", str(tmp_path))
    with pytest.raises(HeldOut, match=f"^{name} is FreeDict's. {SENTENCE[:20]}"):
        LexiconSource().pairs(find("cy"))


def test_and_by_what_it_says_about_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_packages: None) -> None:
    write_dictd(tmp_path, "cym-eng", simple({"dŵr": "water"}), about="Publisher: FreeDict.")
    monkeypatch.setenv("HUBKIT_LEXICON", str(tmp_path))
    with pytest.raises(HeldOut, match="^cym-eng is FreeDict's"):
        LexiconSource().pairs(find("cy"))


def test_a_dictionary_of_another_origin_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packages: Offer
) -> None:
    asked = packages("cym-eng", simple({"dŵr": "water"}))
    write_dictd(tmp_path / "own", "cym-eng", simple({"tân": "fire"}))
    monkeypatch.setenv("HUBKIT_LEXICON", str(tmp_path / "own"))
    assert [(pair.text, pair.english) for pair in LexiconSource().pairs(find("cy"))] == [("tân", "fire")]
    assert asked == []


def test_a_pair_that_is_packaged_later_is_refused(packages: Offer) -> None:
    packages("eng-rus", simple({"water": "вода"}))
    assert len(LexiconSource().pairs(find("ru"))) == 1
    packages("rus-eng", simple({"вода": "water"}))
    with pytest.raises(HeldOut, match="dict-freedict-rus-eng is packaged by now"):
        LexiconSource().pairs(find("ru"))


def test_hubkit_notes_it_and_goes_on(kinyarwanda: Language, packages: Offer) -> None:
    class Other(LexiconSource):
        name = "other"

        def pairs(self, language: Language) -> list:  # type: ignore[type-arg]
            from hubkit.corpora.source import Pair

            return [Pair("maji ni baridi", "the water is cold", "other", "1", "CC0-1.0")]

    gathered = gather(find("sw"), [LexiconSource(), Other()])
    assert list(gathered.pairs) == ["other"]
    assert gathered.problems["lexicon"].startswith(SENTENCE)


def test_what_is_packaged_is_not_kept_for_tests() -> None:
    for code, pair in facts()["packages"].items():
        assert not is_kept_for_tests(find(code))
        assert not {*pair.split("-")} & set(facts()["kept_for_tests"])


@pytest.mark.network
def test_hubkit_s_task_has_none_of_the_packaged_languages_and_all_of_the_others(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Debian is today: what the task loads is refused here, and the other way round."""
    from hubkit.evaluation.tasks.freedict import Freedict

    monkeypatch.setenv("HUBKIT_HOME", str(tmp_path_factory.mktemp("network")))
    assert all(Freedict().load(find(code)) is None for code in facts()["packages"])
    assert Freedict().load(find("sw")) is not None and Freedict().load(find("gle")) is not None
    offered = {match[1] for name in hubkit_packages._debian_names() if (match := FREEDICT.fullmatch(name))}
    assert offered == set(facts()["kept_for_tests"]) - {"hin", "swa"}  # hin: into Hindi only; swa: what swh belongs to
