"""What a training run shows on a terminal: its pace, its loss with the curve of it, and its development scores."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hubkit.training.loop import Progress

CURVE_WIDTH, MOST_LANGUAGES = 32, 12
_BLOCKS = "▁▂▃▄▅▆▇█"
_SHOWN_ELSEWHERE = ("loss", "gradient")


class Curve:
    """The whole of a curve in a bounded number of means: when they are too many, neighbours are joined."""

    def __init__(self, width: int = CURVE_WIDTH) -> None:
        self._width, self._each = width, 1
        self._points: list[float] = []
        self._open: list[float] = []

    def add(self, value: float) -> None:
        """The next value."""
        self._open.append(value)
        if len(self._open) < self._each:
            return
        self._points.append(sum(self._open) / len(self._open))
        self._open.clear()
        if len(self._points) == 2 * self._width:
            pairs = zip(self._points[::2], self._points[1::2], strict=True)
            self._points = [(one + other) / 2 for one, other in pairs]
            self._each *= 2

    def __str__(self) -> str:
        points = self._points
        if len(points) > self._width:
            ends = [len(points) * number // self._width for number in range(self._width + 1)]
            parts = [points[start:end] for start, end in pairwise(ends)]
            points = [sum(part) / len(part) for part in parts]
        return sparkline(points)


def sparkline(points: list[float]) -> str:
    """One character a point, from the lowest to the highest."""
    if len(points) < 2:
        return ""
    low, high = min(points), max(points)
    scale = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BLOCKS[round((point - low) * scale)] for point in points)


class Dashboard:
    """The lines under the bar, drawn anew as steps are done."""

    def __init__(self) -> None:
        self._curve = Curve()
        self._last: Progress | None = None

    def saw(self, progress: Progress) -> None:
        """A step is done."""
        if self._last is not None and progress.step < self._last.step:
            self._curve = Curve()  # another run: the control, a further seed
        self._curve.add(progress.loss)
        self._last = progress

    def __rich__(self) -> RenderableType:
        if self._last is None:
            return Text()
        lines = Table.grid(padding=(0, 2))
        for name, figures in rows(self._last, str(self._curve)):
            lines.add_row(Text(f"  {name}", style="dim"), figures)
        return lines


def pace(progress: Progress) -> str:
    """Steps, speed, seconds left and peak memory."""
    parts = [f"step {progress.step:,}", f"{progress.sentences_per_second:.0f} sentences/s"]
    if progress.left is not None:
        parts.append(f"{progress.left:.0f} s left")
    if progress.peak_memory_bytes:
        parts.append(f"{progress.peak_memory_bytes / 2**30:.1f} GiB")
    if progress.peak_gpu_bytes:
        parts.append(f"GPU {progress.peak_gpu_bytes / 2**30:.1f} GiB")
    return " · ".join(parts)


def rows(progress: Progress, curve: str) -> list[tuple[str, Text]]:
    """Name and figures of each line under the bar."""
    found = [("loss", Text.assemble(f"{progress.loss:.3f}  ", (curve, "cyan")))]
    losses = {name: loss for name, loss in progress.losses.items() if name not in _SHOWN_ELSEWHERE}
    if len(losses) > 1:
        found.append(("parts", Text(" · ".join(f"{name} {loss:.3f}" for name, loss in losses.items()))))
    if progress.dev is not None:
        found.append(("dev R@1", Text(f"{progress.dev:.3f}  ").append_text(scores(progress))))
    return found


def scores(progress: Progress) -> Text:
    """Development scores by language with what they have gained since the first, the largest falls first."""
    gains = {tag: score - progress.first_scores.get(tag, score) for tag, score in progress.scores.items()}
    if len(gains) < 2:
        return Text(_signed(next(iter(gains.values()))) if gains else "")
    shown = sorted(gains, key=gains.__getitem__)[:MOST_LANGUAGES]
    text = Text(" ").join(_score(tag, progress.scores, gains[tag]) for tag in shown)
    return text.append(f" and {len(gains) - len(shown)} more") if len(shown) < len(gains) else text


def _score(tag: str, of: Mapping[str, float], gain: float) -> Text:
    return Text(f"{tag} {of[tag]:.3f} ").append(_signed(gain), style="red" if gain < 0 else "green")


def _signed(gain: float) -> str:
    return f"{gain:+.3f}"
