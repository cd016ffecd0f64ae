"""``hubkit languages``: the languages hubkit knows, and what it knows about one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hubkit.languages import Language

NEAREST = 10


@click.group(invoke_without_command=True)
@click.option("--family", metavar="NAME", help="Only languages of this family or branch, such as Bantu or Turkic.")
@click.option("--script", metavar="CODE", help="Only languages in this script (ISO 15924), such as Latn or Arab.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def languages(context: click.Context, family: str | None, script: str | None, as_json: bool) -> None:
    """List the known languages; `languages show TAG` tells all about one."""
    if context.invoked_subcommand is not None:
        return
    from hubkit import languages as known

    chosen = known.languages() if family is None else known.family_of(family)
    if script is not None:
        chosen = tuple(language for language in chosen if language.script.lower() == script.lower())
    if as_json:
        click.echo(json.dumps([asdict(language) for language in chosen], ensure_ascii=False, indent=1))
    else:
        _print_list(chosen)


@languages.command()
@click.argument("tag")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(tag: str, as_json: bool) -> None:
    """Show one language by TAG, ISO 639 code or name: its codes, its family, its nearest relatives."""
    from hubkit import languages as known

    language = known.find(tag)
    nearest = known.relatives(language, limit=NEAREST)
    if as_json:
        near = [{"tag": other.tag, "name": other.name, "relatedness": round(value, 4)} for other, value in nearest]
        click.echo(json.dumps(asdict(language) | {"relatives": near}, ensure_ascii=False, indent=1))
    else:
        _print_language(language, nearest)


def _print_list(chosen: Sequence[Language]) -> None:
    rows = [(language.tag, language.name, language.script, _branch(language)) for language in chosen]
    _print_columns([("tag", "name", "script", "family"), *rows])
    click.echo(f"\n{len(chosen)} languages")


def _branch(language: Language) -> str:
    """The family and the smallest group in it: ``Atlantic-Congo / West Highlands Kivu``."""
    return " / ".join(dict.fromkeys((*language.family[:1], *language.family[-1:])))


def _print_language(language: Language, nearest: Sequence[tuple[Language, float]]) -> None:
    from hubkit.languages.codes import script_names

    attributes = (
        ("tag", language.tag),
        ("name", language.name),
        ("native name", language.native_name),
        ("ISO 639-3", language.iso639_3),
        ("macrolanguage", language.macrolanguage),
        ("Glottocode", language.glottocode),
        ("script", f"{language.script} ({script_names().get(language.script, 'unknown')})"),
        ("family", " > ".join(language.family) or "none known"),
    )
    _print_columns([(label, value or "-") for label, value in attributes])
    if nearest:
        click.echo("\nnearest relatives (1 = the same language, 0 = of another family)")
        _print_columns([(f"{value:.2f}", other.tag, other.name) for other, value in nearest])


def _print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Left-aligned columns as plain text: rich takes seconds to lay out all languages, and a pipe wants no frames."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
