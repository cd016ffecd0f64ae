"""Read the formats that parallel text comes in; a bad line is noted in the report and the rest is kept."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import polib

from hubkit.corpora.catalogues import messages
from hubkit.corpora.file_report import FileReport
from hubkit.corpora.tmx import units
from hubkit.errors import UsageError

if TYPE_CHECKING:
    from hubkit.languages import Language

MAX_CHARACTERS = 10_000  # of a line; more is no sentence
_MAX_BYTES = 4 * MAX_CHARACTERS + 4
ENGLISH = ("english", "en", "eng")
_BOM = b"\xef\xbb\xbf"
_CUT_OFF = (EOFError, gzip.BadGzipFile, zlib.error)


@dataclass(frozen=True, slots=True)
class Row:
    """One text with its English, and where it stands: a line number from 1, or an identifier."""

    line: int
    text: str
    english: str


Reader = Callable[[Path, "Language", FileReport], Iterator[Row]]


def extension(path: Path) -> str:
    """``.tsv`` of ``kab.tsv.gz``."""
    name = path.name.removesuffix(".gz")
    return Path(name).suffix.lower()


def names(language: Language) -> tuple[str, ...]:
    """What columns, fields and files of ``language`` may be called: its tag and ISO 639-3 codes, in lower case."""
    codes = (language.tag, language.iso639_3, language.macrolanguage, language.name)
    return tuple(code.lower() for code in codes if code)


def opened(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked when it ends in .gz."""
    return cast("IO[bytes]", gzip.open(path) if path.suffix == ".gz" else path.open("rb"))


def lines(path: Path, report: FileReport) -> Iterator[tuple[int, str]]:
    """Yield number and text of the usable lines; empty, broken and huge ones are noted."""
    with opened(path) as handle:
        try:
            for number, raw in enumerate(_raw_lines(handle), start=1):
                report.lines += 1
                text = _decoded(raw, number, path, report)
                if text is not None:
                    yield number, text
        except _CUT_OFF as error:
            raise _damaged(path, error) from error


def _content(path: Path) -> bytes:
    try:
        with opened(path) as handle:
            return handle.read()
    except _CUT_OFF as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UsageError:
    return UsageError(f"{path} is no whole gzip file: {error}.", "Fetch or write it again.")


def _raw_lines(handle: IO[bytes]) -> Iterator[bytes]:
    """Lines without their ends; of an overlong line the beginning, so that no line fills the memory."""
    while line := handle.readline(_MAX_BYTES):
        rest = line
        while not rest.endswith(b"\n") and (rest := handle.readline(_MAX_BYTES)):
            line = line[:_MAX_BYTES] + b" ..."
        yield line.removesuffix(b"\n")


def _decoded(raw: bytes, number: int, path: Path, report: FileReport) -> str | None:
    """The text of a line, without byte order mark and carriage return; ``None``, and noted, when it is unusable."""
    if number == 1 and raw.startswith(_BOM):
        raw = raw.removeprefix(_BOM)
        report.note("with a byte order mark (removed)", path, number)
    if raw.endswith(b"\r"):
        raw = raw.rstrip(b"\r")
        report.note("with a carriage return (removed)", path, number)
    text = raw.decode("utf-8", errors="replace")
    kind = _fault(text, len(raw)) or (None if _is_utf8(raw) else "not UTF-8")
    if kind is None:
        return text
    report.note(kind, path, number)
    return None


def _fault(text: str, size: int) -> str | None:
    if not text.strip():
        return "empty"
    if "\0" in text:
        return "with NUL"
    return "too long" if len(text) > MAX_CHARACTERS or size > _MAX_BYTES else None


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def read_tsv(path: Path, language: Language, report: FileReport) -> Iterator[Row]:
    """Two columns, text and English, unless a header row names them (in any order, among others)."""
    columns, first = (0, 1), True
    for number, line in lines(path, report):
        cells = [cell.strip() for cell in line.split("\t")]
        if first:
            first, header = False, _header(cells, language)
            if header is not None:
                columns = header
                report.lines -= 1
                width = len(cells)
                continue
            width = 2
        if len(cells) != width:
            report.note(f"without {width} columns", path, number)
            continue
        yield Row(number, cells[columns[0]], cells[columns[1]])


