"""``hubkit install``: fetch published adapters, verify and install them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from hubkit.registry.record import Record

COMMIT = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})")


@click.command()
@click.argument("requests", nargs=-1, metavar="[NAME[SPEC]]...")
@click.option("-l", "--language", "languages", multiple=True, metavar="TAG", help="The adapter for this language.")
@click.option(
    "--lock", "lock_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Install exactly what this lock file has.",
)  # fmt: skip
@click.option("--core", default="e5-small", show_default=True, metavar="NAME|FOLDER|any", help="The core encoder.")
@click.option("--pre", is_flag=True, help="Allow pre-releases.")
@click.option(
    "--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="Refuse what is not signed by this public key (PEM).",
)  # fmt: skip
@click.option("--offline", is_flag=True, help="Use the cache alone.")
@click.option("--dry-run", is_flag=True, help="Say what would be installed, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def install(
    requests: tuple[str, ...], languages: tuple[str, ...], lock_file: Path | None, core: str, pre: bool,
    key: Path | None, offline: bool, dry_run: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Install adapters and what they stand on: lang-rw, "lang-rw>=1,<2", a language, or ORG/NAME@COMMIT.

    Every file is fetched at the record's commit and checked against the record's hash before anything uses it.
    """
    if not requests and not languages and lock_file is None:
        raise UsageError("Nothing was asked for.", "Name an adapter, a language with -l, or a lock file with --lock.")
    pinned = [match for match in map(COMMIT.fullmatch, requests) if match]
    named = [*(text for text in requests if not COMMIT.fullmatch(text)), *languages]
    if pinned and (key is not None or dry_run):
        raise UsageError("ORG/NAME@COMMIT has no record.", "Leave out --key and --dry-run.")
    records = _records(named, lock_file, core, pre, offline) if named or lock_file else ()
    if dry_run:
        print_installed([_row(record, None) for record in records], as_json, "would be installed")
        return
    with shown_progress(quiet) as show:
        rows = install_records(records, offline, key, show)
        rows += [_by_commit(match, offline, show) for match in pinned]
    print_installed(rows, as_json, "installed in")


def _records(named: list[str], lock_file: Path | None, core: str, pre: bool, offline: bool) -> tuple[Record, ...]:
    from hubkit.registry.request import parse_request
    from hubkit.workflows.update import locked_records

    asked = [parse_request(text) for text in named]
    if lock_file is not None:
        from hubkit.registry.lock import read_lock

        if with_spec := [request for request in asked if request.spec]:
            raise UsageError(f"{with_spec[0]}: a lock file says the version.", "Give the name alone.")
        return locked_records(read_lock(lock_file), asked)
    from hubkit.registry.index import open_indexes
    from hubkit.workflows.update import choose, cores_for

    indexes = open_indexes()
    warn(indexes.warnings)
    return choose(asked, indexes, cores_for(core, asked, indexes), pre=pre, offline=offline)


def warn(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)


def install_records(
    records: tuple[Record, ...], offline: bool, key: Path | None, show: Show | None
) -> list[dict[str, Any]]:
    """Install records in their order; a row for each."""
    from hubkit.workflows.update import Options, install

    options = Options(offline, key)
    if show is not None:
        options = Options(offline, key, show.progress, show.begin)
    folders = install(records, options)
    return [_row(record, folders[record.name]) for record in records]


def _by_commit(match: re.Match[str], offline: bool, show: Show | None) -> dict[str, Any]:
    from hubkit.adapter.folder import read_manifest
    from hubkit.registry.fetch import fetch_commit

    folder = fetch_commit(match[1], match[2], show.progress if show else None, offline=offline)
    manifest = read_manifest(folder)[0]
    size = sum(file.size for file in manifest.files)
    return {"name": manifest.name, "version": manifest.version, "size": size, "folder": str(folder)}


def _row(record: Record, folder: Path | None) -> dict[str, Any]:
    row: dict[str, Any] = {"name": record.name, "version": record.version, "size": record.size}
    return {**row, "folder": str(folder)} if folder is not None else row


def print_installed(rows: list[dict[str, Any]], as_json: bool, state: str) -> None:
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for row in rows:
        size = f"{row['size'] / 1e6:.1f} MB"
        click.echo(f"{row['name']} {row['version']} ({size}) {state} {row.get('folder', '')}".rstrip())


class Show:
    """One bar an adapter: bytes, speed and time left."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.progress import TransferSpeedColumn as Speed

        from hubkit.cli.console import error_console

        console = error_console()
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), Speed(), TimeRemainingColumn())
        self.bars = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self.bars.add_task("", total=None, visible=False)
        self._there: dict[str, int] = {}
        self._lock = threading.Lock()

    def begin(self, record: Record) -> None:
        with self._lock:
            self._there = {}
            self._task = self.bars.add_task(f"{record.name} {record.version}", total=record.size)

    def progress(self, path: str, done: int, total: int) -> None:
        with self._lock:
            self._there[path] = done
            self.bars.update(self._task, completed=sum(self._there.values()), visible=True)


@contextmanager
def shown_progress(quiet: bool) -> Iterator[Show | None]:
    """Progress on standard error where it is a terminal."""
    if quiet:
        yield None
        return
    show = Show()
    with show.bars:
        yield show
