"""Read sentences with a class or a score: TSV in the layout of SIB-200 or a user's own, JSON lines, plain text.

SIB-200 (Adelani et al. 2024, arXiv 2309.07445) has the header ``index_id category text`` and quotes cells as CSV does.
"""

from __future__ import annotations

import math
from pathlib import Path

from hubkit.corpora.examples import Labelled, Scored, Text
from hubkit.corpora.strict import Column, Row, bad_line, read_table, strict_lines
from hubkit.errors import UsageError

_TEXT = Column("text", ("text", "sentence", "text1", "sentence1", "premise"))
_OTHER = ("other", "text2", "sentence2", "hypothesis")
_KEY = Column("key", ("key", "id", "index_id", "index"), required=False)
_LABEL = Column("label", ("label", "category", "class", "intent", "topic"))
_SCORE = Column("score", ("score", "similarity", "rating", "value"))


def read_labelled(path: Path) -> list[Labelled]:
    """Sentences with a class: ``text<TAB>label``, or ``text<TAB>other<TAB>label`` for pairs of sentences.

    A header may name the columns: ``text``, ``label`` or ``category``, ``other``, and ``key``, ``id`` or ``index_id``
    (the same in every language for the same sentence). ``.jsonl`` has the same names as fields. Raises
    :class:`UsageError` that names the line, as :func:`hubkit.corpora.strict.read_table` does.
    """
    columns = (_TEXT, _LABEL, Column("other", _OTHER, required=False), _KEY)
    keys = _Keys(path)
    return [
        Labelled(row["text"], row["label"], keys(number, row), row.get("other"))
        for number, row in read_table(path, columns, ("text", "label"), ("text", "other", "label"))
    ]


def read_scored(path: Path) -> list[Scored]:
    """Sentences with a number: ``text<TAB>score``, or ``text<TAB>other<TAB>score`` for pairs of sentences.

    Headers, ``.jsonl`` and errors are those of :func:`read_labelled`; the column may also be called ``similarity``.
    """
    columns = (_TEXT, _SCORE, Column("other", _OTHER, required=False), _KEY)
    return _scored(path, columns, ("text", "score"), ("text", "other", "score"))


def read_scored_pairs(path: Path) -> list[Scored]:
    """Pairs with a number: ``text<TAB>other<TAB>score``; as :func:`read_scored`, and every row has both sentences."""
    return _scored(path, (_TEXT, Column("other", _OTHER), _SCORE, _KEY), ("text", "other", "score"))


def read_text(path: Path) -> list[Text]:
    """Sentences, one a line; empty lines are left out. Raises :class:`UsageError` when there is none."""
    found = [Text(line.strip(), f"{path.name}:{number}") for number, line in strict_lines(path) if line.strip()]
    if not found:
        raise UsageError(f"{path} has no sentences.", "Write one a line, in UTF-8.")
    return found


def _scored(path: Path, columns: tuple[Column, ...], *layouts: tuple[str, ...]) -> list[Scored]:
    keys = _Keys(path)
    return [
        Scored(row["text"], _number(row["score"], path, number), keys(number, row), row.get("other"))
        for number, row in read_table(path, columns, *layouts)
    ]


def _number(cell: str, path: Path, line: int) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise bad_line(path, line, f"has the score {cell!r}, which is no number", "Write it as 3.5.")
    return value


class _Keys:
    """The key of each row: its own, else where it stands. No two rows of a file have the same."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[str, int] = {}

    def __call__(self, number: int, row: Row) -> str:
        key = row.get("key") or f"{self._path.name}:{number}"
        if (before := self._lines.setdefault(key, number)) != number:
            raise bad_line(self._path, number, f"has the key {key!r}, as line {before} does", "Give each row its own.")
        return key
