"""``hubkit fuse``: the command line of the workflow of that name."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("branches", metavar="BRANCHES")
@click.option("--name", required=True, metavar="fuse-NAME", help="Name of the fusion.")
@click.option("--data", multiple=True, metavar="FILE", help="Your parallel text to train on (repeat).")
@click.option("--data-license", default="unspecified", show_default=True, help="Licence of --data, an SPDX identifier.")
@click.option("-l", "--language", metavar="TAG", help="Language of the text.  [default: the first branch's]")
@click.option(
    "--suite", "suites", multiple=True, type=click.Path(path_type=Path), help="Held-out suite: file or folder."
)
@click.option("--budget", default=None, help="Training time or steps: 90s, 5m, 400steps.  [default: 120s]")
@click.option("--core", default="e5-small", show_default=True, metavar="NAME|FOLDER", help="The core encoder.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of everything random.")
@click.option("--license", "licence", default="Apache-2.0", show_default=True, help="Licence of the fusion.")
@click.option("--dry-run", is_flag=True, help="Say what would be trained on what, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def fuse(
    branches: str, name: str, data: tuple[str, ...], data_license: str, language: str | None, suites: tuple[Path, ...],
    budget: str | None, core: str, seed: int, licence: str, dry_run: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Train, evaluate and install a fusion of the installed adapters in BRANCHES, such as "lang-rw, lang-sn".

    A branch is an adapter, a stack (fam-bantu + lang-rw) or a merge. Interrupted, the same command goes on where it
    stopped.
    """
    from hubkit.workflows.fuse import DEFAULT_BUDGET, FuseRequest

    request = FuseRequest(
        branches=branches, name=name, data=data, language=language, budget=budget or DEFAULT_BUDGET, core=core,
        data_license=data_license, suites=suites, seed=seed, license=licence,
    )  # fmt: skip
    _plan(request, as_json) if dry_run else _run(request, as_json, quiet)


def _plan(request: Any, as_json: bool) -> None:
    from hubkit.workflows.fuse import prepare

    plan = prepare(request).plan()
    if as_json:
        click.echo(json.dumps(plan, ensure_ascii=False, indent=2))
        return
    for key, value in plan.items():
        click.echo(f"{key}: {value}")


def _run(request: Any, as_json: bool, quiet: bool) -> None:
    from rich.console import Console

    from hubkit.cli.console import LiveEvents, error_console
    from hubkit.evaluation.render import render
    from hubkit.workflows.fuse import fuse as work

    with nullcontext() if quiet else LiveEvents(error_console()) as events:
        outcome = work(request, events)
    if as_json:
        click.echo(json.dumps(outcome.report.model_dump(mode="json"), ensure_ascii=False, indent=2))
        return
    render(outcome.report, Console(highlight=False))
    installed = outcome.installed
    click.echo(f"Installed {installed.name} {installed.version} in {installed.folder}")
    click.echo(f'Use it: hubkit.load("{installed.name}")')
