"""``hubkit bantu``: what the package knows, on text and as tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import click
from hubkit.errors import NotFoundError
from hubkit.languages import find

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_INPUT = click.argument("file", type=click.File("r", encoding="utf-8"), default="-")


@click.group()
def bantu() -> None:
    """Noun classes, spelling, sources and training order of Bantu languages."""


@bantu.command()
@click.argument("tag")
@_INPUT
@click.option("--sign", default="·", show_default=True, help="What is set after a class prefix.")
@click.option(
    "--learn", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Text that shows which stems there are; then only prefixes of known stems are marked.",
)  # fmt: skip
def segment(tag: str, file: IO[str], sign: str, learn: Path | None) -> None:
    """Mark the class prefixes in the lines of FILE (default: standard input), text in the language TAG."""
    from hubkit_bantu.segmentation import Stems, mark

    language = _known(tag).tag
    stems = None
    if learn is not None:
        with learn.open(encoding="utf-8") as text:
            stems = Stems(text, language)
    for line in file:
        click.echo(mark(line, language, sign, stems), nl=False)


@bantu.command()
@click.argument("tag")
@_INPUT
def normalise(tag: str, file: IO[str]) -> None:
    """Write the lines of FILE (default: standard input), text in the language TAG, in its usual spelling."""
    from hubkit_bantu.orthography import normalise as normal

    language = find(tag).tag
    for line in file:
        click.echo(normal(line, language), nl=False)


@bantu.command()
@click.argument("tag")
@_JSON
def classes(tag: str, as_json: bool) -> None:
    """Show the noun classes of the language TAG, and the grammar that they are from."""
    from hubkit_bantu.noun_classes import classes as of_language
    from hubkit_bantu.noun_classes import reference

    found = of_language(_known(tag).tag)
    rows = [
        {"class": each.number, "prefixes": list(each.prefixes), "plural": each.plural, "reference": each.reference}
        for each in found
    ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    _print([("class", "plural", "prefixes")] + [
        (each.number, each.plural or "", " ".join(f"{prefix}-" for prefix in each.prefixes)) for each in found
    ])  # fmt: skip
    click.echo(f"\n{reference(found[0].reference)}")


@bantu.command()
@click.argument("tag")
@_JSON
def sources(tag: str, as_json: bool) -> None:
    """Show what hubkit's sources have in the language TAG, and which parts the source `bantu` leaves out."""
    from hubkit_bantu.curated import parts

    language = find(tag)
    found = parts(language.tag)
    if not found:
        raise NotFoundError(
            f"hubkit's sources have nothing in {language.name} ({language.tag}).",
            "Give your own text with --data FILE.",
        )
    if as_json:
        rows = [
            {"source": part.source, "part": part.name, "pairs": part.pairs, "sentences": part.sentences,
             "copied": part.copied, "kept": part.kept}
            for part in found
        ]  # fmt: skip
        click.echo(json.dumps(rows, indent=1))
        return
    cells = [(part.source, part.name, str(part.pairs), str(part.sentences), f"{part.copied:.1%}") for part in found]
    notes = ["" if part.kept else "left out" for part in found]
    _print(
        [
            ("source", "part", "pairs", "sentences", "English", ""),
            *((*row, note) for row, note in zip(cells, notes, strict=True)),
        ]
    )


@bantu.command()
@click.argument("tag")
@click.option("--among", multiple=True, metavar="TAG", help="Order only these; by default all that have text.")
@_JSON
def curriculum(tag: str, among: Sequence[str], as_json: bool) -> None:
    """Show in which order to train on the relatives of the language TAG: the nearest first."""
    from hubkit_bantu.curriculum import curriculum as order

    groups = order(tag, list(among) or None)
    if as_json:
        click.echo(json.dumps(groups, indent=1))
        return
    for number, group in enumerate(groups, start=1):
        click.echo(f"{number}  {', '.join(f'{find(each).name} ({each})' for each in group)}")


def _known(tag: str) -> Any:
    """The language, if its noun classes are in the table."""
    from hubkit_bantu.noun_classes import classes as of_language
    from hubkit_bantu.noun_classes import languages

    language = find(tag)
    if not of_language(language.tag):
        raise NotFoundError(
            f"The noun classes of {language.name} ({language.tag}) are not known here.",
            f"Known are those of {', '.join(languages())}.",
        )
    return language


def _print(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
