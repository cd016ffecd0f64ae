"""Reads the tables of this package: tab-separated, with a header, in UTF-8."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent
Row = dict[str, str]


@lru_cache(maxsize=8)
def rows(name: str) -> tuple[Row, ...]:
    """The rows of ``name.tsv`` by column."""
    with (FOLDER / f"{name}.tsv").open(encoding="utf-8", newline="") as lines:
        return tuple(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def base(tag: str) -> str:
    """The tag without script, region and private use: the tables are of languages, and a variety has its language's."""
    return tag.split("-")[0]
