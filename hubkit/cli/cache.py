"""``hubkit cache``: fetched files by their hash."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hubkit.registry.cache import Blob

DAY = 86400.0
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def cache() -> None:
    """List, verify and prune the files that were fetched."""


@cache.command("list")
@as_json
def list_(as_json: bool) -> None:
    """Every file in the cache: hash, size, when it was used, and which installed adapters have it."""
    from hubkit.registry.cache import blobs_folder, list_blobs

    blobs = list_blobs()
    if as_json:
        click.echo(json.dumps([_as_dict(blob) for blob in blobs], indent=1))
        return
    _print(blobs)
    click.echo(f"{len(blobs)} files, {_megabytes(blobs)}, in {blobs_folder()}")


@cache.command()
@click.option("--remove", is_flag=True, help="Remove damaged files, so that they are fetched again.")
@as_json
def verify(remove: bool, as_json: bool) -> None:
    """Hash every file again; exit with 3 if one is damaged and stays. (A damaged file is never used.)"""
    from hubkit.registry import cache as store

    damaged = store.damaged_blobs()
    if remove:
        store.remove(damaged)
    if as_json:
        click.echo(json.dumps({"damaged": [_as_dict(blob) for blob in damaged], "removed": remove}, indent=1))
    else:
        _print(damaged)
        state = "removed" if remove else "damaged"
        click.echo(f"{len(damaged)} files {state}" if damaged else "Every file has the hash it is named by.")
    if damaged and not remove:
        sys.exit(3)


@cache.command()
@click.option("--older", type=click.FloatRange(min=0), metavar="DAYS", help="Files not used for so many days.")
@click.option("--unused", is_flag=True, help="Files of no installed adapter.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and stop.")
@as_json
def prune(older: float | None, unused: bool, dry_run: bool, as_json: bool) -> None:
    """Remove interrupted downloads and, with --older or --unused (or what is both), other files.

    Installed adapters are copies and stay as they are.
    """
    from hubkit.registry import cache as store

    gone = store.prune(None if older is None else older * DAY, unused, dry_run)
    if as_json:
        click.echo(json.dumps({"removed": [_as_dict(blob) for blob in gone], "dry_run": dry_run}, indent=1))
        return
    _print(gone)
    click.echo(f"{len(gone)} files, {_megabytes(gone)}, {'would be ' if dry_run else ''}removed")


def _as_dict(blob: Blob) -> dict[str, Any]:
    used = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(blob.used))
    adapters = list(blob.adapters)
    return {"sha256": blob.sha256, "size": blob.size, "used": used, "partial": blob.partial, "adapters": adapters}


def _print(blobs: Sequence[Blob]) -> None:
    for blob in blobs:
        used = time.strftime("%Y-%m-%d", time.localtime(blob.used))
        who = "interrupted" if blob.partial else ", ".join(blob.adapters) or "-"
        click.echo(f"{blob.sha256[:16]}  {blob.size:>12,}  {used}  {who}")


def _megabytes(blobs: Sequence[Blob]) -> str:
    return f"{sum(blob.size for blob in blobs) / 1e6:.1f} MB"
