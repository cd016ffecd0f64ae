"""``hubkit publish``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hubkit.registry.publish import Plan
    from hubkit.workflows.contribute import Contribution, Request


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--repo", "repo_id", required=True, metavar="ORG/NAME", help="The repository on the Hub.")
@click.option("--private", is_flag=True, help="Create it as a private one; refuse one that is public.")
@click.option(
    "--index", type=click.Path(path_type=Path), metavar="FOLDER", help="Add the record to this index, a git folder."
)
@click.option("--core", metavar="NAME|FOLDER", help="The core to check it on.  [default: the one it names]")
@click.option(
    "--sign", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="KEY",
    help="Sign it with this private key (PEM, elliptic curve).",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Check everything, say what would be done, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def publish(
    path: Path, repo_id: str, private: bool, index: Path | None, core: str | None, sign: Path | None, dry_run: bool,
    as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Publish the adapter in the folder PATH to the Hub, and write its index record.

    It is checked strictly, uploaded by one commit, read back, and tagged vX.Y.Z. Run again after any failure, the
    same command goes on; when all is there, it does nothing.
    """
    from hubkit.workflows.contribute import Request

    request = Request(path, repo_id, private=private, core=core, index=index, sign=sign)
    if dry_run:
        _plan(request, as_json)
    else:
        _publish(request, as_json, quiet)


def _plan(request: Request, as_json: bool) -> None:
    from dataclasses import asdict

    from hubkit.workflows.contribute import plan_contribution

    plan: Plan = plan_contribution(request)
    if as_json:
        click.echo(json.dumps(asdict(plan), indent=1))
        return
    steps = [f"create {plan.repo_id}"] if plan.create else []
    steps += [f"upload {', '.join(plan.upload)}"] if plan.upload else []
    steps += [f"remove {', '.join(plan.remove)}"] if plan.remove else []
    click.echo(f"{plan.name} {plan.version}, {plan.size / 1e6:.1f} MB, as {plan.tag} of {plan.repo_id}")
    click.echo("\n".join(f"  would {step}" for step in steps) or "  nothing to do: it is there")


def _publish(request: Request, as_json: bool, quiet: bool) -> None:
    from hubkit.workflows.contribute import contribute

    done = contribute(request, None if quiet else lambda text: click.echo(f"  {text}", err=True))
    if as_json:
        click.echo(json.dumps(_as_dict(done), ensure_ascii=False, indent=1))
        return
    record = done.publication.record
    state = "" if done.publication.steps else " already"
    click.echo(
        f"{record.name} {record.version} is published{state}: {record.repository.repo_id}@{record.repository.commit}"
    )
    if done.added is not None:
        click.echo(f"Its record {'is there already, in' if done.added.was_there else 'was added to'} {done.added.path}")
    else:
        click.echo(f"Its record: {done.publication.record_path}")
        click.echo("Send it to an index: hubkit index add FILE in your clone, then a pull request.")


def _as_dict(done: Contribution) -> dict[str, Any]:
    publication = done.publication
    return {
        "record": json.loads(publication.record.line()),
        "record_path": str(publication.record_path),
        "tag": publication.tag,
        "steps": list(publication.steps),
        "index_path": str(done.added.path) if done.added else None,
    }
