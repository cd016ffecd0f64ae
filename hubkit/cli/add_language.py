"""``hubkit add-language``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hubkit.errors import UsageError


@click.command("add-language")
@click.argument("language", metavar="TAG")
@click.option("--budget", default=None, help="Training time or steps: 90s, 5m, 400steps.  [default: 180s]")
@click.option(
    "--data", multiple=True, metavar="FILE", help="Your parallel text, beside the automatic sources (repeat)."
)
@click.option("--data-license", default="unspecified", show_default=True, help="Licence of --data, an SPDX identifier.")
@click.option("--dev", multiple=True, metavar="FILE", help="Parallel text of another origin to choose the strength on.")
@click.option(
    "--suite", "suites", multiple=True, type=click.Path(path_type=Path), help="Held-out suite: file or folder."
)
@click.option("--source", "sources", multiple=True, help="Ask only these sources (repeat).")
@click.option("--core", default="e5-small", show_default=True, metavar="NAME|FOLDER", help="The core encoder.")
@click.option("--method", default=None, help="Adapter method.")
@click.option("--objective", default=None, help="Training objective.")
@click.option(
    "--own",
    type=click.FloatRange(min=0, min_open=True),
    help="Weight of the language's own text against its relatives'.",
)
@click.option("--strength", type=click.FloatRange(min=0, min_open=True), help="Factor on the adapter's output.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of everything random.")
@click.option("--license", "licence", default="Apache-2.0", show_default=True, help="Licence of the adapter.")
@click.option("--no-controls", is_flag=True, help="Do not train the wrong-family control.")
@click.option("--track", multiple=True, metavar="NAME", help="Tell a tracker: tensorboard, trackio, wandb … (repeat).")
@click.option("--dry-run", is_flag=True, help="Say what would be trained on what, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def add_language(
    language: str, budget: str | None, data: tuple[str, ...], data_license: str, dev: tuple[str, ...],
    suites: tuple[Path, ...], sources: tuple[str, ...], core: str, method: str | None, objective: str | None,
    own: float | None, strength: float | None, seed: int, licence: str, no_controls: bool,
    track: tuple[str, ...], dry_run: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Train, evaluate and install an adapter for the language TAG (sw, swh, Swahili …).

    Text comes from the registered sources and from --data; the finished adapter lies in HUBKIT_HOME and is used by
    hubkit.load("TAG"). Interrupted, the same command goes on where it stopped.
    """
    from hubkit.cli.training import run_and_show, show_plan
    from hubkit.workflows.add_language import DEFAULT_BUDGET, Request
    from hubkit.workflows.add_language import add_language as work
    from hubkit.workflows.train import plan

    recipe = _recipe(method, objective, own)
    request = Request(
        language=language, budget=budget or DEFAULT_BUDGET, core=core, data=data, data_license=data_license, dev=dev,
        suites=suites, sources=sources or None, recipe=recipe, seed=seed, strength=strength, license=licence,
        controls=not no_controls,
    )  # fmt: skip
    if dry_run:
        show_plan(plan(request.config()), as_json)
        return
    run_and_show(lambda events: work(request, events, track), as_json, quiet)


def _recipe(method: str | None, objective: str | None, own: float | None) -> Any:
    from hubkit.plugins import registered
    from hubkit.training.recipe import Recipe

    chosen: dict[str, Any] = {} if own is None else {"own": own}
    for kind, name in (("methods", method), ("objectives", objective)):
        if name is not None:
            if name not in (known := registered(kind)):
                raise UsageError(f"There is no {kind[:-1]} {name!r}.", f"Known: {', '.join(known)}.")
            chosen[kind[:-1]] = name
    return Recipe(**chosen)
