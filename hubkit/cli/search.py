"""``hubkit search``: find published adapters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from hubkit.registry.search import Finder, Hit, Query, Searcher

KINDS = ("language", "family", "task", "fusion", "finding")


@click.command()
@click.argument("words", nargs=-1, metavar="[WORDS]...")
@click.option("-l", "--language", metavar="TAG", help="Only adapters for this language: tag, code or name.")
@click.option("--family", metavar="NAME", help="Only adapters for languages of this family or branch, such as Bantu.")
@click.option("--kind", type=click.Choice(KINDS), help="Only adapters of this kind, or findings.")
@click.option("--method", metavar="NAME", help="Only adapters of this method, such as seq_bn.")
@click.option("--core", metavar="NAME|SHA256", help="Only adapters for this core, by its id or fingerprint.")
@click.option(
    "--min-gain", type=click.FloatRange(-1, 1), metavar="NUMBER", help="Only with at least this gain over the core."
)
@click.option("--license", "licence", metavar="SPDX", help="Only under this licence, such as Apache-2.0.")
@click.option("--hub", is_flag=True, help="Look on the Hub too; what no index has is not verified.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--quiet", is_flag=True, help="Print no warnings.")
def search(
    words: tuple[str, ...], language: str | None, family: str | None, kind: str | None, method: str | None,
    core: str | None, min_gain: float | None, licence: str | None, hub: bool, limit: int,
    as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Find published adapters by WORDS (names, languages, families, data) in all indexes, the best first."""
    from hubkit.languages import find
    from hubkit.registry.index import open_indexes
    from hubkit.registry.search import Query, Searcher

    text = " ".join(words)
    if "\0" in text or len(text) > 1000:
        raise UsageError("These are no words to search for.", "Give up to 1,000 characters.")
    query = Query(
        text=text, language=find(language).tag if language else None, family=family, kind=kind, method=method,
        core=core, min_gain=min_gain, license=licence, limit=limit,
    )  # fmt: skip
    with Searcher(open_indexes()) as searcher:
        hits = searcher.search(query, [_on_hub(searcher)] if hub else ())
    if not quiet:
        for warning in searcher.warnings:
            click.echo(f"Warning: {warning}", err=True)
    _print(hits, as_json)
    if not hits and not quiet and not as_json:
        click.echo(_nothing(query.text, language), err=True)


def _on_hub(searcher: Searcher) -> Finder:
    """The Hub as a further place; when it cannot be asked, that is a warning and the indexes answer alone."""
    from hubkit.errors import HubkitError
    from hubkit.registry.discover import find_on_hub

    def find(query: Query) -> list[Hit]:
        try:
            return find_on_hub(query)
        except HubkitError as error:
            searcher.warnings.append(f"The Hub was not searched: {error}")
            return []

    return find


def _print(hits: list[Hit], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_as_dict(hit) for hit in hits], ensure_ascii=False, indent=1))
        return
    if not hits:
        return
    from hubkit.registry.search import evidence_words

    head = ("name", "version", "languages", "gain", "method", "core", "licence", "size", "index")
    rows = [
        (
            hit.name, hit.version, _languages(hit), hit.conclusion if hit.kind == "finding" else evidence_words(hit),
            hit.method, hit.core, hit.license, _size(hit.size), hit.origin,
        )
        for hit in hits
    ]  # fmt: skip
    table = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _as_dict(hit: Hit) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(hit)


def _languages(hit: Hit) -> str:
    shown = ", ".join(hit.languages[:3])
    return f"{shown} +{len(hit.languages) - 3}" if len(hit.languages) > 3 else shown


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def _nothing(text: str, language: str | None) -> str:
    """What to do when nothing was found: the words may be a language that nobody has published an adapter for."""
    from hubkit.errors import HubkitError
    from hubkit.languages import find

    try:
        found = find(language or text)
    except HubkitError:
        return "Nothing was found. Use fewer words or fewer conditions."
    return f"Nothing was found. `hubkit add-language {found.tag}` trains an adapter for {found.name}."
