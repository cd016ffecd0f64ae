"""What the commands that train have in common: the run is watched, and its plan or its result is shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import click


def run_and_show(train: Callable[[Any], Any], as_json: bool, quiet: bool) -> None:
    """Call ``train`` with events that are drawn, and show the outcome."""
    from rich.console import Console

    from hubkit.cli.console import LiveEvents, error_console
    from hubkit.evaluation.render import render
    from hubkit.workflows.publishable import report_page

    with nullcontext() if quiet else LiveEvents(error_console()) as events:
        outcome = train(events)
    report, installed = outcome.report, outcome.installed
    if as_json:
        click.echo(json.dumps(report.model_dump(mode="json"), ensure_ascii=False, indent=2))
        return
    render(report, Console(highlight=False))
    if report.cost is not None and report.cost.estimated:
        estimated, took = report.cost.estimated["seconds"], report.cost.total_seconds
        click.echo(f"Estimated {estimated:.0f} s, took {took:.0f} s.")
    click.echo(f"Installed {installed.name} {installed.version} in {installed.folder}")
    click.echo(f"Report with plots: {report_page(installed)}")
    tag = report.language.tag
    is_own = installed.name == f"lang-{tag}"
    asked = f"--adapter {installed.name}" if installed.name.startswith("task-") else f"-l {tag}"
    click.echo(f'Use it: hubkit.load("{tag if is_own else installed.name}") or hubkit encode {asked}')


def show_plan(plan: Mapping[str, Any], as_json: bool) -> None:
    """What would be trained on what, as JSON or YAML."""
    import yaml

    text = json.dumps(plan, ensure_ascii=False, indent=2)
    if not as_json:
        text = yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
    click.echo(text.rstrip())


def show_estimate(estimate: Any, as_json: bool) -> None:
    """The estimate, phase by phase."""
    if as_json:
        click.echo(json.dumps(estimate.as_dict(), ensure_ascii=False, indent=2))
        return
    click.echo(f"{estimate.name}: {estimate.steps:,} steps in {estimate.budget}, on {estimate.device}")
    for name, seconds in estimate.seconds.items():
        click.echo(f"  {name:<12}{seconds:8.0f} s")
    click.echo(f"  {'in all':<12}{estimate.total_seconds:8.0f} s")
    click.echo(f"memory {estimate.peak_memory_bytes / 2**30:.1f} GiB at most")
    for name, size in estimate.disk_bytes.items():
        click.echo(f"disk   {size / 2**20:8.1f} MiB {name}")
    click.echo(f"energy {1000 * estimate.energy_kwh:.2g} Wh ({estimate.energy_method})")
