"""Interface messages of Django and its admin site, in some 95 languages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.corpora.archives import members
from hubkit.corpora.catalogues import messages
from hubkit.corpora.codes import codes, normal
from hubkit.corpora.markup import plain_html, without_placeholders
from hubkit.corpora.packages import fetch_pypi
from hubkit.corpora.source import Domain, Pair
from hubkit.corpora.tables import Table, Tables, tables

if TYPE_CHECKING:
    from hubkit.languages import Language

VERSION = "5.2.19"
SHA256 = "5965d974a5218a2b68a11dd1276434707f23886525c23f0598eccedaf4f4ca00"
READER = 1  # raise it when what _read keeps changes
_CATALOGUE = re.compile(r"django/(.+)/locale/(\w+)/LC_MESSAGES/(\w+)\.mo")


class Django:
    """Django's compiled catalogues ``**/locale/<code>/LC_MESSAGES/*.mo`` from its wheel."""

    name = "django"
    license = "BSD-3-Clause"
    domain: Domain = "interface"
    origin = f"PyPI package django {VERSION}"

    def pairs(self, language: Language) -> list[Pair]:
        """All messages of ``language`` with their English; ``[]`` when Django is not translated into it."""
        found: Table = {}
        for code in codes(language, self.name):
            if code != "en":
                found = {**self._tables.read(code), **found}
        return list(self._pairs(found))

    @cached_property
    def _tables(self) -> Tables:
        return tables(self.name, READER, fetch_pypi("django", VERSION, SHA256), _read)

    def _pairs(self, table: Table) -> Iterator[Pair]:
        for key, message in table.items():
            place, _, english = key.rpartition("\x04")
            clean = without_placeholders(plain_html(message), plain_html(english))
            if clean is not None and all(part.strip() for part in clean):
                yield Pair(clean[0], clean[1], self.name, f"{place}:{english[:40]}", self.license)


def _wanted(name: str) -> bool:
    return _CATALOGUE.fullmatch(name) is not None


def _read(archive: Path) -> Iterator[tuple[str, Table]]:
    found: defaultdict[str, Table] = defaultdict(dict)
    for name, content in members(archive, _wanted):
        match = _CATALOGUE.fullmatch(name)
        assert match is not None
        place = f"{match[1]}/{match[3]}"
        found[normal(match[2])] |= {f"{place}\x04{english}": text for _, english, text in messages(content)}
    yield from sorted(found.items())
