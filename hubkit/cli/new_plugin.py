"""``hubkit new-plugin``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--kind", required=True, type=click.Choice(["objective", "language", "source", "task"]), help="What it adds."
)
@click.option(
    "--path", "folder", type=click.Path(path_type=Path), metavar="FOLDER",
    help="The folder to write; it must not be there.  [default: ./hubkit-NAME]",
)  # fmt: skip
@click.option("--author", metavar="TEXT", help="Who it is by: a name, or 'NAME <ADDRESS>'.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and stop.")
def new_plugin(name: str, kind: str, folder: Path | None, author: str | None, dry_run: bool) -> None:
    """Write the distribution hubkit-NAME, a plugin that is complete: module, tests, CI, README, licence.

    It can be installed and passes its tests as it is. Nothing that is there is overwritten.
    """
    from hubkit.workflows.new_plugin import Request, plan_plugin, write_plugin

    plan = plan_plugin(Request(name, kind, folder, author))
    if not dry_run:
        write_plugin(plan)
    click.echo(f"{'Would write' if dry_run else 'Wrote'} {plan.distribution} in {plan.folder}")
    for path in plan.files:
        click.echo(f"  {path}")
    if not dry_run:
        click.echo(f"Next: cd {plan.folder} && pip install -e '.[dev]' && pytest; then edit {plan.package}/__init__.py")
