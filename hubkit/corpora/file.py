"""A user's own text: parallel files in the usual formats, pairs of aligned files, folders, and plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.corpora.file_report import FileReport, listed
from hubkit.corpora.formats import ENGLISH, MAX_CHARACTERS, READERS, Row, extension, lines, names
from hubkit.corpora.source import Domain, Pair
from hubkit.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from hubkit.languages import Language

NAME = "file"
SHARED_IDS = 0.5  # of the lines of a keyed file whose identifier the English file has, at least
_EXPECTED = (
    "Expected are two columns text<tab>English (.tsv), objects with `text` and `english` (.jsonl), .po, .mo or .tmx, "
    "or two aligned files of which one is English: --data kab.tsv --data eng.tsv (mark it as FILE:en if its name "
    "does not say so)."
)


class File:
    """A user's files as a source; ``report`` says what was read the last time."""

    name = NAME
    origin = "your own files"

    def __init__(self, paths: Sequence[Path | str], license: str = "unspecified", domain: Domain = "prose") -> None:
        self.paths = list(paths)
        self.license = license
        self.domain = domain
        self.report = FileReport()

    def pairs(self, language: Language) -> list[Pair]:
        """All pairs of the files; raises as :func:`read_parallel` does."""
        found, self.report = read_parallel(self.paths, language, self.license)
        return found


def read_parallel(
    paths: Sequence[Path | str], language: Language, license: str = "unspecified"
) -> tuple[list[Pair], FileReport]:
    """The pairs of parallel files, of aligned file pairs, and of folders of such files.

    ``FILE:en`` marks the English one of two aligned files whose name does not say so (eng, en, english).
    Raises :class:`NotFoundError` for a missing file and :class:`UsageError` for one without a usable line.
    """
    report = FileReport()
    ours, english = _sorted_out(paths, language)
    found: list[Pair] = []
    for path in ours:
        report.files.append(path.name)
        before = len(found)
        for key, text, translation in _usable(path, _rows(path, english, language, report), report):
            found.append(Pair(text, translation, NAME, f"{path.name}:{key}", license))
        if len(found) == before:
            raise UsageError(f"{path} has no usable line for {language.name}. {_seen(path, report)}", _EXPECTED)
    report.kept = len(found)
    return found, report


def read_monolingual(paths: Sequence[Path | str], language: Language) -> tuple[list[str], FileReport]:
    """The lines of plain text files; raises as :func:`read_parallel` does."""
    report = FileReport()
    found: list[str] = []
    for path in _sorted_out(paths, language)[0]:
        report.files.append(path.name)
        before = len(found)
        found.extend(line.strip() for _, line in lines(path, report))
        if len(found) == before:
            raise UsageError(
                f"{path} has no usable line. {_seen(path, report)}", "Expected is UTF-8, a sentence a line."
            )
    report.kept = len(found)
    return found, report


def _sorted_out(paths: Sequence[Path | str], language: Language) -> tuple[list[Path], list[Path]]:
    """The files of the language and the English files beside them."""
    ours: list[Path] = []
    english: list[Path] = []
    for given in paths:
        path, marked = _marked(given)
        if path.is_dir():
            inside = _in_folder(path, language)
            ours += inside[0]
            english += inside[1]
        elif not path.is_file():
            raise NotFoundError(f"There is no file {path}.", "Check the path given with --data.")
        else:
            (english if marked or _is_english(path, language) else ours).append(path)
    if not ours and len(english) > 1:
        raise UsageError(f"Only English files were given: {listed(map(str, english))}.", _EXPECTED)
    return (ours, english) if ours else (english, [])


def _marked(given: Path | str) -> tuple[Path, bool]:
    path, name = Path(given), str(given)
    if name.endswith(":en") and not path.exists():
        return Path(name.removesuffix(":en")), True
    return path, False


def _is_english(path: Path, language: Language) -> bool:
    """Whether ``path`` is the English one of two aligned files, by its name."""
    alone = extension(path) in (".tsv", ".txt", ".en", ".eng")
    return alone and _named(path, ENGLISH) and not _named(path, names(language))


def _named(path: Path, wanted: Iterable[str]) -> bool:
    """Whether the file name is, begins or ends with one of ``wanted``: ``eng.tsv.gz``, ``corpus.en``, ``eng-2.txt``."""
    stem = path.name.lower().removesuffix(".gz")
    if extension(path) in (*READERS, ".txt"):
        stem = stem.rpartition(".")[0]
    return any(re.fullmatch(rf"(.*[._-])?{re.escape(name)}|{re.escape(name)}[._-].*", stem) for name in wanted)


def _in_folder(folder: Path, language: Language) -> tuple[list[Path], list[Path]]:
    inside = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    wanted = names(language)
    english = [path for path in inside if _is_english(path, language)]
    ours = [path for path in inside if path not in english and _named(path, wanted)]
    if not ours:
        raise NotFoundError(
            f"The folder {folder} has no file for {language.name}; it has {listed(path.name for path in inside)}.",
            f"Name it {language.tag}.tsv or {language.iso639_3}.tsv (.jsonl, .po, .mo, .tmx), or give the file itself.",
        )
    return ours, english


