"""A suite of the user's own: a file of pairs, or a folder in the layout of LASER's Tatoeba test set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.errors import NotFoundError, UsageError
from hubkit.evaluation.suite import ParallelSuite

if TYPE_CHECKING:
    from hubkit.languages import Language

LAYOUT = "NAME.XXX-eng.{XXX,eng}, XXX an ISO 639-3 code"


class FolderSuite:
    """Held-out pairs under ``path``.

    A folder holds line-aligned ``tatoeba.kin-eng.kin`` and ``tatoeba.kin-eng.eng`` (Artetxe & Schwenk 2019); a file
    is ``.tsv`` (text, tab, English) or ``.jsonl`` (``{"text": …, "english": …}``) in the language that is evaluated.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise NotFoundError(f"The suite {self.path} does not exist.", "Check the path given with --suite.")
        self.name = self.path.stem if self.path.is_file() else self.path.name

    def load(self, language: Language) -> ParallelSuite | None:
        """The pairs in ``language``; ``None`` if a folder has no files of it. :class:`UsageError` names a bad line."""
        rows = self._file_rows() if self.path.is_file() else self._folder_rows(language)
        if rows is None:
            return None
        if not rows:
            raise UsageError(f"The suite {self.path} has no pairs.", "Give one pair a line: text, tab, English.")
        texts, english = zip(*rows, strict=True)
        keys = tuple(f"{language.tag}:{number}" for number in range(1, len(rows) + 1))
        origin = f"{'file' if self.path.is_file() else 'folder'} {self.path.name}"
        return ParallelSuite(self.name, origin, "as stated by its owner", "user", language.tag, texts, english, keys)

    def _folder_rows(self, language: Language) -> list[tuple[str, str]] | None:
        for code in dict.fromkeys((language.iso639_3, language.macrolanguage, language.tag)):
            found = sorted(self.path.glob(f"*.{code}-eng.{code}")) if code else []
            if found:
                return _line_aligned(found[0], found[0].with_suffix(".eng"))
        return None

    def _file_rows(self) -> list[tuple[str, str]]:
        readers = {".tsv": _tsv, ".txt": _tsv, ".jsonl": _jsonl}
        if self.path.suffix not in readers:
            raise UsageError(
                f"The suite {self.path} is neither .tsv nor .jsonl nor a folder.",
                f"Give a TSV (text, tab, English), a JSONL file, or a folder with {LAYOUT}.",
            )
        return list(readers[self.path.suffix](self.path))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8-sig").rstrip("\n").split("\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: {error}.", "Convert it to UTF-8.") from error


def _line_aligned(texts: Path, english: Path) -> list[tuple[str, str]]:
    if not english.is_file():
        raise NotFoundError(f"{texts} has no English side {english.name}.", f"The layout is {LAYOUT}.")
    left, right = _lines(texts), _lines(english)
    if len(left) != len(right):
        raise UsageError(
            f"{texts} has {len(left)} lines and {english.name} has {len(right)}.", "Line i must mean the same in both."
        )
    rows = [(text.strip(), original.strip()) for text, original in zip(left, right, strict=True)]
    if empty := [number for number, row in enumerate(rows, start=1) if not all(row)]:
        raise UsageError(f"Line {empty[0]} of {texts} or {english.name} is empty.", "Remove the line from both files.")
    return rows


def _tsv(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        fields = line.split("\t")
        if len(fields) != 2 or not all(field.strip() for field in fields):
            raise UsageError(
                f"Line {number} of {path} is not 'text<TAB>English': it has {len(fields)} fields.", "Correct the line."
            )
        yield fields[0].strip(), fields[1].strip()


def _jsonl(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text, english = row["text"].strip(), row["english"].strip()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f'Line {number} of {path} is not {{"text": …, "english": …}}: {error!r}.', "Correct the line."
            ) from error
        yield text, english
