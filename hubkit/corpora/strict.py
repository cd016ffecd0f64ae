"""Tables that must be right: the first bad line is an error that names file, line and fix.

Data with labels is small and costly, so nothing is left out silently as :mod:`hubkit.corpora.formats` does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubkit.corpora.formats import extension, opened
from hubkit.errors import NotFoundError, UsageError

MAX_CHARACTERS = 10_000  # of a cell; more is no sentence
FORMATS = (".tsv", ".jsonl")


@dataclass(frozen=True, slots=True)
class Column:
    """A column or field, the names it goes by, and whether each row must have it."""

    name: str
    names: tuple[str, ...]
    required: bool = True


Row = Mapping[str, str]


def strict_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of every line of a UTF-8 file, ``.gz`` too; the line may be empty.

    Raises :class:`NotFoundError` without the file, :class:`UsageError` for a line that is not UTF-8 or has NUL.
    """
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.", "Check the path.")
    try:
        with opened(path) as handle:
            for number, raw in enumerate(handle, start=1):
                yield number, _decoded(raw, path, number)
    except (OSError, EOFError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", "Fetch or write it again.") from error


def _decoded(raw: bytes, path: Path, number: int) -> str:
    try:
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise bad_line(path, number, "is not UTF-8", "Convert the file to UTF-8.") from error
    if "\0" in text:
        raise bad_line(path, number, "has a NUL character", "Remove it.")
    return text.rstrip("\r\n")


def bad_line(path: Path, number: int, what: str, fix: str) -> UsageError:
    """The error for a line."""
    return UsageError(f"Line {number} of {path} {what}.", fix)


def read_table(path: Path, columns: Sequence[Column], *layouts: tuple[str, ...]) -> Iterator[tuple[int, Row]]:
    """Line number and cells by column name of a ``.tsv`` or ``.jsonl`` file; empty lines are left out.

    A first line of a ``.tsv`` that names all required columns is a header, and cells may then be in double quotes with
    inner quotes doubled. Without a header the columns are those of the layout that has as many. Raises
    :class:`UsageError` that names the line.
    """
    if extension(path) not in FORMATS:
        raise UsageError(f"{path} is neither .tsv nor .jsonl.", f"Write a table: {_shown(layouts)}.")
    count = 0
    rows = _tsv(path, columns, layouts) if extension(path) == ".tsv" else _jsonl(path, columns, layouts)
    for number, row in rows:
        for column in columns:
            _check_cell(row.get(column.name, ""), column, path, number)
        count += 1
        yield number, {name: cell for name, cell in row.items() if cell}
    if not count:
        raise UsageError(f"{path} has no rows.", f"Write one a line: {_shown(layouts)}.")


def _shown(layouts: Sequence[tuple[str, ...]]) -> str:
    return " or ".join("<TAB>".join(layout) for layout in layouts)


def _check_cell(cell: str, column: Column, path: Path, number: int) -> None:
    if column.required and not cell:
        raise bad_line(path, number, f"has no {column.name}", "Complete or remove the line.")
    if len(cell) > MAX_CHARACTERS:
        what = f"has a {column.name} of {len(cell):,} characters, more than {MAX_CHARACTERS:,}"
        raise bad_line(path, number, what, "Cut it into sentences.")


def _tsv(path: Path, columns: Sequence[Column], layouts: Sequence[tuple[str, ...]]) -> Iterator[tuple[int, Row]]:
    required = {column.name for column in columns if column.required}
    names: Sequence[str | None] | None = None
    quoted = False
    for number, line in strict_lines(path):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if names is None:
            header = [_column(cell, columns) for cell in cells]
            if required <= set(header):
                _check_header(header, path)
                names, quoted = header, True
                continue
            names = next((layout for layout in layouts if len(layout) == len(cells)), layouts[0])
        if len(cells) != len(names):
            fix = "Lines have as many columns as the header." if quoted else f"A line is {_shown(layouts)}."
            raise bad_line(path, number, f"has {len(cells)} columns, not {len(names)}", fix)
        if quoted:
            cells = [_unquoted(cell) for cell in cells]
        yield number, {name: cell for name, cell in zip(names, cells, strict=True) if name is not None}


def _column(cell: str, columns: Sequence[Column]) -> str | None:
    """The column that a cell of the header names."""
    wanted = cell.strip('"').lower()
    return next((column.name for column in columns if wanted in column.names), None)


def _check_header(header: Sequence[str | None], path: Path) -> None:
    named = [name for name in header if name is not None]
    if twice := {name for name in named if named.count(name) > 1}:
        raise UsageError(f"{path} has two columns for {', '.join(sorted(twice))}.", "Rename one of them.")


def _unquoted(cell: str) -> str:
    """A quoted cell (RFC 4180) without its quotes; any other cell as it is, quotes at both its ends included."""
    inner = cell[1:-1]
    if len(cell) < 2 or cell[0] != '"' or cell[-1] != '"' or '"' in inner.replace('""', ""):
        return cell
    return inner.replace('""', '"').strip()


def _jsonl(path: Path, columns: Sequence[Column], layouts: Sequence[tuple[str, ...]]) -> Iterator[tuple[int, Row]]:
    fix = f"Write one object a line with {' or '.join(', '.join(layout) for layout in layouts)}."
    for number, line in strict_lines(path):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise bad_line(path, number, f"is not JSON: {error}", fix) from error
        if not isinstance(value, dict):
            raise bad_line(path, number, "is not an object", fix)
        yield number, _fields(value, columns, path, number)


def _fields(value: Mapping[str, object], columns: Sequence[Column], path: Path, number: int) -> Row:
    found = {}
    for field, cell in value.items():
        column = _column(str(field), columns)
        if column is None or cell is None:
            continue
        if isinstance(cell, bool) or not isinstance(cell, (str, int, float)):
            raise bad_line(path, number, f"has a {field} that is neither text nor a number", "Correct it.")
        if column in found:
            raise bad_line(path, number, f"has two fields for {column}", "Remove one of them.")
        found[column] = str(cell).strip()
    return found
