"""The user's folder: which files are dictionaries of which languages, and ``lexicon.toml``."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from conftest import KINYARWANDA, simple, stardict_files, tei_file, write_dictd
from hubkit.errors import NotFoundError, UsageError
from hubkit.languages import Language, find
from hubkit.testing import check_source

from hubkit_lexicon.folder import name_of, own_dictionaries, read_dictionary
from hubkit_lexicon.settings import Settings, folder, read_settings
from hubkit_lexicon.source import LexiconSource

pytestmark = pytest.mark.usefixtures("no_packages")


def write_stardict(place: Path, name: str, compressed: bool = False) -> None:
    for ending, content in stardict_files([(word, text.encode()) for word, text in KINYARWANDA.items()]).items():
        packed = compressed and ending in (".idx", ".dict")
        end = {".idx": ".idx.gz", ".dict": ".dict.dz"}[ending] if packed else ending
        (place / f"{name}{end}").write_bytes(gzip.compress(content) if packed else content)


def write_all(place: Path) -> None:
    write_dictd(place / "dictd", "kin-eng", simple(KINYARWANDA))
    (place / "stardict").mkdir()
    write_stardict(place / "stardict", "words_rw-en")
    write_stardict(place / "stardict", "packed_rw-en", compressed=True)
    entries = {english: [word] for word, english in KINYARWANDA.items()}
    (place / "eng-kin.tei").write_bytes(tei_file(entries))
    (place / "eng-rw.tei.gz").write_bytes(gzip.compress(tei_file(entries)))
    write_dictd(place, "lug-eng", simple({"amazzi": "water"}))


def test_every_format_in_both_directions(tmp_path: Path, kinyarwanda: Language) -> None:
    write_all(tmp_path)
    found = {each.dictionary.name: each for each in own_dictionaries(tmp_path, kinyarwanda, Settings())}
    assert list(found) == ["kin-eng", "eng-kin", "eng-rw", "packed_rw-en", "words_rw-en"]
    for name, dictionary in found.items():
        assert {(row.word, row.english) for row in dictionary.translations()} == set(KINYARWANDA.items())
        assert dictionary.from_english == name.startswith("eng")
        assert dictionary.license == "unspecified" and name in dictionary.origin


def test_a_source_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_all(tmp_path)
    monkeypatch.setenv("HUBKIT_LEXICON", str(tmp_path))
    check_source(LexiconSource, "rw")
    assert LexiconSource().pairs(find("sn")) == []
    assert [pair.text for pair in LexiconSource().pairs(find("lg"))] == ["amazzi"]


def test_the_folder_in_hubkit_s_home(own_home: Path) -> None:
    assert folder() == own_home / "lexicon"
    assert LexiconSource().pairs(find("rw")) == []
    write_dictd(folder(), "kin-eng", simple(KINYARWANDA))
    assert len(LexiconSource().pairs(find("rw"))) == len(KINYARWANDA)


def test_a_folder_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_LEXICON", str(tmp_path / "nowhere"))
    with pytest.raises(NotFoundError, match="HUBKIT_LEXICON names .*nowhere"):
        LexiconSource().pairs(find("rw"))


def test_what_lexicon_toml_says_of_a_dictionary(tmp_path: Path, kinyarwanda: Language) -> None:
    write_dictd(tmp_path, "inkoranya", simple(KINYARWANDA))
    with pytest.raises(
        UsageError, match=r"inkoranya\.index does not say which languages.*\[dictionaries\.\"inkoranya\"\]"
    ):
        list(own_dictionaries(tmp_path, kinyarwanda, Settings()))
    (tmp_path / "lexicon.toml").write_text('[dictionaries.inkoranya]\npair = "rw:en"\nlicense = "CC0-1.0"\n')
    (pair, *_) = LexiconSource(tmp_path).pairs(kinyarwanda)
    assert (pair.text, pair.english, pair.license, pair.key) == ("amazi", "water", "CC0-1.0", "inkoranya:2")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("share = 0", "share: Input should be greater than 0"),
        ("shares = 1", "shares: Extra inputs are not permitted"),
        ("into = []", "into: "),
        ('into = ["french"]', "into.0: Input should be 'english' or 'text'"),
        ('[dictionaries.x]\npair = "rw"', "dictionaries.x.pair: "),
        ("share", "is not valid TOML"),
    ],
)
def test_settings_that_are_wrong(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "lexicon.toml").write_text(text)
    with pytest.raises(UsageError) as refused:
        read_settings(tmp_path)
    assert what in refused.value.what and "lexicon.toml" in refused.value.what


def test_the_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == Settings()
    assert (Settings().share, Settings().seed, Settings().into) == (0.5, 0, ("english", "text"))


@pytest.mark.parametrize(
    ("file", "name"),
    [("a.index", "a"), ("a.b.ifo", "a.b"), ("a.tei.gz", "a"), ("a.dict.dz", None), ("a.idx", None), (".ifo", None)],
)
def test_the_name_of_a_dictionary(file: str, name: str | None) -> None:
    assert name_of(Path("x") / file) == name


def test_files_that_belong_together(tmp_path: Path) -> None:
    write_dictd(tmp_path, "kin-eng", simple(KINYARWANDA))
    (tmp_path / "kin-eng.dict.dz").unlink()
    with pytest.raises(NotFoundError, match=r"There is no file .*kin-eng\.dict\. .*copy all of them"):
        read_dictionary(tmp_path / "kin-eng.index")
    with pytest.raises(UsageError, match="is no dictionary"):
        read_dictionary(tmp_path / "kin-eng.txt")


def test_a_dictionary_without_translations(tmp_path: Path) -> None:
    write_dictd(tmp_path, "kin-eng", {"amazi": "amazi"})
    with pytest.raises(UsageError, match="has no entry with a translation"):
        read_dictionary(tmp_path / "kin-eng.index")


def test_a_file_that_changes_is_read_again(tmp_path: Path, kinyarwanda: Language) -> None:
    import os

    for number, words in enumerate((KINYARWANDA, {"amazi": "water"})):
        path = write_dictd(tmp_path, "kin-eng", simple(words))
        os.utime(path, ns=(number, number))
        assert len(LexiconSource(tmp_path).pairs(kinyarwanda)) == len(words)
