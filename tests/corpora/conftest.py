from __future__ import annotations

import io
import json
import lzma
import struct
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hubkit.languages import Language

Files = dict[str, bytes]


@pytest.fixture
def language() -> Callable[..., Language]:
    """Make a language without the language table."""

    def make(tag: str, iso639_3: str, script: str = "Latn", macrolanguage: str | None = None) -> Language:
        return Language(tag, f"Language {tag}", None, iso639_3, macrolanguage, None, script, ())

    return make


@pytest.fixture
def kabyle(language: Callable[..., Language]) -> Language:
    return language("kab", "kab")


@pytest.fixture
def swahili(language: Callable[..., Language]) -> Language:
    return language("sw", "swh", macrolanguage="swa")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty HUBKIT_HOME."""
    folder = tmp_path / "home"
    monkeypatch.setenv("HUBKIT_HOME", str(folder))
    return folder


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Put a fake client on an otherwise empty PATH; returns the log that holds a line for each call."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, body: str) -> Path:
        log = tmp_path / f"{name}.log"
        script = folder / name
        start = "import os, pathlib, sys, time\narguments = sys.argv[1:]\n"
        note = f"with open({str(log)!r}, 'a') as log: log.write(' '.join(arguments) + '\\n')\n"
        script.write_text(f"#!{sys.executable}\n{start}{note}{body}\n")
        script.chmod(0o755)
        return log

    return make


def tar_bytes(files: Files, prefix: str = "./") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(prefix + name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def make_deb() -> Callable[[Path, Files], Path]:
    """Write a Debian package (an ar archive of two tar files) that holds ``files``."""

    def make(path: Path, files: Files) -> Path:
        control = tar_bytes({"control": b"Package: p\nVersion: 1\nArchitecture: all\nMaintainer: m\nDescription: d\n"})
        parts = {"debian-binary": b"2.0\n", "control.tar.xz": lzma.compress(control)}
        parts["data.tar.xz"] = lzma.compress(tar_bytes(files))
        with path.open("wb") as deb:
            deb.write(b"!<arch>\n")
            for name, content in parts.items():
                deb.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode())
                deb.write(content + b"\n" * (len(content) % 2))
        return path

    return make


@pytest.fixture
def make_tgz() -> Callable[[Path, Files], Path]:
    def make(path: Path, files: Files) -> Path:
        with tarfile.open(path, "w:gz") as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return path

    return make


@pytest.fixture
def make_wheel() -> Callable[[Path, Files], Path]:
    def make(path: Path, files: Files) -> Path:
        with zipfile.ZipFile(path, "w") as wheel:
            for name, content in files.items():
                wheel.writestr(name, content)
        return path

    return make


@pytest.fixture
def make_mo() -> Callable[..., bytes]:
    """A compiled gettext catalogue of ``{msgid: msgstr}``."""

    def make(messages: dict[str, str], order: str = "<") -> bytes:
        originals = [key.encode() for key in messages]
        translations = [value.encode() for value in messages.values()]
        count, at = len(messages), 28 + 16 * len(messages)
        places, text = b"", b""
        for content in originals + translations:
            places += struct.pack(f"{order}II", len(content), at + len(text))
            text += content + b"\0"
        head = struct.pack(f"{order}7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 0)
        return head + places + text

    return make


@pytest.fixture
def stored(home: Path) -> Callable[[Path], Path]:
    """Note an archive as fetched, as ``packages`` does."""

    def store(archive: Path) -> Path:
        from hubkit.durable import sha256

        (archive.parent / "fetched.json").write_text(json.dumps({"sha256": sha256(archive)}))
        return archive

    return store
