"""StarDict's format: ``NAME.ifo`` (settings), ``.idx`` (words and places), ``.dict`` or ``.dict.dz``, ``.syn``.

``.idx`` is, for every word, its UTF-8 with a NUL, then offset (32 or 64 bits) and size (32 bits) in network order;
``.syn`` a word with a NUL and the number of a word in ``.idx``. Specification: ``StarDictFileFormat`` in StarDict's
sources, versions 2.4.2 and 3.0.0.
"""

from __future__ import annotations

import html
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hubkit_lexicon.articles import headed_article, meanings
from hubkit_lexicon.content import text_of
from hubkit_lexicon.dictionary import Dictionary, Entry, bad_file, entry

MAGIC = "StarDict's dict ifo file"
VERSIONS = ("2.4.2", "3.0.0")
LONGEST_WORD = 255  # bytes
_PLAIN, _MARKED_UP = "mlnt", "hgx"
_BREAK = re.compile(r"<\s*(?:br|/?p|/?div|/?li|/?tr|/?blockquote|/?def)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_KEY = re.compile(r"<k>.*?</k>", re.DOTALL)  # XDXF: the headword once more


@dataclass(frozen=True, slots=True)
class Settings:
    """What an ``.ifo`` says. ``types`` is the sametypesequence, empty where each article names its types itself."""

    words: int
    index_size: int
    synonyms: int
    offset_bits: int
    types: str
    about: str


def parse(name: str, ifo: bytes, idx: bytes, text: bytes, syn: bytes | None, where: str) -> Dictionary:
    """The dictionary of the unpacked contents of its files.

    Raises :class:`hubkit.errors.UsageError` that names file and place for the first thing that is not as it should be.
    """
    settings = parse_ifo(ifo, f"{where}.ifo")
    words = parse_idx(idx, settings, len(text), f"{where}.idx")
    synonyms: dict[int, list[str]] = {}
    for word, number in parse_syn(syn, settings, f"{where}.syn"):
        synonyms.setdefault(number, []).append(word)
    entries: list[Entry] = []
    for number, (word, start, size) in enumerate(words):
        place = f"word {number + 1} of {where}.idx"
        article = article_text(text[start : start + size], settings.types, place)
        for spelt in (word, *synonyms.get(number, ())):
            entries += _entries(spelt, article, str(number + 1))
    return Dictionary(name, tuple(entries), settings.about)


def parse_ifo(ifo: bytes, where: str) -> Settings:
    """The settings in an ``.ifo``."""
    first, *lines = text_of(ifo, where).removeprefix("\ufeff").splitlines() or [""]
    if first.strip() != MAGIC:
        raise bad_file(where, f"does not begin with {MAGIC!r}", "Is it the .ifo file of a StarDict dictionary?")
    values = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines if line.strip())}
    if values.get("version") not in VERSIONS:
        raise bad_file(where, f"has version {values.get('version')!r}, not {' or '.join(VERSIONS)}", "Convert it.")
    bits = _number(values, "idxoffsetbits", where, "32")
    if bits not in (32, 64):
        raise bad_file(where, f"has idxoffsetbits {bits}, not 32 or 64")
    types = values.get("sametypesequence", "")
    if not types.isascii() or (types and not types.isalpha()):
        raise bad_file(where, f"has the sametypesequence {types!r}, which is not of letters")
    about = "\n".join(values.get(key, "") for key in ("bookname", "author", "website", "description"))
    index_size, words = (_number(values, key, where) for key in ("idxfilesize", "wordcount"))
    return Settings(words, index_size, _number(values, "synwordcount", where, "0"), bits, types, about)


def _number(values: Mapping[str, str], key: str, where: str, default: str | None = None) -> int:
    text = values.get(key, default)
    if text is None or not re.fullmatch(r"[0-9]{1,19}", text):
        raise bad_file(where, f"has no number {key}" if text is None else f"has the {key} {text[:20]!r}, no number")
    return int(text)


