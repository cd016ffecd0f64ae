"""Interface messages of MediaWiki and its extensions, translated by volunteers into some 590 languages."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.corpora.archives import members
from hubkit.corpora.codes import codes
from hubkit.corpora.markup import plain_wikitext, without_placeholders
from hubkit.corpora.packages import fetch_debian
from hubkit.corpora.source import Domain, Pair, SourceUnavailable
from hubkit.corpora.tables import Table, Tables, tables

if TYPE_CHECKING:
    from hubkit.languages import Language

READER = 1  # raise it when what _read keeps changes
_SKIPPED = {"qqq", "qqx"}  # documentation of the messages, not a language
_PREFIX = "usr/share/mediawiki/"


class MediaWiki:
    """MediaWiki's message files ``**/i18n/**/<code>.json``, joined with English on folder and key."""

    name = "mediawiki"
    license = "GPL-2.0-or-later"
    domain: Domain = "interface"
    origin = "Debian package mediawiki"

    def pairs(self, language: Language) -> list[Pair]:
        """All message lines of ``language`` with their English; ``[]`` when nobody translated it."""
        found: dict[str, Pair] = {}
        for code in codes(language, self.name):
            for key, message in self._tables.read(code).items():
                if code != "en" and key not in found and key in self._english:
                    found.update({pair.key: pair for pair in self._lines(key, message)})
        return list(found.values())

    @cached_property
    def _tables(self) -> Tables:
        archive = fetch_debian("mediawiki")
        if archive is None:
            raise SourceUnavailable(
                "This machine's Debian sources have no package mediawiki.", "Pass your own text with --data FILE."
            )
        return tables(self.name, READER, archive, _read)

    @cached_property
    def _english(self) -> dict[str, list[str] | None]:
        return {key: _plain_lines(message) for key, message in self._tables.read("en").items()}

    def _lines(self, key: str, message: str) -> Iterator[Pair]:
        lines, english = _plain_lines(message), self._english[key]
        if lines is None or english is None or len(lines) != len(english):
            return
        for number, sides in enumerate(zip(lines, english, strict=True)):
            if (clean := without_placeholders(*sides)) is not None and all(clean):
                yield Pair(clean[0], clean[1], self.name, f"{key}#{number}" if number else key, self.license)


def _plain_lines(message: str) -> list[str] | None:
    """The non-empty lines of a message as plain text: a message of several paragraphs gives several pairs."""
    text = plain_wikitext(message)
    return None if text is None else [line for line in text.split("\n") if line.strip()]


def _wanted(name: str) -> bool:
    return name.endswith(".json") and "/i18n/" in name


def _read(archive: Path) -> Iterator[tuple[str, Table]]:
    """Every code's messages ``{folder:key: message}``, in one pass over the package; parsed code by code for memory."""
    found: defaultdict[str, list[tuple[str, bytes]]] = defaultdict(list)
    for name, content in members(archive, _wanted):
        folder, _, file = name.removeprefix(_PREFIX).rpartition("/")
        found[file.removesuffix(".json")].append((folder.replace("/i18n", ""), content))
    for code in sorted(found.keys() - _SKIPPED):
        table: Table = {}
        for folder, content in found.pop(code):
            messages = json.loads(content).items()
            table.update({f"{folder}:{key}": text for key, text in messages if isinstance(text, str) and text})
        yield code, table
