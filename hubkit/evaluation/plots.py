"""Where the marks of a plot go: forest plots and line plots as plain coordinates, which a template draws as SVG.

Coordinates are in pixels of a drawing that is :data:`WIDTH` wide; the page scales it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hubkit.evaluation.report import Change
from hubkit.evaluation.words import judged, number

WIDTH = 720
_LABELS, _WORDS = 155, 230  # room for the names on the left of a forest plot and for the figures on its right
_LONGEST = 20  # characters of a name
_BAND, _TOP, _AXIS = 22, 12, 34  # height of a row, of the upper margin and of the axis below
_LEFT, _RIGHT, _LINE_HEIGHT = 56, 20, 190
_MARGIN = 0.06  # of the range of values, on either side


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map from values (``low`` to ``high``) to pixels (``start`` to ``end``)."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(cls, values: Sequence[float], start: float, end: float) -> Scale:
        """The map that has room for all ``values`` (at least one)."""
        low, high = min(values), max(values)
        spare = _MARGIN * (high - low) or 0.05 * max(1.0, abs(high))
        return cls(low - spare, high + spare, start, end)

    def __call__(self, value: float) -> float:
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 2)

    def ticks(self, wanted: int = 5) -> list[Tick]:
        """About ``wanted`` marks at round values: steps of 1, 2 or 5 times a power of ten."""
        rough = (self.high - self.low) / wanted
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [Tick(self(count * step), _label(count * step, digits)) for count in range(first, last + 1)]


def _label(value: float, digits: int) -> str:
    if abs(value) < 10.0**-digits / 2:
        return "0"
    return number(value, digits) if digits else f"{value:,.0f}".replace("-", "−")


@dataclass(frozen=True, slots=True)
class Interval:
    """One row of a forest plot: a value with its interval, in words too."""

    label: str  # on the first of several rows of one control only
    series: str  # "raw" or "centred": the shape and the colour of the mark
    y: float
    low: float
    at: float
    high: float
    words: str


@dataclass(frozen=True, slots=True)
class Forest:
    """A forest plot: changes with their intervals one below the other, and a line at no change."""

    rows: list[Interval]
    ticks: list[Tick]
    zero: float
    height: int
    base: int  # where the axis is
    start: int  # where the room for intervals begins
    middle: float
    words_at: int
    label: str


def forest(changes: Sequence[tuple[str, Mapping[str, Change]]], label: str) -> Forest:
    """A forest plot of ``changes``: name → series → change; ``label`` says what the axis is."""
    flat = [change for _, series in changes for change in series.values()]
    bounds = [bound for change in flat for bound in change.ci95]
    scale = Scale.around([0.0, *bounds, *(change.value for change in flat)], _LABELS, WIDTH - _WORDS)
    rows: list[Interval] = []
    y = float(_TOP)
    for name, series in changes:
        for place, (kind, change) in enumerate(series.items()):
            low, high = change.ci95
            y += _BAND
            shown = "" if place else name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
            rows.append(Interval(shown, kind, y - 8, scale(low), scale(change.value), scale(high), judged(change)))
        y += 6
    base = round(y)
    end = WIDTH - _WORDS
    return Forest(rows, scale.ticks(), scale(0.0), base + _AXIS, base, _LABELS, (_LABELS + end) / 2, end + 14, label)


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a line plot: the points of a polyline, and each of them with its words."""

    name: str
    points: str  # as SVG has them: "x,y x,y"
    marks: list[tuple[float, float, str]]


@dataclass(frozen=True, slots=True)
class Lines:
    """A line plot; ``chosen`` is where a vertical line marks the value that was taken."""

    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    left: int
    right: int
    top: int
    base: int
    height: int
    x_label: str
    y_label: str
    chosen: float | None = None


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]],
    x_label: str,
    y_label: str,
    *,
    marked: bool = False,
    chosen: float | None = None,
) -> Lines:
    """A plot of ``series``: name → (x, y) in the order of x; with ``marked`` every point has a mark and its figures."""
    flat = [point for points in series.values() for point in points]
    base = _TOP + _LINE_HEIGHT
    across = Scale.around([x for x, _ in flat], _LEFT, WIDTH - _RIGHT)
    up = Scale.around([y for _, y in flat], base, _TOP)
    drawn = [
        Line(
            name,
            " ".join(f"{across(x)},{up(y)}" for x, y in points),
            [(across(x), up(y), f"{x:g}: {number(y, 3)}") for x, y in points] if marked else [],
        )
        for name, points in series.items()
    ]
    return Lines(
        lines=drawn,
        x_ticks=across.ticks(6),
        y_ticks=up.ticks(4),
        left=_LEFT,
        right=WIDTH - _RIGHT,
        top=_TOP,
        base=base,
        height=base + 44,
        x_label=x_label,
        y_label=y_label,
        chosen=None if chosen is None else across(chosen),
    )
