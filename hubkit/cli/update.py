"""``hubkit update``: newer versions of what is installed, or of what a lock file has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubkit.cli.install import install_records, print_installed, shown_progress, warn
from hubkit.errors import NotFoundError

if TYPE_CHECKING:
    from hubkit.registry.record import Record


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--lock", "lock_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Move this lock file on, and install what it then has.",
)  # fmt: skip
@click.option("--pre", is_flag=True, help="Allow pre-releases.")
@click.option("--dry-run", is_flag=True, help="Say what is newer, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def update(
    names: tuple[str, ...], lock_file: Path | None, pre: bool, dry_run: bool, as_json: bool, quiet: bool
) -> None:
    """Install the newest versions of the adapters NAME, or of all that are installed; older versions stay."""
    if lock_file is not None:
        _update_lock(lock_file, names, pre, dry_run, as_json, quiet)
    else:
        _update_installed(names, pre, dry_run, as_json, quiet)


def _update_installed(names: tuple[str, ...], pre: bool, dry_run: bool, as_json: bool, quiet: bool) -> None:
    from hubkit.registry.index import open_indexes
    from hubkit.workflows.update import updates

    indexes = open_indexes()
    warn(indexes.warnings)
    found = updates(names, indexes, pre)
    newer: dict[str, Record] = {record.key: record for each in found for record in each.newer}
    if not as_json and not quiet:
        for each in found:
            what = f"→ {each.newer[-1].version}" if each.newer else f"stays: {each.reason}"
            click.echo(f"{each.name} {each.installed} {what}")
    rows = []
    if not dry_run:
        with shown_progress(quiet) as show:
            rows = install_records(tuple(newer.values()), False, None, show)
    if as_json:
        content = [
            {"name": each.name, "installed": each.installed, "newer": each.newer[-1].version if each.newer else None,
             "reason": each.reason}
            for each in found
        ]  # fmt: skip
        click.echo(json.dumps({"adapters": content, "installed": rows}, ensure_ascii=False, indent=1))
    elif rows:
        print_installed(rows, False, "installed in")


def _update_lock(path: Path, names: tuple[str, ...], pre: bool, dry_run: bool, as_json: bool, quiet: bool) -> None:
    from hubkit.registry.index import open_indexes
    from hubkit.registry.lock import diff_locks, make_lock, read_lock, write_lock
    from hubkit.registry.request import parse_request
    from hubkit.workflows.update import locked_records

    before, indexes = read_lock(path), open_indexes()
    warn(indexes.warnings)
    asked = [parse_request(text) for text in before.requests]
    chosen = {parse_request(name).name for name in names}
    if missing := sorted(chosen - {record.name for record in before.adapters}):
        raise NotFoundError(f"{path} has no {', '.join(missing)}.", "Lock it: `hubkit lock`.")
    after = make_lock(
        asked, indexes, {before.core.fingerprint: before.core.id}, previous=before, upgrade=chosen or "all",
        prereleases=pre or before.prereleases,
    ).lock  # fmt: skip
    changes = [str(change) for change in diff_locks(before, after)]
    rows = []
    if not dry_run:
        with shown_progress(quiet) as show:
            rows = install_records(locked_records(after, ()), False, None, show)
        if after != before:
            write_lock(path, after)
    if as_json:
        click.echo(json.dumps({"changes": changes, "installed": rows}, ensure_ascii=False, indent=1))
        return
    click.echo("\n".join(changes) or f"{path} is up to date.")
    print_installed(rows, False, "installed in")
