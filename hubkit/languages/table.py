"""The table of languages: one row a language, or a script of a language that has texts of its own.

Columns (tab-separated, with a header): ``tag iso639_3 name native_name macrolanguage glottocode script family
other_names``. ``family`` is the path from the root of the tree down and ``other_names`` a list, both joined by ``|``;
a plugin's table needs the first five columns' ``tag iso639_3 name`` and ``script``, the rest may be missing or empty.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from hubkit.plugins import Registered

COLUMNS = (
    "tag", "iso639_3", "name", "native_name", "macrolanguage", "glottocode", "script", "family", "other_names",
)  # fmt: skip
REQUIRED = ("tag", "iso639_3", "name", "script")
SEPARATOR = "|"
DATA = Path(__file__).parent / "data"
BUILTIN = "hubkit.languages.table:path"


@dataclass(frozen=True, slots=True)
class Language:
    """One language in one script. ``family`` names the groups from the root of the tree down; () for an isolate."""

    tag: str
    name: str
    native_name: str | None
    iso639_3: str
    macrolanguage: str | None
    glottocode: str | None
    script: str
    family: tuple[str, ...]


class Row(NamedTuple):
    """A language and the further names it goes by."""

    language: Language
    other_names: tuple[str, ...]


def path() -> Path:
    """hubkit's own table; what the hook ``register_languages`` of hubkit returns."""
    return DATA / "languages.tsv"


def read(table: Path) -> list[Row]:
    """Rows of a table; :class:`HubkitError` names the file, line and column that is wrong."""
    try:
        with table.open(encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            header = tuple(next(reader, []))
            if missing := [column for column in REQUIRED if column not in header]:
                raise HubkitError(f"{table} has no column {', '.join(missing)}.", f"Columns are: {', '.join(COLUMNS)}.")
            families: dict[str, tuple[str, ...]] = {"": ()}
            rows = ((number, _in_order(cells, header)) for number, cells in enumerate(reader, 2) if cells)
            return [_row(cells, families, table, number) for number, cells in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise HubkitError(f"The language table {table} cannot be read: {error}.", "Reinstall its package.") from error


def _in_order(cells: list[str], header: tuple[str, ...]) -> list[str]:
    """The cells in the order of ``COLUMNS``, empty where the table has no such column."""
    if len(cells) == len(COLUMNS) and header == COLUMNS:
        return cells
    named = dict(zip(header, cells, strict=False))
    return [named.get(column, "") for column in COLUMNS]


def _row(cells: list[str], families: dict[str, tuple[str, ...]], table: Path, number: int) -> Row:
    tag, iso639_3, name, native_name, macrolanguage, glottocode, script, family, other_names = cells
    if not (tag and iso639_3 and name and script):
        raise HubkitError(f"{table}, line {number}: {', '.join(REQUIRED)} must not be empty.", "Complete the row.")
    if family not in families:
        families[family] = tuple(family.split(SEPARATOR))
    language = Language(
        tag, name, native_name or None, iso639_3, macrolanguage or None, glottocode or None, script, families[family]
    )
    return Row(language, tuple(other_names.split(SEPARATOR)) if other_names else ())


@lru_cache(maxsize=1)
def builtin_rows() -> tuple[Row, ...]:
    """The rows that come with hubkit, by tag."""
    return tuple(read(path()))


@lru_cache(maxsize=1)
def rows() -> tuple[Row, ...]:
    """The rows of hubkit and of every plugin, by tag; a tag given twice is an error that names both tables."""
    from hubkit.plugins import registered

    tables = [("hubkit", builtin_rows())]
    for registration in registered("languages").values():
        if registration.target != BUILTIN:
            tables.append(_plugin_table(registration))
    return _merged(tables)


def _plugin_table(registration: Registered) -> tuple[str, tuple[Row, ...]]:
    """Who gives a table, and its rows; :class:`HubkitError` names the plugin when its function fails."""
    function = registration.load()
    try:
        table = Path(function())
    except Exception as error:
        raise HubkitError(
            f"{registration.target} of plugin {registration.plugin} gives no table of languages: {error!r}.",
            f"Reinstall or remove the plugin {registration.plugin}.",
        ) from error
    return f"plugin {registration.plugin} ({table})", tuple(read(table))


def _merged(tables: Iterable[tuple[str, tuple[Row, ...]]]) -> tuple[Row, ...]:
    owners: dict[str, str] = {}
    merged: dict[str, Row] = {}
    for owner, table in tables:
        for row in table:
            key = row.language.tag.lower()
            if key in owners:
                raise HubkitError(
                    f"The language {row.language.tag} is given twice: by {owners[key]} and by {owner}.",
                    "Remove one of the two rows, or limit plugins with HUBKIT_LOAD_PLUGINS.",
                )
            owners[key], merged[key] = owner, row
    return tuple(sorted(merged.values(), key=lambda row: row.language.tag))


@lru_cache(maxsize=1)
def languages() -> tuple[Language, ...]:
    """All known languages, by tag."""
    return tuple(row.language for row in rows())
