from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubkit.errors import VerificationError
from hubkit.evaluation.tasks import freedict
from hubkit.evaluation.tasks.freedict import Freedict, translations
from hubkit.languages import find

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
ENTRIES = [
    "00-database-info\nA dictionary, of words\n",
    "hili /hˈili/ <pron, dem prox, agr: 5>\n\nthis\n",
    "hodi /hˈodi/ <interj>\n\nMay I come in?\n; Hello! (while knocking)\n   See also: {karibu}\n",
    "mbavu /mbˈavu/ <n>\n\n Plural of {ubavu}: rib\n",
    "našta /nˈaʃta/ <n, f>\n1. burden\n2. (sunkumas) weight, a load/pack\n",
    "radio /r/\nradio, wireless\n",
    "kwenda\nto go; [fig] leave\n",
    "hayo\nthese, those, the one or ones referred to\n",
    "fikiri [v] (pl: x)\n\n    think\n",
]


def written(entries: list[str]) -> tuple[str, bytes]:
    def number(value: int) -> str:
        return (number(value // 64) if value >= 64 else "") + LETTERS[value % 64]

    text, index = b"", ""
    for entry in entries:
        content = entry.encode()
        index += f"{'00databaseinfo' if entry.startswith('00') else 'x'}\t{number(len(text))}\t{number(len(content))}\n"
        text += content
    return index, text


def test_entries() -> None:
    assert list(translations(*written(ENTRIES))) == [
        ("hili", "this"),
        ("hodi", "Hello"),
        ("našta", "burden"),
        ("našta", "weight"),
        ("našta", "load"),
        ("našta", "pack"),
        ("radio", "wireless"),
        ("kwenda", "go"),
        ("kwenda", "leave"),
        ("hayo", "these"),
        ("hayo", "those"),
        ("fikiri", "think"),
    ]


def test_numbers_of_several_digits() -> None:
    filler = "kitu\n" + "x " * 3000 + "\n"
    assert list(translations(*written([filler, "mti\ntree\n"]))) == [("mti", "tree")]


@pytest.fixture
def package(archive: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [f"neno{number}x\nword{number}, thing{number}\n" for number in range(40)]
    index, text = written(entries)
    folder = "usr/share/dictd/freedict-swh-eng"
    files = {f"{folder}.index": index.encode(), f"{folder}.dict.dz": gzip.compress(text)}
    known = {"dict-freedict-swh-eng": archive("dict-freedict-swh-eng", files)}
    monkeypatch.setattr(freedict, "fetch_debian", known.get)


def test_a_language(package: None) -> None:
    found = Freedict().load(find("sw"))
    assert found is not None
    assert (len(found.pairs), len(found.words), len(found.english)) == (80, 40, 80)
    assert found.origin == "Debian package dict-freedict-swh-eng 1.2" and found.license == "GPL-2.0-or-later"
    assert Freedict().load(find("rw")) is None


def test_the_words_are_chosen_by_their_hashes(package: None, monkeypatch: pytest.MonkeyPatch) -> None:
    every = Freedict().load(find("sw"))
    monkeypatch.setattr(freedict, "LIMIT", 10)
    some = Freedict().load(find("sw"))
    assert every is not None and some is not None
    assert some.words == every.words[:10] != tuple(f"neno{number}x" for number in range(10))
    assert some.pairs == every.pairs[:20]


def test_a_damaged_dictionary(archive: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive("broken", {"usr/share/dictd/x.index": b"a\tA\tB\n", "usr/share/dictd/x.dict.dz": b"no gzip"})
    monkeypatch.setattr(freedict, "fetch_debian", lambda name: path)
    with pytest.raises(VerificationError, match="no dictionary"):
        Freedict().load(find("sw"))


@pytest.mark.network
def test_the_real_package(real_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_HOME", str(real_home))
    found: Any = Freedict().load(find("sw"))
    assert len(found.words) == freedict.LIMIT and len(found.pairs) > 2000
    assert {("hisia", "feeling"), ("homa", "fever")} & set(found.pairs)
