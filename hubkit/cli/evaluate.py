"""``hubkit evaluate``: the command line of the workflow of that name."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from hubkit.errors import UsageError

LEVELS = ("smoke", "standard", "full")


@click.command()
@click.argument("subject", metavar="NAME[==VERSION]|TAG|RECIPE|core")
@click.option("-l", "--language", "languages", multiple=True, metavar="TAG", help="In this language (repeat).")
@click.option("--level", type=click.Choice(LEVELS), default="standard", show_default=True, help="How much to run.")
@click.option("--task", "tasks", multiple=True, metavar="NAME", help="Only these registered tasks (repeat).")
@click.option(
    "--suite", "suites", multiple=True, type=click.Path(path_type=Path), help="Held-out suite: file or folder (repeat)."
)
@click.option("--controls", metavar="NAMES|all|none", help="Controls, with commas.  [default: those of the level]")
@click.option(
    "--reference", "references", multiple=True, metavar="MODEL",
    help="Another encoder beside it: a model of sentence-transformers, or static:PATH (repeat).",
)  # fmt: skip
@click.option(
    "--seeds", metavar="N,N,…", help="Training seeds to compare; missing ones are trained.  [default: by the level]"
)
@click.option("--core", default="e5-small", show_default=True, metavar="NAME|FOLDER", help="The core encoder.")
@click.option("--gate", "gated", is_flag=True, help="Exit with 1 when an index would not take the adapter.")
@click.option(
    "--finding", type=click.Path(dir_okay=False, path_type=Path), help="Write the result as an index record here."
)
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Folder for report.json, report.html.")
@click.option("--dry-run", is_flag=True, help="Say what would be run, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def evaluate(
    subject: str, languages: tuple[str, ...], level: str, tasks: tuple[str, ...], suites: tuple[Path, ...],
    controls: str | None, references: tuple[str, ...], seeds: str | None, core: str, gated: bool, finding: Path | None,
    output: Path | None, dry_run: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Evaluate an installed adapter, a recipe, what serves a language, or the core, beside its controls.

    Goes from a smoke stage of seconds to the level that is asked for, and ends early where the adapter is worse than
    the core. Vectors are kept: running it again, or at a higher level, encodes only what is new.
    """
    from hubkit.workflows.evaluate import EvaluateRequest

    request = EvaluateRequest(
        subject=subject, languages=languages, level=level, tasks=tasks, suites=suites, controls=_controls(controls),  # type: ignore[arg-type]
        references=references, seeds=_numbers(seeds), core=core, output=output,
    )  # fmt: skip
    _plan(request, as_json) if dry_run else _run(request, gated, finding, as_json, quiet)


def _controls(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    if text == "none":
        return ()
    if text == "all":
        from hubkit.evaluation.control_systems import names_at

        return tuple(names_at("full"))
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _numbers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() for part in parts):
        raise UsageError(f"--seeds {text} are no seeds.", "Write numbers from 0 on: --seeds 0,1,2.")
    return tuple(map(int, parts))


def _plan(request: Any, as_json: bool) -> None:
    from hubkit.workflows.evaluate import prepare

    plan = prepare(request).as_data()
    if as_json:
        click.echo(json.dumps(plan, ensure_ascii=False, indent=2))
        return
    for key, value in plan.items():
        click.echo(f"{key}: {value}")


def _run(request: Any, gated: bool, finding: Path | None, as_json: bool, quiet: bool) -> None:
    from rich.console import Console

    from hubkit.cli.console import LiveEvents, error_console
    from hubkit.evaluation.render import render
    from hubkit.workflows.evaluate import evaluate as work

    with nullcontext() if quiet else LiveEvents(error_console()) as events:
        outcome = work(request, events)
    report = outcome.report
    if as_json:
        click.echo(json.dumps(report.model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        render(report, Console(highlight=False))
        click.echo(f"Wrote report.json and report.html in {outcome.folder}")
    if finding is not None:
        _finding(outcome, request.core, finding)
    if gated and report.gate is not None:
        click.echo(gate_line(report.gate), err=not report.gate.passed or as_json)
        sys.exit(0 if report.gate.passed else 1)


def _finding(outcome: Any, core: str, path: Path) -> None:
    from hubkit.workflows.finding import write_finding

    record = write_finding(outcome, core, path)
    click.echo(f"Wrote {record.key} ({record.conclusion}) to {path}; add it with `hubkit index add {path}`", err=True)


def gate_line(gate: Any) -> str:
    """The verdict with its reasons."""
    return f"Gate {'passed' if gate.passed else 'failed'} ({gate.label}): {'; '.join(gate.reasons)}."
