"""FreeDict's sources: TEI P5, ``<entry>`` with ``<orth>`` and the ``<quote>`` of every ``<cit type="trans">``.

Some dictionaries have the translations in ``<def>`` instead; they are read from there where no entry has a translation.
Guidelines: https://tei-c.org/release/doc/tei-p5-doc/en/html/DI.html and FreeDict's HOWTO. Read as a stream; a file that
declares entities is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from hubkit_lexicon.dictionary import Dictionary, Entry, bad_file, entry

_TRANSLATION = {"trans", "translation", "translationEquivalent"}
_SPACE = "http://www.tei-c.org/ns/1.0 "


def parse(name: str, content: bytes, where: str) -> Dictionary:
    """The dictionary of a TEI document. Raises :class:`hubkit.errors.UsageError` where it is none."""
    reader = _Reader()
    try:
        reader.expat.Parse(content, True)
    except (expat.ExpatError, ValueError) as error:
        line = reader.expat.CurrentLineNumber
        raise bad_file(f"Line {line} of {where}", f"is no TEI that can be read: {error}") from error
    if not reader.is_tei:
        raise bad_file(where, f"is no TEI dictionary: its root is <{reader.root}>", "Give a TEI P5 file of FreeDict.")
    return Dictionary(name, tuple(reader.found()), " ".join("".join(reader.header).split()))


@dataclass(slots=True)
class _Raw:
    """An entry as it stands; ``line`` is where it begins."""

    line: int
    headwords: list[str] = field(default_factory=list)
    translations: list[str] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)

    def from_definitions(self) -> list[str]:
        return [meaning for text in self.definitions for meaning in re.split(r"\s*[,;]\s*", text)]


class _Reader:
    """Collects entries while expat reads."""

    def __init__(self) -> None:
        self.expat = expat.ParserCreate(namespace_separator=" ")
        self.expat.buffer_text = True
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end
        self.expat.CharacterDataHandler = self._characters
        self.expat.EntityDeclHandler = self._refuse
        self.root = ""
        self.is_tei = False
        self.header: list[str] = []
        self._open: list[tuple[str, str]] = []  # element and its type, from the root down
        self._entry = _Raw(0)
        self._entries: list[_Raw] = []
        self._text: list[str] | None = None

    def found(self) -> Iterator[Entry]:
        """The entries, when all is read."""
        in_definitions = not any(each.translations for each in self._entries)
        for raw in self._entries:
            for word in dict.fromkeys(raw.headwords):
                meanings = raw.from_definitions() if in_definitions else raw.translations
                if (made := entry(word, meanings, str(raw.line))) is not None:
                    yield made

    def _start(self, full: str, attributes: dict[str, str]) -> None:
        element = full.removeprefix(_SPACE)
        if not self._open:
            self.root = element
            self.is_tei = element in ("TEI", "TEI.2")
        self._open.append((element, attributes.get("type", "")))
        if element == "entry":
            self._entry = _Raw(self.expat.CurrentLineNumber)
        elif self._in("entry") and (element in ("orth", "def") or (element == "quote" and self._translates())):
            self._text = []

    def _end(self, full: str) -> None:
        element, _ = self._open.pop()
        if self._text is not None and element in ("orth", "quote", "def"):
            raw = self._entry
            found = {"orth": raw.headwords, "quote": raw.translations, "def": raw.definitions}[element]
            found.append("".join(self._text))
            self._text = None
        elif element == "entry":
            self._entries.append(self._entry)

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)
        elif self._in("teiHeader"):
            self.header.append(text)

    def _in(self, element: str) -> bool:
        return any(each == element for each, _ in self._open)

    def _translates(self) -> bool:
        """Whether the ``quote`` that was opened is a translation: by its own type, or its ``cit``'s; of no example."""
        kinds = [kind for each, kind in self._open if each in ("cit", "quote") and kind]
        return bool(kinds) and all(kind in _TRANSLATION for kind in kinds)

    def _refuse(self, name: str, *_: object) -> None:
        raise ValueError(f"it declares the entity {name!r}, which is not expanded")
