"""How much of a language's text the prefixes and the spelling rules touch.

    python benchmarks/coverage.py rw lg sw zu

For each language: words of the text that hubkit's sources have; the share that is cut at a class prefix by rule, and
where the text itself shows the stem; how many stems it shows; texts, and the share that the normal spelling changes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence

import click
from hubkit.corpora.gather import gather, sources
from hubkit.errors import NotFoundError
from hubkit.languages import find

from hubkit_bantu.noun_classes import languages
from hubkit_bantu.orthography import normalise
from hubkit_bantu.segmentation import Stems, split

ASKED = ("mediawiki", "libreoffice", "cldr", "django")
LEAST, ENOUGH_WORDS = 0.05, 3000  # share of words cut by known stems, in a text of so many, with --check
COLUMNS = ("tag", "words", "cut", "cut by stems", "stems", "texts", "respelt")
_WORD = re.compile(r"[^\W\d_]+")


@click.command()
@click.argument("tags", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--check", is_flag=True, help="Exit 1 when stems cut fewer than 1 word in 20 of a large text.")
def main(tags: Sequence[str], as_json: bool, check: bool) -> None:
    """Count for TAGS, by default for every language whose noun classes are known and that has text."""
    rows = [row for tag in tags or languages() if (row := counted(tag)) is not None]
    if as_json:
        click.echo(json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows], indent=1))
    else:
        for cells in (COLUMNS, *rows):
            shown = (f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells)
            click.echo("".join(cell.ljust(14) for cell in shown))
    if check and any(row[3] < LEAST for row in rows if row[1] >= ENOUGH_WORDS):
        sys.exit(1)


def counted(tag: str) -> tuple[str, int, float, float, int, int, float] | None:
    """The cells of a row; ``None`` for a language without text."""
    language = find(tag)
    try:
        texts = [pair.text for pair in gather(language, sources(ASKED)).all()]
    except NotFoundError:
        return None
    stems = Stems(texts, language.tag)
    words = [word for text in texts for word in _WORD.findall(text)]
    cut = sum(split(word, language.tag) is not None for word in words) / len(words)
    by_stems = sum(stems.split(word) is not None for word in words) / len(words)
    respelt = sum(normalise(text, language.tag) != text for text in texts) / len(texts)
    return language.tag, len(words), cut, by_stems, len(stems), len(texts), respelt


if __name__ == "__main__":
    main()
