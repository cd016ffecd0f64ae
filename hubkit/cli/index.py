"""``hubkit index``: maintain an index of records."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from hubkit.registry.index import Index
    from hubkit.registry.index_checks import Problem

folder = click.option(
    "--index", "root", type=click.Path(path_type=Path), metavar="FOLDER",
    help="The index.  [default: ./adapters_index, else the first of HUBKIT_INDEX]",
)  # fmt: skip
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def index() -> None:
    """Maintain an index of published adapters: add, validate, check, yank, build."""


def _index(root: Path | None) -> Index:
    from hubkit.registry.index import Index, writable_root

    chosen = writable_root(root)
    return Index(chosen, chosen.name)


@index.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@folder
@click.option("--dry-run", is_flag=True, help="Check the records and write nothing.")
@as_json
def add(files: tuple[Path, ...], root: Path | None, dry_run: bool, as_json: bool) -> None:
    """Append the records in each FILE (as `hubkit publish` writes it) to an index; what is there is left alone."""
    from hubkit.registry.index_edit import add_record, check_record, read_record_file

    target = _index(root).root
    records = [record for file in files for record in read_record_file(file)]
    rows = []
    for record in records:
        added = (check_record if dry_run else add_record)(target, record)
        rows.append({"record": record.key, "path": str(added.path), "was_there": added.was_there})
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        state = "is there already, in" if row["was_there"] else "could be added to" if dry_run else "added to"
        click.echo(f"{row['record']} {state} {row['path']}")


@index.command()
@folder
@as_json
@click.option("--quiet", is_flag=True, help="Print no progress.")
def validate(root: Path | None, as_json: bool, quiet: bool) -> None:
    """Check an index in itself: schema, versions, names, dependencies, and what plugins have against a record."""
    from hubkit.registry.index_checks import validate as problems_of

    chosen = _index(root)
    _report(problems_of(chosen, None if quiet else _bar()), chosen, as_json)


@index.command()
@folder
@click.option("--base", default="HEAD", show_default=True, metavar="REVISION", help="The git revision to compare with.")
@click.option("--download", is_flag=True, help="Fetch, hash, load and measure every new version.")
@click.option("--all", "everything", is_flag=True, help="With --download: every version, not only the new ones.")
@click.option("--core", "cores", multiple=True, metavar="FOLDER", help="With --download: a core of your own (repeat).")
@click.option("--new-owner", is_flag=True, help="Allow versions from another account than a name's first one.")
@as_json
@click.option("--quiet", is_flag=True, help="Print no progress.")
def check(
    root: Path | None, base: str, download: bool, everything: bool, cores: tuple[str, ...], new_owner: bool,
    as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Validate an index and compare it with git: lines may be added, `yanked` may be set, nothing else may change."""
    from hubkit.registry.index_checks import below, compare, new_records
    from hubkit.registry.index_checks import validate as problems_of

    if (everything or cores) and not download:
        raise UsageError("--all and --core say what --download does.", "Give --download too.")
    chosen = _index(root)
    problems = compare(chosen, base, new_owner) + problems_of(chosen, None if quiet else _bar())
    if download and not problems:
        from hubkit.workflows.check_record import check_records

        new = new_records(chosen, None if everything else base)
        problems += check_records(new, below(chosen), cores, None if quiet else _say)
    _report(problems, chosen, as_json)


@index.command("yank")
@click.argument("adapter", metavar="NAME==VERSION")
@click.option("--reason", required=True, help="Why nobody should install it any more, in a line.")
@folder
def yank_version(adapter: str, reason: str, root: Path | None) -> None:
    """Mark NAME==VERSION as not to be installed any more; lock files keep it. It cannot be taken back."""
    from hubkit.registry.index_edit import yank

    name, _, version = adapter.partition("==")
    if not version:
        raise UsageError(f"{adapter!r} names no version.", "Write NAME==VERSION, such as lang-rw==1.0.0.")
    click.echo(f"{name} {version} is yanked in {yank(_index(root).root, name, version, reason)}")


@index.command("build")
@folder
@click.option("--all", "everything", is_flag=True, help="Build for every index in force.")
@click.option("--force", is_flag=True, help="Build it anew, even if it is there.")
@as_json
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def build_search(root: Path | None, everything: bool, force: bool, as_json: bool, quiet: bool) -> None:
    """Build the search index, as `hubkit search` does when it finds a change."""
    from hubkit.registry.index import open_indexes
    from hubkit.registry.search_index import build

    for chosen in open_indexes().members if everything else (_index(root),):
        found = build(chosen, None if quiet else _bar(), force)
        if as_json:
            click.echo(json.dumps({"index": str(chosen.root), "files": found.files, "read": found.read}))
        elif not quiet:
            click.echo(f"{chosen.root}: {found.files} names, {found.read} read")
        for problem in found.problems:
            click.echo(f"Warning: {problem}", err=True)


@index.command()
def schema() -> None:
    """Print the JSON schema of a record."""
    from hubkit.registry.record import json_schema

    click.echo(json.dumps(json_schema(), indent=1, ensure_ascii=False))


def _report(problems: Iterable[Problem], chosen: Index, as_json: bool) -> None:
    """Print the problems; exit with 3 when there are any."""
    rows: list[dict[str, Any]] = [{"where": problem.where, "what": problem.what} for problem in problems]
    if as_json:
        click.echo(json.dumps({"index": str(chosen.root), "problems": rows}, ensure_ascii=False, indent=1))
    else:
        for row in rows:
            click.echo(f"{row['where']}: {row['what']}")
        click.echo(f"{chosen.root}: {f'{len(rows)} problems' if rows else 'no problem'}")
    if rows:
        sys.exit(3)


def _bar() -> Any:
    from hubkit.cli.console import conversion_bar

    return conversion_bar()


def _say(text: str) -> None:
    click.echo(text, err=True)
