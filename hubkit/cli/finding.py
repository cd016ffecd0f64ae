"""A finding, a published result without an adapter, as `hubkit info` shows it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import click

from hubkit.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from hubkit.registry.record import Record


def show_finding(reference: str, as_json: bool) -> None:
    """Print the newest version of ``finding-sw``, or the one of ``finding-sw@1.0.0``."""
    record = _find(reference)
    if as_json:
        click.echo(json.dumps(json.loads(record.line()), ensure_ascii=False, indent=2))
    else:
        _print(record)


def _find(reference: str) -> Record:
    from hubkit.registry.index import open_indexes
    from hubkit.registry.names import is_record_name

    found = re.fullmatch(r"([A-Za-z0-9-]+)(?:@|==)?([0-9][^=@]*)?", reference.strip())
    if found is None or not is_record_name(found[1]):
        raise UsageError(f"{reference!r} is not the name of a finding.", "Names look like finding-sw.")
    versions = [each for each in open_indexes().versions(found[1]) if found[2] in (None, each.version)]
    kept = [each for each in versions if not each.yanked] or versions
    if not kept:
        raise NotFoundError(f"No index has {reference}.", "Look with `hubkit search --kind finding`.")
    return max(kept, key=lambda record: record.parsed_version)


def _print(record: Record) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    facts = Table(title=f"{record.name} {record.version}", show_header=False)
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    rows = {
        "conclusion": record.conclusion or "-",
        "languages": ", ".join(language.bcp47 for language in record.languages),
        "core": f"{record.core.id} {record.core.fingerprint}",
        "tried": record.method,
        "report": record.report or "among its files",
        "published": f"{record.published:%Y-%m-%d}" + (f" by {record.owner}" if record.owner else ""),
        "yanked": record.yanked or "no",
    }
    for label, value in rows.items():
        facts.add_row(label, Text(str(value)))
    console.print(facts)
    figures = Table(title="figures")
    for heading in ("suite", "metric", "core", "tried", "change [95 %]"):
        figures.add_column(heading)
    for entry in record.metrics:
        change = f"{entry.gain:+.3f} [{entry.ci95[0]:.3f}, {entry.ci95[1]:.3f}]"
        cells = (entry.suite, entry.metric, f"{entry.core:.3f}", f"{entry.value:.3f}", change)
        figures.add_row(*map(Text, cells))
    console.print(figures)
