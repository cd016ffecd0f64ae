"""A report for the terminal, as rich renders it."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from hubkit.evaluation.html_tasks import as_change
from hubkit.evaluation.report import Change, Cost, Evaluation, Report
from hubkit.evaluation.task_result import TaskResult
from hubkit.evaluation.words import FINE_FROM, change, number

COLOURS = {"gain": "green", "loss": "red", "within noise": "dim", "too few items": "dim"}


def render(report: Report, console: Console) -> None:
    """Print the report: a table of systems for each suite, what it comes to in words, warnings and cost."""
    for evaluation in (report, *report.further):
        console.print(systems_table(evaluation))
    if report.tasks:
        console.print(tasks_table(report))
    for sentence in report.sentences:
        console.print(Text(f"• {sentence}"))
    for warning in report.warnings:
        console.print(Text(f"! {warning}", style="yellow"))
    if report.cost is not None:
        console.print(Text(cost_line(report.cost), style="dim"))


def systems_table(evaluation: Evaluation) -> Table:
    """R@1 of every system, raw and centred, and the adapter's lead over it with its interval; fits 80 columns."""
    suite = evaluation.suite
    digits = 3 if suite.n >= FINE_FROM else 2
    table = Table(title=escape(f"{suite.name}, {suite.language}: R@1 of {suite.n} pairs, both directions"))
    table.add_column("system", no_wrap=True)
    for heading in ("raw", "adapter − it", "centred", "adapter − it"):
        table.add_column(heading, justify="right", no_wrap=True)
    for system in evaluation.systems:
        gain = evaluation.gain(system.name)
        table.add_row(
            Text(system.name, style="bold" if system.name == "adapter" else ""),
            number(system.raw.mean, digits),
            _lead(gain.raw if gain else None),
            number(system.centred.mean, digits),
            _lead(gain.centred if gain else None),
        )
    return table


def tasks_table(report: Report) -> Table:
    """The main metric of every task: core, adapter, the gain with its interval, and p corrected for all of them."""
    table = Table(title="Tasks: main metrics", caption=escape(report.plan.comparisons) if report.plan else None)
    several = len({result.language for result in report.tasks}) > 1
    table.add_column("task")
    for heading in ("items", "core", "adapter", "gain", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    for result in report.tasks:
        if not result.main:
            continue
        gain = result.gain("core")
        values = [result.values.get(name) for name in ("core", "adapter")]
        table.add_row(
            Text(f"{result.task}{f', {result.language}' if several else ''}: {_metric(result)}"),
            f"{result.n:,}",
            *("" if value is None else number(value, 3) for value in values),
            Text(change(as_change(gain)), style=COLOURS[gain.verdict]) if gain else "",
            f"{gain.p_holm:.2g}" if gain and gain.p_holm is not None else "",
        )
    return table


def _metric(result: TaskResult) -> str:
    return f"{result.metric}, {result.view}{'' if result.higher_is_better else ' (less is better)'}"


def _lead(difference: Change | None) -> Text:
    """The lead in the colour of its verdict."""
    if difference is None:
        return Text("")
    return Text(change(difference), style=COLOURS[difference.verdict])


def cost_line(cost: Cost) -> str:
    """Wall time by phase, peak memory, energy and speed, as far as they are known."""
    phases = ", ".join(f"{phase} {seconds:.0f} s" for phase, seconds in cost.seconds.items())
    parts = [f"Cost: {cost.total_seconds:.0f} s on {cost.device} ({phases})"]
    if cost.peak_memory_bytes is not None:
        parts.append(f"peak memory {cost.peak_memory_bytes / 2**30:.1f} GiB")
    if cost.energy_kwh is not None:
        parts.append(f"{1000 * cost.energy_kwh:.3g} Wh ({cost.energy_method or 'method not stated'})")
    if cost.tokens_per_second is not None:
        parts.append(f"{cost.tokens_per_second:,.0f} tokens/s")
    return "; ".join(parts) + "."