def _rows(
    path: Path, english: list[Path], language: Language, report: FileReport
) -> Iterator[tuple[str, int, str, str]]:
    """``(key, line, text, English)`` of a file, aligned with an English one where it is not parallel itself."""
    kind = extension(path)
    if kind == ".tsv" and (partner := _keyed_partner(path, english)) is not None:
        yield from _by_identifier(path, partner, report)
    elif kind == ".tsv" and _looks_keyed(path):
        raise UsageError(
            f"{path} has an identifier and one text a line, and no English file has its identifiers.", _EXPECTED
        )
    elif kind in READERS:
        for row in READERS[kind](path, language, report):
            yield str(row.line), row.line, row.text, row.english
    elif kind == ".txt" or kind.removeprefix(".") in names(language):
        for row in _by_line(path, english, report):
            yield str(row.line), row.line, row.text, row.english
    else:
        raise UsageError(f"{path} is of no format that hubkit reads.", _EXPECTED)


def _usable(
    path: Path, rows: Iterator[tuple[str, int, str, str]], report: FileReport
) -> Iterator[tuple[str, str, str]]:
    for key, line, text, english in rows:
        text, english = text.strip(), english.strip()
        if not text or not english:
            report.note("with an empty side", path, line)
        elif max(len(text), len(english)) > MAX_CHARACTERS:
            report.note("too long", path, line)
        elif "\0" in text or "\0" in english:
            report.note("with NUL", path, line)
        elif text == english:
            report.note("with identical sides", path, line)
        else:
            yield key, text, english


def _keyed(path: Path, report: FileReport) -> Iterator[tuple[str, int, str]]:
    """``(identifier, line, text)`` of a file of ``identifier<tab>text``."""
    for number, line in lines(path, report):
        identifier, tab, text = line.partition("\t")
        if not tab:
            report.note("without 2 columns", path, number)
        else:
            yield identifier.strip(), number, text


def _keyed_partner(path: Path, english: list[Path]) -> dict[str, str] | None:
    """The English texts by identifier, of the file that shares most identifiers with ``path``."""
    ours = {identifier for identifier, _, _ in _keyed(path, FileReport())}
    best: dict[str, str] | None = None
    most = SHARED_IDS * len(ours)
    for candidate in english:
        if extension(candidate) == ".tsv":
            texts = {identifier: text for identifier, _, text in _keyed(candidate, FileReport())}
            if (shared := len(ours & texts.keys())) > most:
                best, most = texts, shared
    return best


def _looks_keyed(path: Path) -> bool:
    """Whether the first column of the first lines holds distinct identifiers such as ``MAT.1.1``, not sentences."""
    first = [identifier for identifier, _, _ in islice(_keyed(path, FileReport()), 50)]
    numbered = sum(" " not in identifier and any(map(str.isdigit, identifier)) for identifier in first)
    return len(first) > 1 and numbered >= 0.9 * len(first) and len(set(first)) == len(first)


def _by_identifier(path: Path, english: dict[str, str], report: FileReport) -> Iterator[tuple[str, int, str, str]]:
    seen: set[str] = set()
    for identifier, number, text in _keyed(path, report):
        if identifier in seen:
            report.note("with a repeated identifier", path, number)
        elif identifier not in english:
            report.note("without an English line", path, number)
        else:
            yield identifier, number, text, english[identifier]
        seen.add(identifier)


def _by_line(path: Path, english: list[Path], report: FileReport) -> Iterator[Row]:
    """Two plain files aligned by line number."""
    partners = [other for other in english if extension(other) in {".txt", ".en", ".eng"}]
    if len(partners) != 1:
        raise UsageError(
            f"{path} is plain text in one language, and {len(partners)} English files came with it.", _EXPECTED
        )
    ours, theirs = _count(path), _count(partners[0])
    if ours != theirs:
        raise UsageError(
            f"{path} has {ours} lines and {partners[0]} has {theirs}: they are not aligned.",
            "Give two files whose lines translate each other, or files of identifier<tab>text (.tsv).",
        )
    translations = dict(lines(partners[0], FileReport()))
    for number, text in lines(path, report):
        yield Row(number, text, translations.get(number, ""))


def _count(path: Path) -> int:
    """How many lines a plain file has, empty and broken ones included."""
    report = FileReport()
    for _ in lines(path, report):
        pass
    return report.lines


def _seen(path: Path, report: FileReport) -> str:
    """What an unusable file looks like: its problems and its first line."""
    if path.read_bytes()[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "It is in UTF-16; save it as UTF-8."
    first = next((line for _, line in lines(path, FileReport())), "") if extension(path) != ".mo" else ""
    problems = ", ".join(f"{each.lines} {kind}" for kind, each in report.problems.items()) or "no line at all"
    return f"Found: {problems}; its first usable line is {first[:60]!r}."
