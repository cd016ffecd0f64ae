"""``hubkit contribute``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hubkit.workflows.contribution import Outcome

REFUSED = 3


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--repo", "repo_id", metavar="ORG/NAME", help="The adapter's repository.  [default: where it is published]"
)
@click.option(
    "--index", type=click.Path(path_type=Path), metavar="FOLDER",
    help="The index, a git folder.  [default: ./adapters_index, else the first of HUBKIT_INDEX]",
)  # fmt: skip
@click.option("--core", metavar="NAME|FOLDER", help="The core to check it on.  [default: the one it names]")
@click.option(
    "--sign", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="KEY",
    help="Sign it with this private key (PEM, elliptic curve).",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write the pull request's text to this file.  [default: print it]",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Check everything and show the text; publish and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def contribute(
    path: Path, repo_id: str | None, index: Path | None, core: str | None, sign: Path | None, output: Path | None,
    dry_run: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Bring the adapter in the folder PATH, or the record in the file PATH, into an index.

    Every check of the index runs here first. When all pass, the adapter is published, its record added to the index,
    and the text of the pull request written. Run again after any failure, the same command goes on.
    """
    from hubkit.workflows.contribution import Offer, offer

    asked = Offer(path, repo_id, index, core, sign, dry_run)
    outcome = offer(asked, None if quiet else lambda text: click.echo(f"  {text}", err=True))
    if output is not None and outcome.pull_request is not None and not dry_run:
        from hubkit.durable import write_text

        write_text(output, outcome.pull_request.body)
    if as_json:
        click.echo(json.dumps(_as_dict(outcome, output), ensure_ascii=False, indent=1))
    else:
        _print(outcome, output, dry_run)
    if not outcome.passed:
        sys.exit(REFUSED)


def _as_dict(outcome: Outcome, output: Path | None) -> dict[str, Any]:
    text = outcome.pull_request
    return {
        "passed": outcome.passed,
        "checks": [
            {"name": check.name, "passed": check.passed, "problems": list(check.problems), "notes": list(check.notes)}
            for check in outcome.checks
        ],
        "record": None if outcome.record is None else json.loads(outcome.record.line()),
        "index": str(outcome.root),
        "index_path": str(outcome.added.path) if outcome.added else None,
        "title": text.title if text else None,
        "body": text.body if text else None,
        "output": str(output) if output else None,
    }


def _print(outcome: Outcome, output: Path | None, dry_run: bool) -> None:
    for check in outcome.checks:
        click.echo(f"{'ok     ' if check.passed else 'REFUSED'}  {check.name}")
        for line in (*check.problems, *check.notes):
            click.echo(f"         {line}")
    if outcome.pull_request is None:
        click.echo("Nothing was published or written.")
        return
    if outcome.added is not None:
        click.echo(
            f"The record {'is there already, in' if outcome.added.was_there else 'was added to'} {outcome.added.path}"
        )
    if output is None or dry_run:
        click.echo(f"\n# {outcome.pull_request.title}\n\n{outcome.pull_request.body}", nl=False)
        return
    click.echo(f"The pull request's text: {output}; its title: {outcome.pull_request.title}")
    click.echo(f"Next: answer its questions, commit {outcome.root}, push, and open the pull request.")
