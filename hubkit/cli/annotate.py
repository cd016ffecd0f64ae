"""``hubkit annotate``: judge sentence pairs in the terminal or on a page, and what all judgements come to."""

from __future__ import annotations

import json
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from hubkit.evaluation.annotation.session import Session

ANSWERS = {"1": "same", "s": "same", "2": "related", "r": "related", "3": "different", "d": "different",
           "0": "unsure", "u": "unsure"}  # fmt: skip
PROMPT = "1 same, 2 related, 3 different, 0 unsure, b back, q stop"


@click.command()
@click.argument("language", metavar="TAG")
@click.option("--annotator", metavar="NAME", help="Who judges: the name or id that is credited.")
@click.option("--suite", type=click.Path(path_type=Path), help="Your sentence pairs: file or folder.")
@click.option("--task", metavar="NAME", help="A registered suite.  [default: udhr]")
@click.option("--system", metavar="TEXT", help="Whose cosines: an adapter, a recipe or core.  [default: TAG's recipe]")
@click.option("--core", default="e5-small", show_default=True, metavar="NAME|FOLDER", help="The core encoder.")
@click.option(
    "-n", "--number", type=click.IntRange(20, 100), default=40, show_default=True, help="Pairs to judge, 20 to 100."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the choice of pairs.")
@click.option("--same-as", type=click.Path(path_type=Path), help="Judge the pairs of this file of another annotator.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file of judgements.")
@click.option("--web", is_flag=True, help="Judge on a page in the browser of this machine.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the page.  [default: a free one]")
@click.option("--report", "only_report", is_flag=True, help="Say what all judgements of the language come to.")
@click.option(
    "--agreement", nargs=2, type=click.Path(path_type=Path), metavar="A B", help="Compare two annotators' files."
)
@click.option("--json", "as_json", is_flag=True, help="Print what it comes to as JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def annotate(
    language: str, annotator: str | None, suite: Path | None, task: str | None, system: str | None, core: str,
    number: int, seed: int, same_as: Path | None, output: Path | None, web: bool, port: int, only_report: bool,
    agreement: tuple[Path, Path] | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Judge sentence pairs of the language TAG: do they mean the same?

    Every answer is kept at once; the same command goes on where it stopped. The judgements give the cosine from which
    two sentences mean the same, the agreement of annotators, and whether a suite's alignment can be trusted.
    """
    from hubkit.workflows.annotate import AnnotateRequest, compare_annotators

    if agreement:
        _show_agreement(compare_annotators(language, *agreement), as_json)
        return
    if only_report:
        _show_report(language, as_json)
        return
    if annotator is None:
        raise UsageError("Nobody is named as the annotator.", "Give --annotator NAME, or --report.")
    request = AnnotateRequest(language, annotator, suite, task, system, core, number, seed, same_as, output)
    _judge(request, port if web else None, quiet)
    if output is None:
        _show_report(language, as_json)


def _judge(request: Any, port: int | None, quiet: bool) -> None:
    from hubkit.cli.console import LiveEvents, error_console
    from hubkit.workflows.annotate import open_session

    with ExitStack() as held:
        with nullcontext() if quiet else LiveEvents(error_console()) as events:
            session = held.enter_context(open_session(request, events))
        if port is None:
            _ask(session, error_console())
        else:
            _serve(session, port)
    click.echo(f"{session.done} of {len(session.pairs)} answered, in {session.path}", err=True)


def _serve(session: Session, port: int) -> None:
    from hubkit.evaluation.annotation.web import serve

    def ready(url: str) -> None:
        click.echo(f"Open this address in a browser on this machine: {url}", err=True)
        click.echo("Ctrl-C stops; every answer is kept.", err=True)

    try:
        serve(session, port, ready)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


def _ask(session: Session, console: Console) -> None:
    """Pair after pair until all are answered, or the annotator stops."""
    from rich.text import Text

    from hubkit.evaluation.annotation.judgement import LABELS

    for name, meaning in LABELS.items():
        console.print(Text.assemble((f"{name:>10}  ", "bold"), meaning))
    while (pair := session.current()) is not None:
        answered = session.label(pair.id)
        console.print(Text(f"\n{session.pairs.index(pair) + 1} of {len(session.pairs)}", style="dim"), end="")
        console.print(Text(f"  (before: {answered})" if answered else "", style="dim"))
        console.print(Text(f"  {pair.text}", style="bold"))
        console.print(Text(f"  {pair.english}"))
        typed = _typed()
        if typed in {"q", ""}:
            return
        if typed == "b":
            session.back()
        elif typed in ANSWERS:
            session.answer(pair.id, ANSWERS[typed])
        else:
            console.print(Text(f"  {typed[:20]!r} is none of: {PROMPT}", style="yellow"))


def _typed() -> str:
    """One answer; "" at the end of the input."""
    try:
        return str(click.prompt(PROMPT, err=True, prompt_suffix=": ")).strip().lower()
    except click.Abort:
        return ""


def _show_agreement(found: Any, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found.model_dump(mode="json"), ensure_ascii=False, indent=2))
        return
    click.echo(found.words)
    click.echo(f"Rows: {found.first}; columns: {found.second}; different, related, same.")
    for row in found.table:
        click.echo("  ".join(f"{count:4d}" for count in row))


def _show_report(language: str, as_json: bool) -> None:
    from hubkit.workflows.annotate import report

    found = report(language)
    if as_json:
        click.echo(json.dumps([one.model_dump(mode="json") for one in found], ensure_ascii=False, indent=2))
        return
    for one in found:
        for sentence in one.words:
            click.echo(f"• {sentence}")
