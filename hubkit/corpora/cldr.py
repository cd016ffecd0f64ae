"""Names of some 3,800 concepts (emoji and symbols) from Unicode CLDR annotations, in some 130 locales: a lexicon.

A fifth of the concepts is held out for evaluation: :func:`held_out` says which, and the source never gives them.
"""

from __future__ import annotations

import hashlib
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
HELD_OUT = 51  # of 256: the share of concepts that nothing is trained on
_SKIN_TONE = re.compile("[\U0001f3fb-\U0001f3ff]")  # five more names of one concept
_VARIANT = re.compile("[\U0001f3fb-\U0001f3ff\U0001f468\U0001f469\U0001f9d1♀♂\u200d\u20e3\ufe0f]")


class Cldr:
    """The spoken name (``tts``) of every annotated character that is not held out, paired with the English one."""

    name = "cldr"
    license = "Unicode-3.0"
    domain: Domain = "lexicon"
    origin = f"npm packages {' and '.join(PACKAGES)} {VERSION}"

    def pairs(self, language: Language) -> list[Pair]:
        """The named concepts of ``language`` with their English name; ``[]`` when CLDR names none.

        A name that a held-out concept has too, in either language, is left out.
        """
        names = {name.casefold() for pair in self.held_out_pairs(language) for name in (pair.text, pair.english)}
        return [
            pair
            for pair in self._pairs(language).values()
            if names.isdisjoint((pair.text.casefold(), pair.english.casefold()))
        ]

    def held_out_pairs(self, language: Language) -> list[Pair]:
        """The concepts of ``language`` that :func:`held_out` keeps for evaluation."""
        return [pair for sign, pair in self._pairs(language).items() if held_out(sign)]

    def _pairs(self, language: Language) -> dict[str, Pair]:
        """Sign → its name in ``language`` with the English one."""
        found: Table = {}
        for code in codes(language, self.name):
            if code != "en":
                found = {**self._names(code), **found}
        english = self._english
        return {
            sign: Pair(name, english[sign], self.name, _key(sign), self.license)
            for sign, name in found.items()
            if sign in english
        }

    @cached_property
    def _tables(self) -> list[Tables]:
        archives = [fetch_npm(name, VERSION, pin) for name, pin in PACKAGES.items()]
        return [tables(self.name, READER, archive, _read) for archive in archives]

    @cached_property
    def _english(self) -> Table:
        return self._names("en")

    def _names(self, code: str) -> Table:
        return {sign: name for part in self._tables for sign, name in part.read(code).items()}


def held_out(sign: str) -> bool:
    """Whether the concept of ``sign`` is for evaluation alone, by its hash: the same in every language and release.

    Variants for men, women and skin tones are one concept, so that no variant of a held-out name is trained on.
    """
    concept = _VARIANT.sub("", sign) or sign
    return hashlib.sha256(concept.encode()).digest()[0] < HELD_OUT


def _key(sign: str) -> str:
    return "U+" + "-".join(f"{ord(part):04X}" for part in sign)


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
