"""Read words with tags in CoNLL format: a word and its tag a line, an empty line between sentences.

Tjong Kim Sang & De Meulder 2003, "Introduction to the CoNLL-2003 Shared Task"; MasakhaNER (Adelani et al. 2022, arXiv
2210.12391) has two columns. Of more columns the first is the word and the last the tag.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hubkit.corpora.examples import Tagged
from hubkit.corpora.strict import bad_line, strict_lines
from hubkit.errors import UsageError

DOCUMENT = "-DOCSTART-"
_SPAN_TAG = re.compile(r"O|[BI]-\S+")
_BETWEEN = re.compile(r"[ \t]+")  # no other space: a word may be one


def read_conll(path: Path, spans: bool = True) -> list[Tagged]:
    """The sentences of a file. With ``spans`` a tag is ``O``, ``B-TYPE`` or ``I-TYPE`` (IOB2), else any word.

    Columns are separated by spaces or tabs, as many in every line. Raises :class:`UsageError` that names the line.
    """
    found: list[Tagged] = []
    words: list[str] = []
    tags: list[str] = []
    started, width = 0, 0
    for number, line in [*strict_lines(path), (0, "")]:
        cells = _BETWEEN.split(line.strip(" \t")) if line.strip() else []
        if cells and cells[0] != DOCUMENT:
            width = width or len(cells)
            _check(cells, width, spans, path, number)
            started = started or number
            words.append(cells[0])
            tags.append(cells[-1])
        elif words:
            found.append(Tagged(tuple(words), tuple(tags), f"{path.name}:{started}"))
            words, tags, started = [], [], 0
    if not found:
        raise UsageError(f"{path} has no sentences.", "Write a word and its tag a line: Kigali B-LOC.")
    return found


def _check(cells: Sequence[str], width: int, spans: bool, path: Path, number: int) -> None:
    if len(cells) < 2:
        raise bad_line(path, number, f"has the word {cells[0]!r} without a tag", "A line is word, space, tag.")
    if len(cells) != width:
        what = f"has {len(cells)} columns, the lines before have {width}"
        raise bad_line(path, number, what, "A word has no spaces; every line has as many columns.")
    if spans and not _SPAN_TAG.fullmatch(cells[-1]):
        raise bad_line(path, number, f"has the tag {cells[-1]!r}", "A tag is O, B-TYPE or I-TYPE (IOB2).")
