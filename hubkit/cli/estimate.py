"""``hubkit estimate``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("what", metavar="CONFIG|TAG")
@click.option("--budget", default=None, help="Training time or steps: 90s, 5m, 400steps.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a field, dotted (repeat).")
@click.option("--json", "as_json", is_flag=True, help="Print the estimate as JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def estimate(what: str, budget: str | None, assignments: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Say how long a run will take, and how much memory, disk and energy, from twenty steps on its own text.

    CONFIG is a file as `hubkit train` takes it; TAG a language as `hubkit add-language` takes it.
    """
    from hubkit.cli.console import LiveEvents, error_console
    from hubkit.cli.training import show_estimate
    from hubkit.workflows.estimate import estimate as work

    changes = [*assignments, *([f"budget={budget}"] if budget else [])]
    with nullcontext() if quiet else LiveEvents(error_console()) as events:
        made = work(_config(what, changes), events)
    show_estimate(made, as_json)


def _config(what: str, changes: list[str]) -> Any:
    from hubkit.training.config import read_training_config, with_assignments
    from hubkit.workflows.work import Request

    path = Path(what)
    if path.suffix.lower() in (".yaml", ".yml", ".toml", ".json"):
        return read_training_config(path, changes)
    return with_assignments(Request(what).config().model_dump(), changes, what)
