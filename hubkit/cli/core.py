"""``hubkit core``: list, describe, fetch and fingerprint cores."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

import click

from hubkit.core.checkpoint import DEFAULT_CORE, Core, catalogue, fetch_core, open_core, pooling_of
from hubkit.errors import NotFoundError
from hubkit.settings import settings


@click.group()
def core() -> None:
    """List, describe, fetch and fingerprint core encoders."""


@core.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_cores(as_json: bool) -> None:
    """The cores that hubkit knows by name; any local transformers encoder folder is a core too."""
    rows = [
        {
            "id": name,
            "name": entry["name"],
            "license": entry["license"],
            "fetched": all((settings().cores / name / file).is_file() for file in entry["files"]),
            "fingerprint": entry["fingerprint"],
        }
        for name, entry in catalogue().items()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        state = "fetched" if row["fetched"] else "not fetched"
        click.echo(f"{row['id']}  {row['name']}  {row['license']}  {state}  {row['fingerprint'][:19]}…")


def _describe(opened: Core) -> dict[str, object]:
    facts = {**asdict(opened), "folder": str(opened.folder)}
    config = json.loads((opened.folder / "config.json").read_text("utf-8"))
    facts["layers"], facts["vocabulary"] = config.get("num_hidden_layers"), config.get("vocab_size")
    entry = catalogue().get(opened.id, {})
    return {**facts, **{key: entry[key] for key in ("name", "license", "origin", "base_model") if key in entry}}


@core.command()
@click.argument("spec", default=DEFAULT_CORE, metavar="[NAME|FOLDER]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(spec: str, as_json: bool) -> None:
    """Everything known of one core; a known one is fetched when it is not there."""
    facts = _describe(open_core(spec, _progress()))
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        click.echo(f"{key:17} {value!r}" if key == "prefix" else f"{key:17} {value}")


@core.command()
@click.argument("name", default=DEFAULT_CORE)
@click.option("--force", is_flag=True, help="Convert it again even if it is there.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def fetch(name: str, force: bool, quiet: bool) -> None:
    """Convert a known core into the cache, so that later commands start at once."""
    if name not in catalogue():
        raise NotFoundError(f"There is no known core {name!r}.", f"Known: {', '.join(catalogue())}.")
    folder = fetch_core(name, None if quiet else _progress(), force=force)
    opened = open_core(name)
    if not quiet:
        click.echo(f"{name} {opened.fingerprint} in {folder}")


@core.command()
@click.argument("spec", default=DEFAULT_CORE, metavar="[NAME|FOLDER]")
def fingerprint(spec: str) -> None:
    """Hash a core's weights, config, tokenizer and pooling again, reading every byte."""
    from hubkit.core.fingerprint import compute_fingerprint

    opened = open_core(spec, _progress())
    click.echo(compute_fingerprint(opened.folder, asdict(pooling_of(opened))))


def _progress() -> Callable[[str, float], None] | None:
    """A progress bar on standard error, or nothing where it is no terminal."""
    from hubkit.cli.console import conversion_bar

    return conversion_bar()
