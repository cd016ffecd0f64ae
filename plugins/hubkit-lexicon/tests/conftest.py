"""Small dictionaries in every format, written here, and packages that hold them; hubkit with this plugin alone."""

from __future__ import annotations

import gzip
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from hubkit.languages import Language, find
from hypothesis import settings as hypothesis_settings

from hubkit_lexicon import freedict
from hubkit_lexicon.dictd import encode_number

hypothesis_settings.register_profile("anywhere", deadline=None)
hypothesis_settings.load_profile("anywhere")

Articles = Mapping[str, str]
ABOUT = "A dictionary made here"
KINYARWANDA = {"amazi": "water", "inzu": "house", "umuriro": "fire", "umwana": "child", "igiti": "tree"}


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty HUBKIT_HOME and no dictionaries but those that a test puts there."""
    home = tmp_path / "home"
    monkeypatch.setenv("HUBKIT_HOME", str(home))
    monkeypatch.delenv("HUBKIT_LEXICON", raising=False)
    freedict._read.cache_clear()
    return home


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian offers nothing."""
    monkeypatch.setattr(freedict, "fetch_debian", lambda name: None)


@pytest.fixture
def kinyarwanda() -> Language:
    return find("rw")


def dictd_files(articles: Articles, about: str = ABOUT) -> tuple[bytes, bytes]:
    """``.index`` and ``.dict`` of these articles, by headword."""
    places, text = {}, b""
    for word, article in {"00databaseinfo": about, **articles}.items():
        content = article.encode()
        places[word] = (len(text), len(content))
        text += content
    lines = [f"{word}\t{encode_number(at)}\t{encode_number(size)}" for word, (at, size) in sorted(places.items())]
    return ("\n".join(lines) + "\n").encode(), text


def dictzip(content: bytes, block: int = 1000) -> bytes:
    """gzip with the header field ``RA``, the sizes of blocks that were compressed one by one (man dictzip)."""
    packer = zlib.compressobj(wbits=-15)
    blocks = [
        packer.compress(content[at : at + block]) + packer.flush(zlib.Z_FULL_FLUSH)
        for at in range(0, len(content), block)
    ]
    field = struct.pack(f"<HHH{len(blocks)}H", 1, block, len(blocks), *map(len, blocks))
    extra = b"RA" + struct.pack("<H", len(field)) + field
    head = b"\x1f\x8b\x08\x04" + struct.pack("<IBB", 0, 0, 3) + struct.pack("<H", len(extra)) + extra
    return head + b"".join(blocks) + packer.flush() + struct.pack("<II", zlib.crc32(content), len(content))


def write_dictd(folder: Path, name: str, articles: Articles, about: str = ABOUT) -> Path:
    """``NAME.index`` and ``NAME.dict.dz``; the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    index, text = dictd_files(articles, about)
    (folder / f"{name}.dict.dz").write_bytes(dictzip(text))
    (folder / f"{name}.index").write_bytes(index)
    return folder / f"{name}.index"


def stardict_files(
    articles: Sequence[tuple[str, bytes]], types: str = "m", bits: int = 32, synonyms: Sequence[tuple[str, int]] = ()
) -> dict[str, bytes]:
    """Ending → content of the files of a dictionary."""
    idx, text = b"", b""
    for word, article in articles:
        numbers = struct.pack(">QI" if bits == 64 else ">II", len(text), len(article))
        idx, text = idx + word.encode() + b"\0" + numbers, text + article
    syn = b"".join(word.encode() + b"\0" + struct.pack(">I", number) for word, number in synonyms)
    lines = ["StarDict's dict ifo file", f"version={'3.0.0' if bits == 64 else '2.4.2'}", f"bookname={ABOUT}"]
    lines += [f"wordcount={len(articles)}", f"idxfilesize={len(idx)}"]
    lines += [f"sametypesequence={types}"] * bool(types) + [f"idxoffsetbits={bits}"] * (bits == 64)
    lines += [f"synwordcount={len(synonyms)}"] * bool(synonyms)
    files = {".ifo": "\n".join(lines).encode() + b"\n", ".idx": idx, ".dict": text}
    return {**files, ".syn": syn} if synonyms else files


def tei_file(entries: Mapping[str, Sequence[str]], title: str = ABOUT) -> bytes:
    """A TEI document."""
    body = "".join(
        f"<entry><form><orth>{word}</orth></form><sense>"
        + "".join(f'<cit type="trans"><quote>{meaning}</quote></cit>' for meaning in meanings)
        + "</sense></entry>"
        for word, meanings in entries.items()
    )
    header = f"<teiHeader><fileDesc><titleStmt><title>{title}</title></titleStmt></fileDesc></teiHeader>"
    start = '<?xml version="1.0" encoding="UTF-8"?>\n<TEI xmlns="http://www.tei-c.org/ns/1.0">'
    return f"{start}{header}<text><body>\n{body}</body></text></TEI>".encode()


def simple(words: Mapping[str, str]) -> Articles:
    """Articles of headwords with one translation."""
    return {word: f"{word} /x/ <n>\n{meaning}\n" for word, meaning in words.items()}


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Have Debian offer a dictionary of this pair; returns a list that grows by the names that are asked for."""
    asked: list[str] = []
    offered: dict[str, Path] = {}

    def fetch(name: str) -> Path | None:
        asked.append(name)
        return offered.get(name)

    def offer(pair: str, articles: Articles, license: str = "GPL-2+") -> list[str]:
        package = f"dict-freedict-{pair}"
        archive = tmp_path / package / f"{package}.whl"  # a zip: reading a .deb is hubkit's, and tested there
        archive.parent.mkdir()
        index, text = dictd_files(articles)
        copyright = f"Format: x\n\nFiles: debian/*\nLicense: GPL-3+\n\nFiles: {pair}/*\nLicense: {license}\n words\n"
        with zipfile.ZipFile(archive, "w") as package_file:
            package_file.writestr(f"usr/share/dictd/freedict-{pair}.index", index)
            package_file.writestr(f"usr/share/dictd/freedict-{pair}.dict.dz", gzip.compress(text))
            package_file.writestr(f"usr/share/doc/{package}/copyright", copyright)
        noted = {"package": package, "version": "1-1", "sha256": sha256(archive.read_bytes()).hexdigest()}
        (archive.parent / "fetched.json").write_text(json.dumps(noted))
        offered[package] = archive
        return asked

    monkeypatch.setattr(freedict, "fetch_debian", fetch)
    return offer
