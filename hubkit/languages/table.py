"""The table of languages: one row a language, or a script of a language that has texts of its own.

Columns (tab-separated, with a header): ``tag iso639_3 name native_name macrolanguage glottocode script family
other_names``. ``family`` is the path from the root of the tree down and ``other_names`` a list, both joined by ``|``;
a plugin's table needs the first five columns' ``tag iso639_3 name`` and ``script``, the rest may be missing or empty.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubkit.errors import HubkitError
from hubkit.isolation import Failed, isolated

if TYPE_CHECKING:
    from hubkit.registered import Registered

log = logging.getLogger("hubkit")

COLUMNS = (
    "tag", "iso639_3", "name", "native_name", "macrolanguage", "glottocode", "script", "family", "other_names",
)  # fmt: skip
REQUIRED = ("tag", "iso639_3", "name", "script")
SEPARATOR = "|"
SHOWN = 3  # clashes of a table that are told one by one
DATA = Path(__file__).parent / "data"
_TAG = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


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


class Given(NamedTuple):
    """A plugin's table. ``who`` names the plugin and the file in errors."""

    plugin: str
    who: str
    rows: list[Row]


class Problem(NamedTuple):
    """What is wrong with a plugin's table: it clashes with another one, or cannot be read."""

    plugin: str
    what: str
    clash: bool


class Merged(NamedTuple):
    """All rows by tag, what was left out, and of tags that two plugins give why (by the tag in lower case)."""

    rows: tuple[Row, ...]
    clashes: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


@lru_cache(maxsize=1)
def rows() -> tuple[Row, ...]:
    """The rows of hubkit and of every plugin, by tag.

    A plugin's table that cannot be read is left out, and so are rows whose tag somebody else gives, with one warning;
    hubkit's own rows stay. ``hubkit plugins`` tells both.
    """
    for plugin, what, clash in check_plugins():
        log.warning("plugin %s: %s %s left out.", plugin, what, "Such rows are" if clash else "It is")
    return _merged().rows


def clashes() -> Mapping[str, str]:
    """Tag in lower case → a sentence that names the two plugins which give it; it is not among :func:`rows`."""
    return _merged().clashes


def check_plugins() -> tuple[Problem, ...]:
    """What is wrong with the tables of plugins, for ``hubkit plugins``; an error with ``HUBKIT_STRICT_PLUGINS``."""
    from hubkit.plugins import plugin_manager

    for plugin, what, clash in _merged().problems:
        plugin_manager().blame(plugin, what, clash=clash)
    return _merged().problems


@lru_cache(maxsize=1)
def _merged() -> Merged:
    from hubkit.plugins import OWN, registered

    theirs = [each for each in registered("languages").values() if each.plugin != OWN]
    if not theirs:
        return Merged(builtin_rows(), {})
    given = [_given(each) for each in sorted(theirs, key=lambda each: (each.plugin, each.name))]
    merged = merge([table for table in given if isinstance(table, Given)])
    unreadable = tuple(table for table in given if isinstance(table, Problem))
    return merged._replace(problems=unreadable + merged.problems)


def _given(registration: Registered) -> Given | Problem:
    """A plugin's table, or why it gives none that can be read."""
    try:
        path, found = isolated(lambda: _read_given(registration))[0]
    except Failed as failed:
        cause = failed.__cause__
        why = cause.what if isinstance(cause, HubkitError) else f"{failed}."
        return Problem(registration.plugin, f"{registration.target} gives no table of languages: {why}", False)
    return Given(registration.plugin, f"plugin {registration.plugin} ({path})", found)


def _read_given(registration: Registered) -> tuple[Path, list[Row]]:
    path = Path(registration.load()())
    found = read(path)
    tags = [row.language.tag for row in found]
    if odd := [tag for tag in tags if not _TAG.fullmatch(tag)]:
        raise HubkitError(f"{path}: {odd[0]!r} is no tag of a language.", "Tags are letters, digits and hyphens.")
    if len({tag.lower() for tag in tags}) < len(tags):
        raise HubkitError(f"{path} gives a tag twice.", "Remove one of the two rows.")
    return path, found


def merge(tables: Iterable[Given]) -> Merged:
    """hubkit's rows and those of these tables, without what clashes."""
    own = {row.language.tag.lower(): row for row in builtin_rows()}
    claims: dict[str, list[tuple[Given, Row]]] = {}
    for table in tables:
        for row in table.rows:
            claims.setdefault(row.language.tag.lower(), []).append((table, row))
    merged, clashing, told = dict(own), dict[str, str](), dict[str, list[str]]()
    for key, claimed in claims.items():
        if key not in own and len(claimed) == 1:
            merged[key] = claimed[0][1]
            continue
        owners = [*(["hubkit"] if key in own else []), *(table.who for table, _ in claimed)]
        sentence = f"The language {claimed[0][1].language.tag} is given twice: by {' and by '.join(owners)}."
        if key not in own:
            clashing[key] = sentence
        for table, _ in claimed:
            told.setdefault(table.plugin, []).append(sentence)
    problems = tuple(Problem(plugin, _several(sentences), True) for plugin, sentences in told.items())
    return Merged(tuple(sorted(merged.values(), key=lambda row: row.language.tag)), clashing, problems)


def _several(sentences: list[str]) -> str:
    more = f" So it is with {len(sentences) - SHOWN} more." if len(sentences) > SHOWN else ""
    return " ".join(sentences[:SHOWN]) + more


@lru_cache(maxsize=1)
def languages() -> tuple[Language, ...]:
    """All known languages, by tag."""
    return tuple(row.language for row in rows())
