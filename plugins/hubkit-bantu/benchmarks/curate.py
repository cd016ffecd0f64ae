"""Count again what hubkit's sources have in Bantu languages, and write ``hubkit_bantu/curated.tsv``.

python benchmarks/curate.py            # asks every source for every Bantu language; some minutes, 70 MB
python benchmarks/curate.py --check    # exit 1 when the table has other numbers than the sources have now
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click
from hubkit.corpora.cleaning import clean, sentences
from hubkit.corpora.gather import sources
from hubkit.corpora.source import Pair, SourceUnavailable
from hubkit.languages import family_of

from hubkit_bantu.curated import FEWEST_PAIRS, REST, copied, part_of

TABLE = Path(__file__).parents[1] / "hubkit_bantu" / "curated.tsv"
COLUMNS = ("tag", "source", "part", "pairs", "sentences", "copied")
ASKED = ("mediawiki", "libreoffice", "cldr", "django")
FEWEST = 20  # pairs of a language in a source


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when the table would change.")
def main(as_json: bool, check: bool) -> None:
    """Count, and write or compare the table."""
    found = ["\t".join(COLUMNS), *("\t".join(row) for row in rows())]
    text = "\n".join(found) + "\n"
    if as_json:
        click.echo(json.dumps([dict(zip(COLUMNS, line.split("\t"), strict=True)) for line in found[1:]], indent=1))
    if check:
        sys.exit(TABLE.read_text("utf-8") != text)
    TABLE.write_text(text, "utf-8")
    click.echo(f"{len(found) - 1} rows in {TABLE}", err=True)


def rows() -> Iterator[tuple[str, ...]]:
    """The cells of every row, by tag."""
    asked = sources(ASKED)
    for language in family_of("Bantu"):
        if "-" in language.tag:
            continue
        for source in asked:
            try:
                pairs, _ = clean(source.pairs(language), language)
            except SourceUnavailable as error:
                sys.exit(f"{source.name}: {error}")
            if len(pairs) >= FEWEST:
                yield from (cells(language.tag, source.name, name, part) for name, part in divided(source.name, pairs))


def divided(source: str, pairs: list[Pair]) -> list[tuple[str, list[Pair]]]:
    """The parts of a source by name; small ones are put together."""
    found: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        found[part_of(source, pair.key)].append(pair)
    large = {name: part for name, part in found.items() if len(part) >= FEWEST_PAIRS or len(found) == 1}
    rest = [pair for name, part in found.items() if name not in large for pair in part]
    return [*sorted(large.items()), *([(REST, rest)] if rest else [])]


def cells(tag: str, source: str, name: str, part: list[Pair]) -> tuple[str, ...]:
    """One row."""
    return tag, source, name, str(len(part)), str(len(sentences(part))), f"{copied(part):.3f}"


if __name__ == "__main__":
    main()
