"""Dictionaries of the FreeDict project, packaged for Debian as ``dict-freedict-XXX-eng``; never trained on."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.corpora.archives import members
from hubkit.corpora.packages import fetch_debian, record
from hubkit.corpora.text import letters, plain
from hubkit.errors import VerificationError
from hubkit.evaluation.lexicon import Lexicon
from hubkit.evaluation.task import Level

if TYPE_CHECKING:
    from hubkit.languages import Language

LIMIT = 1500  # headwords, as in the test sets of MUSE
LICENSE = "GPL-2.0-or-later"
LICENSES = {  # where the package's copyright file has another
    "dan": "GPL-3.0-or-later", "deu": "GPL-3.0-or-later", "isl": "GPL-3.0-or-later", "slv": "GPL-3.0-or-later",
    "hun": "GPL-2.0-only", "epo": "CC-BY-3.0", "jpn": "CC-BY-SA-3.0",
}  # fmt: skip
MAX_WORDS = 3  # of a headword or translation; longer ones are explanations
_DIGITS = {letter: value for value, letter in enumerate(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")}  # fmt: skip
_HEADWORD = re.compile(r"\s+[/<\[({].*|\s*$")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|<[^<>]*>")
_NUMBER = re.compile(r"^\s*\d+\.\s+")
_NOTE = re.compile(r"[{}:]|^\s*[\"“]")  # references, labels, examples
_BETWEEN = re.compile(r"[,;/]")
_ARTICLE = re.compile(r"^(?:to|an?|the)\s+(?=\w)", re.IGNORECASE)


class Freedict:
    """Up to :data:`LIMIT` headwords of a language with all their English translations."""

    name = "freedict"
    level: Level = "standard"

    def load(self, language: Language) -> Lexicon | None:
        """The dictionary of ``language``; ``None`` when Debian packages none. Fetches it once (0.1 to 5 MB)."""
        for code in dict.fromkeys((language.iso639_3, language.macrolanguage)):
            archive = fetch_debian(f"dict-freedict-{code}-eng") if code else None
            if archive is not None:
                version = record(archive)["version"]
                origin = f"Debian package dict-freedict-{code}-eng {version}"
                license = LICENSES.get(code or "", LICENSE)
                return Lexicon(self.name, origin, license, language.tag, tuple(_chosen(archive)))
        return None


def _chosen(archive: Path) -> Iterator[tuple[str, str]]:
    """The translations of the headwords whose hashes come first."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for word, english in translations(*_files(archive)):
        found[word][english] = None
    for word in sorted(found, key=lambda word: hashlib.sha256(word.encode()).digest())[:LIMIT]:
        yield from ((word, english) for english in found[word])


def _files(archive: Path) -> tuple[str, bytes]:
    """The index and the text of the package's dictionary."""
    parts = {Path(name).suffix: content for name, content in members(archive, _wanted)}
    try:
        return parts[".index"].decode("utf-8"), gzip.decompress(parts[".dz"])
    except (KeyError, OSError, EOFError, UnicodeDecodeError) as error:
        raise VerificationError(
            f"{archive} holds no dictionary: {error!r}.", f"Remove {archive.parent} and run the command again."
        ) from error


def _wanted(name: str) -> bool:
    return "/dictd/" in name and name.endswith((".index", ".dict.dz"))


def translations(index: str, text: bytes) -> Iterator[tuple[str, str]]:
    """(headword, English) of every entry; format: manual page dictfmt(1).

    A line of the index is headword, offset and length, tab-separated, in base 64. An entry is a line with the headword,
    its pronunciation and grammar, then senses, each with translations between commas or semicolons.
    """
    places = dict.fromkeys(tuple(line.split("\t")[1:3]) for line in index.splitlines() if not line.startswith("00data"))
    for offset, length in (place for place in places if len(place) == 2):
        start = _number(offset)
        head, *senses = text[start : start + _number(length)].decode("utf-8", errors="replace").split("\n")
        word = plain(_HEADWORD.split(head)[0])
        for english in _meanings(senses):
            if _is_word(word) and word.casefold() != english.casefold():
                yield word, english


def _meanings(senses: list[str]) -> Iterator[str]:
    for sense in senses:
        bare = _BRACKETS.sub(" ", _NUMBER.sub("", sense))
        if _NOTE.search(bare):
            continue
        for meaning in _BETWEEN.split(bare):
            english = _ARTICLE.sub("", plain(meaning).rstrip(" .!?"))
            if _is_word(english):
                yield english


def _is_word(text: str) -> bool:
    return letters(text) >= 2 and len(text.split()) <= MAX_WORDS and "\ufffd" not in text


def _number(digits: str) -> int:
    """A number as dictd writes it: base 64, most significant digit first."""
    value = 0
    for digit in digits:
        value = 64 * value + _DIGITS.get(digit, 0)
    return value
