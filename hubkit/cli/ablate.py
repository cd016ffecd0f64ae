"""``hubkit ablate``."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("plan", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--cells", "pattern", metavar="PATTERN", help="Only the cells of this name, such as 'plain/*'.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the results go.  [default: PLAN with .json]")
@click.option("--fresh", is_flag=True, help="Run kept cells again that other training code made.")
@click.option("--dry-run", is_flag=True, help="List the cells and how long they will train, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def ablate(
    plan: Path, pattern: str | None, out: Path | None, fresh: bool, dry_run: bool, as_json: bool, quiet: bool
) -> None:
    """Train and score the arms of an ablation PLAN (YAML or TOML), and compare each with the control arm.

    Every finished cell is kept: the same command goes on where it was stopped.
    """
    from hubkit.cli.console import LiveEvents, error_console
    from hubkit.durable import write_text
    from hubkit.workflows.ablate import prepare, run
    from hubkit.workflows.ablation_plan import read_plan

    read = read_plan(plan)
    with nullcontext() if quiet else LiveEvents(error_console()) as events:
        grid = prepare(read, events)
        if not dry_run:
            ablation = run(grid, events, pattern, fresh)
            write_text(target := out or _beside(plan), ablation.as_text())
    if dry_run:
        _list(grid, pattern, as_json)
    elif as_json:
        click.echo(json.dumps(ablation.as_dict(), ensure_ascii=False, indent=2))
    else:
        _show(ablation)
        click.echo(f"Results: {target}")


def _beside(plan: Path) -> Path:
    """``NAME.yaml`` → ``NAME.json``, or ``NAME.results.json`` for a plan that is JSON itself."""
    return plan.with_suffix(".results.json" if plan.suffix.lower() == ".json" else ".json")


def _list(grid: Any, pattern: str | None, as_json: bool) -> None:
    from hubkit.workflows.ablate import duration
    from hubkit.workflows.ablation_grid import chosen

    cells = chosen(grid, pattern)
    seconds = duration(grid, cells)
    listed = [
        {"cell": cell.name, "finished": grid.result(cell) is not None, "steps": grid.arms[cell.arm].steps}
        for cell in cells
    ]
    if as_json:
        click.echo(json.dumps({"cells": listed, "seconds left": seconds}, indent=2))
        return
    for row in listed:
        click.echo(f"{'done ' if row['finished'] else '     '}{row['cell']}  {row['steps']} steps")
    left = sum(not row["finished"] for row in listed)
    about = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
    click.echo(f"{left} of {len(listed)} cells to run: about {about} of training")


def _show(ablation: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    for title in dict.fromkeys((row.test, row.languages) for row in ablation.table.rows):
        drawn = Table(title=f"{title[0]}, languages {title[1]}", title_justify="left")
        control = ablation.table.control
        for name in ("arm", "strength", "view", "core", "R@1", f"over {control}", "own (right − wrong)"):
            drawn.add_column(name)
        for row in ablation.table.rows:
            if (row.test, row.languages) == title:
                drawn.add_row(
                    row.arm, f"{row.strength:g}", row.view, f"{row.core:.3f}", f"{row.score:.3f}",
                    _told(row.over_control), _told(row.own),
                )  # fmt: skip
        console.print(drawn)
    for warning in ablation.warnings:
        console.print(f"! {warning}", style="yellow", markup=False)
    if ablation.missing:
        console.print(f"{len(ablation.missing)} cells are not there yet, such as {ablation.missing[0]}.", markup=False)


def _told(difference: Any) -> str:
    if difference is None:
        return "–"
    return f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}] {difference.verdict}"
