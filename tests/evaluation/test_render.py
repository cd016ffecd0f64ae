from __future__ import annotations

import io

from rich.console import Console

from hubkit.evaluation.render import render
from hubkit.evaluation.report import Report


def printed(report: Report, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    render(report, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_everything_is_there(report: Report) -> None:
    text = " ".join(printed(report, 200).split())
    for part in ("wrong-family", *report.sentences, "! A warning with | and <b>.", "Cost: 220 s on CPU, 2 cores"):
        assert part in text


def test_tables_fit_a_terminal_of_80_columns(report: Report) -> None:
    tables = [line for line in printed(report, 80).splitlines() if line.startswith("│")]
    assert len(tables) == 8 and not any("…" in line for line in tables)
    assert all(len(line) <= 80 for line in tables)


def test_markup_in_names_is_not_interpreted(report: Report) -> None:
    odd = report.model_copy(update={"suite": report.suite.model_copy(update={"name": "[red]x[/red]"}), "further": []})
    assert "[red]x[/red]" in printed(odd, 120)
