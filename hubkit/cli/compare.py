"""``hubkit compare``: the command line of the workflow of that name."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from hubkit.evaluation.sentences import ComparisonReport, SentenceChange, SuiteComparison

LIMIT = 10
SHOWN = 100  # characters of a wrong sentence


@click.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("-l", "--language", metavar="TAG", help="Compare in this language.  [default: that of A and B]")
@click.option(
    "--suite", "suites", multiple=True, type=click.Path(path_type=Path), help="Sentence pairs: file or folder (repeat)."
)
@click.option("--task", "tasks", multiple=True, metavar="NAME", help="A registered task (repeat).  [default: udhr]")
@click.option("--core", default="e5-small", show_default=True, metavar="NAME|FOLDER", help="The core encoder.")
@click.option(
    "--limit", type=click.IntRange(min=0), help="Sentences in a list.  [default: 10; with --json and --html all]"
)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML page to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def compare(
    before: str, after: str, language: str | None, suites: tuple[Path, ...], tasks: tuple[str, ...], core: str,
    limit: int | None, html: Path | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Compare A and B sentence by sentence: what B improves, and what it makes worse.

    A and B are an adapter (lang-rw or lang-rw==0.1.0), a language (rw: the recipe that is planned for it), a recipe
    ("0.5*fam-bantu + lang-rw") or core.
    """
    from rich.console import Console

    from hubkit.cli.console import LiveEvents, error_console
    from hubkit.evaluation.sentences import limited
    from hubkit.workflows.compare_versions import CompareRequest, compare_versions

    request = CompareRequest(before, after, language, suites, tasks, core)
    with nullcontext() if quiet else LiveEvents(error_console()) as events:
        found = compare_versions(request, events)
    if html is not None:
        from hubkit.evaluation.html import write_comparison

        write_comparison(limited(found, limit), html)
        click.echo(f"Wrote {html}", err=True)
    if as_json:
        click.echo(json.dumps(limited(found, limit).model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        _print(limited(found, LIMIT if limit is None else limit), Console(highlight=False))


def _print(found: ComparisonReport, console: Console) -> None:
    from rich.text import Text

    for letter, system in (("A", found.before), ("B", found.after)):
        versions = "".join(f" {name} {version}." for name, version in system.versions.items())
        console.print(Text(f"{letter}  {system.description}{versions}"), soft_wrap=True)
    for part in found.suites:
        console.print(Text(f"\n{part.suite.name}, {part.suite.language}, {part.view}", style="bold"))
        for sentence in part.words:
            console.print(Text(f"• {sentence}"))
        if part.view == "raw":
            _print_lists(part, console)
    for task in found.tasks:
        console.print(Text(f"\n• {task.words}"))
        for title, items, in_all in (
            ("improved", task.improved, task.improved_in_all),
            ("regressed", task.regressed, task.regressed_in_all),
        ):
            if items:
                listed = ", ".join(f"{item.key} {item.before:.3g} → {item.after:.3g}" for item in items)
                console.print(Text(f"  {in_all} {title}: {listed}"))


def _print_lists(part: SuiteComparison, console: Console) -> None:
    from rich.text import Text

    lists = (
        ("improved", "green", part.improved, part.improved_in_all),
        ("regressed", "red", part.regressed, part.regressed_in_all),
    )
    for title, colour, sentences, in_all in lists:
        if in_all:
            shown = "" if len(sentences) == in_all else f", {len(sentences)} shown"
            console.print(Text(f"\n{in_all} {title}{shown}:", style=colour))
        for sentence in sentences:
            _print_sentence(sentence, console)


def _print_sentence(sentence: SentenceChange, console: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    console.print(Text.assemble((f"{sentence.key}  ", "dim"), sentence.text))
    console.print(Padding(Text(sentence.english, style="dim"), (0, 0, 0, 2)))
    for name, direction in (("text → English", sentence.forward), ("English → text", sentence.backward)):
        line = f"{name}: rank {direction.rank_before} → {direction.rank_after}"
        for system, winner in (("A", direction.winner_before), ("B", direction.winner_after)):
            if winner is not None:
                line += f"; under {system} “{_short(winner.text)}” ({winner.key}) came first"
        console.print(Padding(Text(line), (0, 0, 0, 2)))


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