def parse_idx(idx: bytes, settings: Settings, text_size: int, where: str) -> list[tuple[str, int, int]]:
    """Word, offset and size of every article; each lies in a text of ``text_size`` bytes."""
    if len(idx) != settings.index_size:
        raise bad_file(where, f"has {len(idx)} bytes, its .ifo says {settings.index_size}")
    found: list[tuple[str, int, int]] = []
    for word, number in _records(idx, struct.Struct(">QI" if settings.offset_bits == 64 else ">II"), where):
        start, size = number
        if start + size > text_size:
            raise bad_file(where, f"places word {len(found) + 1} at bytes {start} to {start + size} of {text_size}")
        found.append((word, start, size))
    if len(found) != settings.words:
        raise bad_file(where, f"has {len(found)} words, its .ifo says {settings.words}")
    return found


def parse_syn(syn: bytes | None, settings: Settings, where: str) -> list[tuple[str, int]]:
    """Synonym and the number, from 0, of the word whose article it has."""
    if syn is None:
        if settings.synonyms:
            raise bad_file(where, f"is missing, the .ifo says that it has {settings.synonyms} words")
        return []
    found = [(word, number) for word, (number,) in _records(syn, struct.Struct(">I"), where)]
    if len(found) != settings.synonyms:
        raise bad_file(where, f"has {len(found)} words, its .ifo says {settings.synonyms}")
    if wrong := [word for word, number in found if number >= settings.words]:
        raise bad_file(where, f"leads from {wrong[0]!r} to a word that the .idx does not have")
    return found


def _records(content: bytes, numbers: struct.Struct, where: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    at, count = 0, 0
    while at < len(content):
        count += 1
        end = content.find(b"\0", at, at + LONGEST_WORD + 1)
        if end <= at:
            raise bad_file(where, f"has no word of 1 to {LONGEST_WORD} bytes at byte {at} (word {count})")
        if end + 1 + numbers.size > len(content):
            raise bad_file(where, f"ends in the middle of word {count}")
        yield text_of(content[at:end], f"{where}, word {count},"), numbers.unpack_from(content, end + 1)
        at = end + 1 + numbers.size


def article_text(article: bytes, types: str, where: str) -> str:
    """The text in an article: all fields that are plain text or markup, a line break between them."""
    return "\n".join(
        _lines(kind, field, where) for kind, field in _fields(article, types, where) if kind in _PLAIN + _MARKED_UP
    )


def _fields(article: bytes, types: str, where: str) -> Iterator[tuple[str, bytes]]:
    """Type and content of every field. Of a sametypesequence the last one has neither NUL nor size."""
    at = 0
    if not types:
        while at < len(article):
            kind = chr(article[at])
            if not kind.isalpha() or not kind.isascii():
                raise bad_file(where, f"has a field of type {kind!r}")
            field, at = _field(article, at + 1, kind, where)
            yield kind, field
        return
    for kind in types[:-1]:
        field, at = _field(article, at, kind, where)
        yield kind, field
    yield types[-1], article[at:]


def _field(article: bytes, at: int, kind: str, where: str) -> tuple[bytes, int]:
    if kind.isupper():
        (size,) = struct.unpack_from(">I", article, at) if at + 4 <= len(article) else (len(article),)
        start, end = at + 4, at + 4 + size
    else:
        start, end = at, article.find(b"\0", at)
    if end < start or end > len(article):
        raise bad_file(where, f"has a field of type {kind!r} that does not end")
    return article[start:end], end + (not kind.isupper())


def _lines(kind: str, field: bytes, where: str) -> str:
    text = text_of(field, f"{where}: its article")
    if kind in _PLAIN:
        return text
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", _KEY.sub("", text))))


def _entries(word: str, article: str, place: str) -> list[Entry]:
    """The article may begin with its headword, or with the first sense."""
    lines = [line for line in article.split("\n") if line.strip()]
    if lines and re.split(r"\s+(?=[/<\[{\\(])", lines[0].strip())[0].casefold() == word.casefold() and len(lines) > 1:
        return headed_article("\n".join((word, *lines[1:])), place)
    found = entry(word, list(meanings(lines)), place)
    return [] if found is None else [found]