def _header(cells: list[str], language: Language) -> tuple[int, int] | None:
    """Positions of text and English when ``cells`` name them."""
    found = [cell.lower() for cell in cells]
    ours = [place for place, cell in enumerate(found) if cell in ("text", "sentence", *names(language))]
    english = [place for place, cell in enumerate(found) if cell in ENGLISH]
    return (ours[0], english[0]) if len(ours) == 1 and len(english) == 1 else None


def read_jsonl(path: Path, language: Language, report: FileReport) -> Iterator[Row]:
    """One object a line: ``text`` (or the language's code) and ``english`` (or ``en``), or those in ``translation``."""
    for number, line in lines(path, report):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            report.note("not JSON", path, number)
            continue
        fields = _fields(value)
        text = _first(fields, ("text", "sentence", "non_english", *names(language)))
        english = _first(fields, ENGLISH)
        if text is None or english is None:
            report.note("without the two fields", path, number)
            continue
        yield Row(number, text, english)


def _fields(value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and isinstance(value.get("translation"), dict):
        value = value["translation"]
    return {str(key).lower(): part for key, part in value.items()} if isinstance(value, dict) else {}


def _first(fields: dict[str, Any], wanted: tuple[str, ...]) -> str | None:
    return next((fields[name] for name in wanted if isinstance(fields.get(name), str)), None)


def read_po(path: Path, language: Language, report: FileReport) -> Iterator[Row]:
    """Translated, not fuzzy messages of a gettext catalogue; of plurals the last form."""
    content = _content(path).decode("utf-8-sig", errors="replace").replace("\0", "\ufffd")
    try:
        catalogue = polib.pofile(content + "\n")
    except (OSError, ValueError, IndexError) as error:
        raise UsageError(f"{path} is no gettext catalogue: {error}.", "Check it with `msgfmt -c`.") from error
    for entry in catalogue:
        report.lines += 1
        line = entry.linenum or 0
        forms = list(entry.msgstr_plural.values())
        text, english = (forms[-1], entry.msgid_plural) if forms else (entry.msgstr, entry.msgid)
        if entry.obsolete or entry.fuzzy or not text:
            report.note("not translated", path, line)
        elif "\ufffd" in text + english:
            report.note("not UTF-8", path, line)
        else:
            yield Row(line, text, english)


def read_mo(path: Path, language: Language, report: FileReport) -> Iterator[Row]:
    """Every message of a compiled gettext catalogue."""
    try:
        for number, (_, english, text) in enumerate(messages(_content(path)), start=1):
            report.lines += 1
            yield Row(number, text, english)
    except ValueError as error:
        raise UsageError(f"{path} is damaged: {error}.", "Compile it again with `msgfmt`.") from error


def read_tmx(path: Path, language: Language, report: FileReport) -> Iterator[Row]:
    """Translation units that have the language and English."""
    with opened(path) as handle:
        for number, unit in units(handle, path):
            report.lines += 1
            text = next((unit[code] for name in names(language) for code in unit if _speaks(code, name)), None)
            english = next((segment for code, segment in unit.items() if _speaks(code, "en", "eng")), None)
            if text is None or english is None:
                report.note("without both languages", path, number)
            else:
                yield Row(number, text, english)


def _speaks(code: str, *wanted: str) -> bool:
    """Whether ``xml:lang`` ``code`` is one of ``wanted`` or a regional form of it."""
    plain = code.lower().replace("_", "-")
    return plain in wanted or plain.partition("-")[0] in wanted


READERS: dict[str, Reader] = {
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".po": read_po,
    ".mo": read_mo,
    ".tmx": read_tmx,
}
