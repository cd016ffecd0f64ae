"""``hubkit lock``: choose versions of adapters and write them to a lock file; compare two lock files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubkit.errors import HubkitError, UsageError

if TYPE_CHECKING:
    from hubkit.registry.lock import Lock, Making

ANY_CORE = "any"


class _Lock(click.Group):
    """``hubkit lock rw sw`` is ``hubkit lock write rw sw``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["write", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Lock, subcommand_metavar="[write] REQUEST... | diff BEFORE AFTER")
def lock() -> None:
    """Choose versions of adapters and write them to a lock file: `hubkit lock rw sw task-topic`."""


@lock.command()
@click.argument("requests", nargs=-1, metavar="[REQUEST]...")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default="hubkit.lock", show_default=True,
    help="The lock file.",
)  # fmt: skip
@click.option("--core", default="e5-small", show_default=True, metavar="NAME|FOLDER|any", help="The core encoder.")
@click.option("-U", "--upgrade", is_flag=True, help="Take the newest versions, whatever is locked.")
@click.option("-P", "--upgrade-only", "only", multiple=True, metavar="NAME", help="Upgrade only this one (repeat).")
@click.option("--pre", is_flag=True, help="Allow pre-releases.")
@click.option("--locked", is_flag=True, help="Fail if the lock file would change.")
@click.option("--offline", is_flag=True, help="Choose only versions whose files are on this machine.")
@click.option("--dry-run", is_flag=True, help="Say what would change and write nothing.")
@click.option("--explain", is_flag=True, help="Show every version that was rejected, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print what was locked as JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def write(
    requests: tuple[str, ...], output: Path, core: str, upgrade: bool, only: tuple[str, ...], pre: bool, locked: bool,
    offline: bool, dry_run: bool, explain: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Resolve each REQUEST (rw, lang-rw, "lang-rw>=1,<2", task-topic); without one, what the lock file has."""
    from hubkit.registry.index import open_indexes
    from hubkit.registry.lock import make_lock, not_in_cache, read_lock, write_lock
    from hubkit.registry.request import parse_request

    if locked and (upgrade or only):
        raise UsageError("--locked and --upgrade contradict each other.", "Use one of them.")
    previous = read_lock(output) if output.exists() or locked or not requests else None
    asked = [parse_request(text) for text in requests or (previous.requests if previous else ())]
    indexes = open_indexes()
    making = make_lock(
        asked, indexes, _cores(core, asked, indexes), previous=previous,
        upgrade="all" if upgrade else {parse_request(name).name for name in only},
        prereleases=pre or (previous.prereleases if previous and not requests else False),
        unusable=not_in_cache if offline else None,
    )  # fmt: skip
    if locked and making.lock != previous:
        raise HubkitError(
            f"{output} would change: {_summary(previous, making.lock)}.", "Lock again without --locked, or restore it."
        )
    if not dry_run and not locked and making.lock != previous:
        write_lock(output, making.lock)
    if not quiet:
        _print(making, previous, output, dry_run, explain, as_json, indexes.warnings)


def _cores(core: str, asked: Any, indexes: Any) -> dict[str, str]:
    """Fingerprint → id of the cores to resolve for, in order of preference."""
    from hubkit.core.checkpoint import DEFAULT_CORE, catalogue, open_core
    from hubkit.registry.lock import cores_of

    known = {entry["fingerprint"]: name for name, entry in catalogue().items()}
    if core == ANY_CORE:
        default = {fingerprint: name for fingerprint, name in known.items() if name == DEFAULT_CORE}
        return {**default, **cores_of(asked, indexes)}
    named = {fingerprint: name for fingerprint, name in known.items() if name == core}
    if named:
        return named
    opened = open_core(core)
    return {opened.fingerprint: opened.id}


def _summary(before: Lock | None, after: Lock) -> str:
    from hubkit.registry.lock import diff_locks

    changes = "; ".join(str(change) for change in diff_locks(before, after)) if before else ""
    return changes or "the indexes' state"


def _print(
    making: Making, previous: Lock | None, output: Path, dry_run: bool, explain: bool, as_json: bool,
    warnings: tuple[str, ...],
) -> None:  # fmt: skip
    from hubkit.registry.lock import diff_locks

    lock, resolution = making.lock, making.resolution
    yanked = {record.key: record.yanked for record in resolution.adapters if record.yanked}
    for warning in (*warnings, *(f"{key} was yanked: {reason}" for key, reason in yanked.items())):
        click.echo(f"Warning: {warning}", err=True)
    rejected = [asdict(rejection) for rejection in resolution.rejected]
    if as_json:
        content = {"lock": json.loads(lock.json_bytes()), "changed": lock != previous, "yanked": yanked}
        click.echo(json.dumps({**content, "rejected": rejected}, ensure_ascii=False, indent=1))
        return
    for record in resolution.adapters:
        click.echo(f"{record.name} {record.version}  {record.repository.repo_id}@{record.repository.commit[:8]}")
    for rejection in resolution.rejected if explain else ():
        click.echo(f"  not {rejection}")
    if previous is not None and lock != previous:
        click.echo("\n".join(str(change) for change in diff_locks(previous, lock)) or "~ the indexes' state")
    state = "is as it was" if lock == previous else "would be written" if dry_run else "written"
    click.echo(f"{output} {state}: {len(lock.adapters)} adapters for {lock.core.id}")


@lock.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(before: Path, after: Path, as_json: bool) -> None:
    """Compare two lock files: what was added (+), removed (-) or changed (~)."""
    from hubkit.registry.lock import diff_locks, read_lock

    changes = diff_locks(read_lock(before), read_lock(after))
    if as_json:
        click.echo(json.dumps([asdict(change) for change in changes], indent=1))
        return
    for change in changes:
        click.echo(str(change))
