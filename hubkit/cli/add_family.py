"""``hubkit add-family``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("add-family")
@click.argument("family", metavar="NAME")
@click.option("--budget", default=None, help="Training time or steps: 90s, 5m, 400steps.  [default: 600s]")
@click.option(
    "--held-out", "held_out", multiple=True, metavar="TAG", help="Judge in this language, do not train on it (repeat)."
)
@click.option("--most-languages", type=click.IntRange(min=1), help="Train on at most so many.  [default: 24]")
@click.option(
    "--suite", "suites", multiple=True, type=click.Path(path_type=Path), help="Held-out suite: file or folder."
)
@click.option("--source", "sources", multiple=True, help="Ask only these sources (repeat).")
@click.option("--core", default="e5-small", show_default=True, metavar="NAME|FOLDER", help="The core encoder.")
@click.option("--strength", type=click.FloatRange(min=0, min_open=True), help="Factor on the adapter's output.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of everything random.")
@click.option("--license", "licence", default="Apache-2.0", show_default=True, help="Licence of the adapter.")
@click.option("--no-controls", is_flag=True, help="Do not train the wrong-family control.")
@click.option("--track", multiple=True, metavar="NAME", help="Tell a tracker: tensorboard, trackio, wandb … (repeat).")
@click.option("--dry-run", is_flag=True, help="Say what would be trained on what, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def add_family(
    family: str, budget: str | None, held_out: tuple[str, ...], most_languages: int | None, suites: tuple[Path, ...],
    sources: tuple[str, ...], core: str, strength: float | None, seed: int, licence: str, no_controls: bool,
    track: tuple[str, ...], dry_run: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Train, evaluate and install one adapter for the languages of the family NAME (bantu, berber, mayan …).

    It is judged in the languages that it was trained on and in relatives that it was not. Interrupted, the same command
    goes on where it stopped.
    """
    from hubkit.cli.training import run_and_show, show_plan
    from hubkit.workflows.add_family import DEFAULT_BUDGET, FamilyRequest, add_family
    from hubkit.workflows.train import plan

    request = FamilyRequest(
        family=family, budget=budget or DEFAULT_BUDGET, core=core, held_out=held_out or None,
        most_languages=most_languages, suites=suites, sources=sources or None, seed=seed, strength=strength,
        license=licence, controls=not no_controls,
    )  # fmt: skip
    if dry_run:
        show_plan(plan(request.config()), as_json)
        return
    run_and_show(lambda events: add_family(request, events, track), as_json, quiet)
