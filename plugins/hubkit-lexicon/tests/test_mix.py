"""The source of mixed sentences."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import KINYARWANDA, simple, write_dictd
from hubkit.corpora.source import Domain, Pair, SourceUnavailable
from hubkit.errors import UsageError
from hubkit.languages import Language
from hubkit.testing import check_source, registering

from hubkit_lexicon.mix import LexiconMix
from hubkit_lexicon.settings import Settings
from hubkit_lexicon.source import LexiconSource

pytestmark = pytest.mark.usefixtures("no_packages")
SENTENCES = [
    ("umwana azana amazi mu inzu", "The child brings water into the house"),
    ("umuriro uri mu giti", "The fire is in the tree"),
    ("uyu munsi ni mwiza cyane", "This is a very good day"),
    ("yego", "yes"),
]


class Prose:
    """A few sentences of this test."""

    name, license, origin = "prose", "CC-BY-4.0", "made here"
    domain: Domain = "prose"
    pairs_of = SENTENCES

    def pairs(self, language: Language) -> list[Pair]:
        rows = enumerate(self.pairs_of) if language.tag == "rw" else ()
        return [Pair(text, english, self.name, str(number), self.license) for number, (text, english) in rows]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_dictd(tmp_path / "own", "kin-eng", simple(KINYARWANDA))
    (tmp_path / "own" / "lexicon.toml").write_text(
        'sources = ["prose"]\n[dictionaries.kin-eng]\nlicense = "GPL-2.0-only"\n'
    )
    monkeypatch.setenv("HUBKIT_LEXICON", str(tmp_path / "own"))
    return tmp_path / "own"


def mixed(**settings: Any) -> LexiconMix:
    return LexiconMix([Prose()], settings=Settings(**settings))


def test_it_is_a_source(own: Path) -> None:
    with registering("sources", "prose", Prose):
        check_source(LexiconMix, "rw")


def test_both_directions_keep_the_english_sentence(own: Path, kinyarwanda: Language) -> None:
    pairs = mixed(share=1).pairs(kinyarwanda)
    assert [(pair.text, pair.english) for pair in pairs] == [
        ("The umwana brings amazi into the inzu", SENTENCES[0][1]),
        ("child azana water mu house", SENTENCES[0][1]),
        ("The umuriro is in the igiti", SENTENCES[1][1]),
        ("fire uri mu giti", SENTENCES[1][1]),
    ]
    assert {pair.source for pair in pairs} == {"lexicon-mix"}


def test_one_direction(own: Path, kinyarwanda: Language) -> None:
    assert [pair.text for pair in mixed(into=("text",), share=1).pairs(kinyarwanda)] == [
        "child azana water mu house", "fire uri mu giti",
    ]  # fmt: skip


def test_licence_and_origin_of_both_are_kept(own: Path, kinyarwanda: Language) -> None:
    with registering("sources", "prose", Prose):
        pair = LexiconMix().pairs(kinyarwanda)[0]
    assert pair.license == "CC-BY-4.0 AND GPL-2.0-only"
    assert pair.key == "english:prose:0 with kin-eng"


def test_share_and_seed(own: Path, kinyarwanda: Language) -> None:
    least = mixed(share=0.01).pairs(kinyarwanda)
    assert len({word for word in least[0].text.split() if word in KINYARWANDA}) == 1
    assert mixed(share=0.01).pairs(kinyarwanda) == least
    assert any(mixed(share=0.01, seed=seed).pairs(kinyarwanda) != least for seed in range(1, 9))


def test_a_pair_s_mix_does_not_depend_on_the_others(own: Path, kinyarwanda: Language) -> None:
    class Fewer(Prose):
        pairs_of = SENTENCES[:1]

    few = LexiconMix([Fewer()], settings=Settings(share=0.4)).pairs(kinyarwanda)
    assert mixed(share=0.4).pairs(kinyarwanda)[: len(few)] == few


def test_the_same_in_every_process(own: Path) -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1].split(':')\n"
        "from test_mix import Prose\nfrom hubkit.languages import find\n"
        "from hubkit_lexicon.mix import LexiconMix\n"
        "print([pair.text for pair in LexiconMix([Prose()]).pairs(find('rw'))])"
    )
    path = ":".join([str(Path(__file__).parent), *sys.path])
    ran = [
        subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert ran[0] == ran[1] != "[]\n"


def test_without_a_dictionary_no_other_source_is_asked(own: Path) -> None:
    class Asked(Prose):
        def pairs(self, language: Language) -> list[Pair]:
            raise AssertionError

    from hubkit.languages import find

    assert LexiconMix([Asked()]).pairs(find("sn")) == []


def test_without_sentences(own: Path, kinyarwanda: Language) -> None:
    class Empty(Prose):
        pairs_of: list[tuple[str, str]] = []

    assert LexiconMix([Empty()]).pairs(kinyarwanda) == []


def test_sources_that_cannot_be_asked(own: Path, kinyarwanda: Language) -> None:
    class Away(Prose):
        def pairs(self, language: Language) -> list[Pair]:
            raise SourceUnavailable("The network is away.")

    with pytest.raises(SourceUnavailable, match="The network is away"):
        LexiconMix([Away()]).pairs(kinyarwanda)


def test_a_source_that_lexicon_toml_names_and_nobody_has(own: Path, kinyarwanda: Language) -> None:
    with pytest.raises(UsageError, match="no source prose"):
        LexiconMix().pairs(kinyarwanda)


def test_by_default_all_others_are_mixed_but_lists_of_words(
    own: Path, kinyarwanda: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own / "lexicon.toml").unlink()
    asked: list[str] = []

    def asks(name: str, domain: Domain) -> type:
        def pairs(self: Any, language: Language) -> list[Pair]:
            asked.append(name)
            return Prose().pairs(language) if name == "prose" else []

        return type("Asked", (), {"name": name, "domain": domain, "license": "x", "origin": "x", "pairs": pairs})

    for name in ("mediawiki", "libreoffice", "django", "cldr"):
        monkeypatch.setattr(f"hubkit.corpora.{name}.{CLASSES[name]}.pairs", asks(name, "interface").pairs)  # type: ignore[attr-defined]
    with (
        registering("sources", "prose", asks("prose", "prose")),
        registering("sources", "words", asks("words", "lexicon")),
        registering("sources", "lexicon", LexiconSource),
        registering("sources", "lexicon-mix", LexiconMix),
    ):
        assert len(LexiconMix().pairs(kinyarwanda)) == 4
    assert asked == ["django", "libreoffice", "mediawiki", "prose"]


CLASSES = {"mediawiki": "MediaWiki", "libreoffice": "LibreOffice", "django": "Django", "cldr": "Cldr"}


def test_two_that_ask_each_other_come_to_an_end(own: Path, kinyarwanda: Language) -> None:
    class Asks(Prose):
        def pairs(self, language: Language) -> list[Pair]:
            assert LexiconMix([Asks()]).pairs(language) == []
            return super().pairs(language)

    assert len(LexiconMix([Asks()]).pairs(kinyarwanda)) == 4
