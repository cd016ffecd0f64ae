"""Names of some 3,800 concepts (emoji and symbols) from Unicode CLDR annotations, in some 130 locales: a lexicon."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.corpora.archives import members
from hubkit.corpora.codes import codes, normal
from hubkit.corpora.packages import fetch_npm
from hubkit.corpora.source import Domain, Pair
from hubkit.corpora.tables import Table, Tables, tables

if TYPE_CHECKING:
    from hubkit.languages import Language

VERSION = "48.2.0"
PACKAGES = {
    "cldr-annotations-full": "28576e51225deb51e3ddd734b0f824a0079682cb5d8c27faa9f68149317a14d1",
    "cldr-annotations-derived-full": "4be946ff5815f806ec78b50363d577a769f2fbfb90c6380a44e161a92436996e",
}
READER = 1  # raise it when what _read keeps changes
_FILE = re.compile(r"package/annotations(?:Derived)?/([\w-]+)/annotations\.json")
_SKIN_TONE = re.compile("[\U0001f3fb-\U0001f3ff]")  # five more names of one concept


class Cldr:
    """The spoken name (``tts``) of every annotated character, paired with the English one."""

    name = "cldr"
    license = "Unicode-3.0"
    domain: Domain = "lexicon"
    origin = f"npm packages {' and '.join(PACKAGES)} {VERSION}"

    def pairs(self, language: Language) -> list[Pair]:
        """All named concepts of ``language`` with their English name; ``[]`` when CLDR names none."""
        found: Table = {}
        for code in codes(language, self.name):
            if code != "en":
                found = {**self._names(code), **found}
        english = self._english
        return [
            Pair(name, english[sign], self.name, "U+" + "-".join(f"{ord(part):04X}" for part in sign), self.license)
            for sign, name in found.items()
            if sign in english
        ]

    @cached_property
    def _tables(self) -> list[Tables]:
        archives = [fetch_npm(name, VERSION, pin) for name, pin in PACKAGES.items()]
        return [tables(self.name, READER, archive, _read) for archive in archives]

    @cached_property
    def _english(self) -> Table:
        return self._names("en")

    def _names(self, code: str) -> Table:
        return {sign: name for part in self._tables for sign, name in part.read(code).items()}


def _wanted(name: str) -> bool:
    return _FILE.fullmatch(name) is not None


def _read(archive: Path) -> Iterator[tuple[str, Table]]:
    found: defaultdict[str, Table] = defaultdict(dict)
    for name, content in members(archive, _wanted):
        match = _FILE.fullmatch(name)
        assert match is not None
        (root,) = json.loads(content).values()
        for sign, entry in root.get("annotations", {}).items():
            if (names := entry.get("tts")) and (len(sign) == 1 or not _SKIN_TONE.search(sign)):
                found[normal(match[1])][sign] = names[0]
    yield from sorted(found.items())
