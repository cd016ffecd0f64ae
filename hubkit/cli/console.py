"""Progress on standard error: phases, bars with the time left, and the figures of a training run."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from hubkit.cli.dashboard import Dashboard, pace

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hubkit.training.loop import Progress as TrainingProgress

LINE_SECONDS = 15.0


def error_console() -> Console:
    """Where progress and warnings go."""
    return Console(stderr=True, highlight=False)


def conversion_bar() -> Callable[[str, float], None] | None:
    """A function (what, fraction) that draws one bar and ends it at 1; ``None`` where there is no terminal."""
    console = error_console()
    if not console.is_terminal:
        return None
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console)
    task: list[TaskID] = []

    def show(what: str, fraction: float) -> None:
        if not task:
            bar.start()
            task.append(bar.add_task(what, total=1.0))
        bar.update(task[0], completed=fraction)
        if fraction >= 1:
            bar.stop()

    return show


class LiveEvents:
    """Workflow events as a live line a phase, and a dashboard while training; in a log file, one line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("[bold]{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[figures]}"),
            console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self._dashboard: Dashboard | None = None
        self._live = Live(console=console, refresh_per_second=4, transient=True, get_renderable=self._drawn)
        self._task: TaskID | None = None
        self._title = ""
        self._started = self._line = time.monotonic()

    def __enter__(self) -> LiveEvents:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self._end_phase()
        self._live.stop()

    def _drawn(self) -> RenderableType:
        return self._progress if self._dashboard is None else Group(self._progress, self._dashboard)

    def _end_phase(self) -> None:
        if self._title:
            self._console.print(f"[green]✓[/green] {self._title} [dim]{time.monotonic() - self._started:.0f} s[/dim]")
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        self._dashboard = None

    def phase(self, title: str) -> None:
        self._end_phase()
        self._title, self._started = title, time.monotonic()
        self._task = self._progress.add_task(title, total=None, figures="")

    def _show(self, fraction: float, figures: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, total=1.0, completed=fraction, figures=figures)
        if not self._console.is_terminal and time.monotonic() - self._line > LINE_SECONDS:
            self._line = time.monotonic()
            self._console.print(f"  {self._title} {fraction:.0%} {figures}")

    def advance(self, what: str, fraction: float) -> None:
        self._show(fraction, what)

    def training(self, progress: TrainingProgress) -> None:
        if self._console.is_terminal:
            self._dashboard = self._dashboard or Dashboard()
            self._dashboard.saw(progress)
            self._show(progress.fraction, pace(progress))
            return
        parts: list[Any] = [
            f"step {progress.step}", f"loss {progress.loss:.3f}", f"{progress.sentences_per_second:.0f} sentences/s",
        ]  # fmt: skip
        if progress.dev is not None:
            parts.append(f"dev R@1 {progress.dev:.3f}")
        if progress.left is not None:
            parts.append(f"{progress.left:.0f} s left")
        self._show(progress.fraction, " · ".join(parts))

    def note(self, text: str) -> None:
        self._console.print(f"  {text}", markup=False)

    def warn(self, text: str) -> None:
        self._console.print(f"  ! {text}", style="yellow", markup=False)
