"""Interface messages of LibreOffice: menus, dialogs, function descriptions, in some 90 languages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.corpora.archives import members
from hubkit.corpora.catalogues import messages
from hubkit.corpora.codes import codes, normal
from hubkit.corpora.markup import plain_label, without_placeholders
from hubkit.corpora.packages import fetch_debian
from hubkit.corpora.source import Domain, Pair
from hubkit.corpora.tables import Table, tables

if TYPE_CHECKING:
    from hubkit.languages import Language

READER = 1  # raise it when what _read keeps changes
_COLLECTIONS = {"in", "za"}  # packages that collect the languages of a country


class LibreOffice:
    """LibreOffice's compiled catalogues, one Debian package a language; the key of a message carries its English."""

    name = "libreoffice"
    license = "MPL-2.0"
    domain: Domain = "interface"
    origin = "Debian packages libreoffice-l10n-*"

    def pairs(self, language: Language) -> list[Pair]:
        """All messages of ``language`` with their English; ``[]`` when LibreOffice has no package for it."""
        code = codes(language, self.name)[0]
        for package in dict.fromkeys((code, code.partition("-")[0])):  # sr-latn has its folder in the package of sr
            if package in _COLLECTIONS or (archive := fetch_debian(f"libreoffice-l10n-{package}")) is None:
                continue
            found = tables(self.name, READER, archive, _read)
            if code in found.codes or package == code:
                return list(
                    self._pairs(found.read(code if code in found.codes else min(found.codes, key=len, default="")))
                )
        return []

    def _pairs(self, table: Table) -> Iterator[Pair]:
        for key, message in table.items():
            place, _, english = key.rpartition("\x04")
            clean = without_placeholders(plain_label(message), plain_label(english))
            if clean is not None and all(clean):
                yield Pair(clean[0], clean[1], self.name, place, self.license)


def _wanted(name: str) -> bool:
    return name.endswith(".mo")


def _read(archive: Path) -> Iterator[tuple[str, Table]]:
    """The messages ``{module:context␄English: message}`` of every folder: one, or two where there are two scripts."""
    found: defaultdict[str, Table] = defaultdict(dict)
    for name, content in members(archive, _wanted):
        folder, module = Path(name).parents[1].name, Path(name).stem
        table = found[normal(folder.replace("@latin", "-Latn"))]
        table.update({f"{module}:{context}\x04{english}": text for context, english, text in messages(content)})
    yield from sorted(found.items())
