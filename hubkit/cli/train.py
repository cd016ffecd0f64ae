"""``hubkit train``."""

from __future__ import annotations

from pathlib import Path

import click

from hubkit.errors import UsageError


@click.command()
@click.argument("config", metavar="[CONFIG]", required=False, type=click.Path(path_type=Path))
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a field, dotted (repeat).")
@click.option("--from", "repeats", metavar="NAME", help="Train an installed adapter again: lang-rw, lang-rw==0.1.0.")
@click.option("--track", multiple=True, metavar="NAME", help="Tell a tracker: tensorboard, trackio, wandb … (repeat).")
@click.option("--dry-run", is_flag=True, help="Say what would be trained on what, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def train(
    config: Path | None, assignments: tuple[str, ...], repeats: str | None, track: tuple[str, ...], dry_run: bool,
    as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Train, evaluate and install the adapter that CONFIG (YAML, TOML or JSON) describes.

    Interrupted, the same command goes on where it stopped.
    """
    from hubkit.cli.training import run_and_show, show_plan
    from hubkit.training.config import read_training_config
    from hubkit.workflows import train as workflow
    from hubkit.workflows.reproduce import config_from

    if (config is None) == (repeats is None):
        raise UsageError(
            "Give a configuration, or --from an adapter.", "Write `hubkit train FILE`, or with --from NAME."
        )
    if repeats is not None:
        chosen, before = config_from(repeats, list(assignments))
    else:
        assert config is not None
        chosen, before = read_training_config(config, assignments), None
    if dry_run:
        show_plan(workflow.plan(chosen), as_json)
        return
    run_and_show(lambda events: workflow.train(chosen, events, before, track), as_json, quiet)
