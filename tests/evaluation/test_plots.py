from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.evaluation.plots import WIDTH, Scale, forest, lines
from hubkit.evaluation.report import Change

VALUES = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 6))


def change(value: float, low: float, high: float, verdict: str = "gain") -> Change:
    return Change(value=value, ci95=(low, high), verdict=verdict, n=50, minimum_detectable=0.1)  # type: ignore[arg-type]


@given(st.lists(VALUES, min_size=1, max_size=20))
def test_a_scale_has_room_for_its_values_and_keeps_their_order(values: list[float]) -> None:
    scale = Scale.around(values, 100, 500)
    at = [scale(value) for value in sorted(values)]
    assert all(100 <= place <= 500 for place in at)
    assert at == sorted(at)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e6))
def test_ticks_are_few_within_the_scale_and_equally_far_apart(low: float, width: float) -> None:
    scale = Scale(low, low + width, 0, 1000)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 7
    assert all(-0.01 <= tick.at <= 1000.01 for tick in ticks)
    gaps = [after.at - before.at for before, after in pairwise(ticks)]
    assert max(gaps) - min(gaps) < 0.05


def test_ticks_have_round_labels() -> None:
    assert [tick.label for tick in Scale(-0.11, 0.21, 0, 100).ticks()] == ["−.1", "0", ".1", ".2"]
    assert [tick.label for tick in Scale(0, 4000, 0, 100).ticks(4)] == ["0", "1,000", "2,000", "3,000", "4,000"]


def test_a_forest_plot_puts_intervals_around_values_and_zero_within() -> None:
    plot = forest(
        [("core", {"raw": change(0.1, 0.02, 0.2), "centred": change(-0.1, -0.2, 0.3, "within noise")})], "R@1"
    )
    first, second = plot.rows
    assert (first.label, second.label) == ("core", "")
    assert plot.zero < first.low < first.at < first.high
    assert second.low < second.at < plot.zero < second.high
    assert plot.start <= second.low and second.high <= plot.words_at < WIDTH
    assert first.y < second.y < plot.base < plot.height
    assert second.words == "−.10 [−.20, .30], within noise"


def test_a_forest_plot_of_gains_alone_shows_zero() -> None:
    plot = forest([("core", {"raw": change(0.5, 0.4, 0.6)})], "R@1")
    assert plot.start <= plot.zero < plot.rows[0].low


def test_a_long_name_is_cut() -> None:
    (row,) = forest([("relative-lang-rw-and-more", {"raw": change(0.1, 0, 0.2)})], "R@1").rows
    assert row.label == "relative-lang-rw-an…"


def test_a_line_plot_goes_up_where_values_do() -> None:
    plot = lines({"a": [(0, 0.1), (1, 0.3)], "b": [(0, 0.2)]}, "step", "R@1", marked=True, chosen=1)
    (x0, y0, words), (x1, y1, _) = plot.lines[0].marks
    assert plot.left < x0 < x1 < plot.right and plot.top < y1 < y0 < plot.base
    assert words == "0: .100" and plot.lines[0].points == f"{x0},{y0} {x1},{y1}"
    assert plot.chosen == x1


@pytest.mark.parametrize("value", [0.0, -3.0, 1e-9])
def test_equal_values_are_a_flat_line(value: float) -> None:
    plot = lines({"a": [(1, value), (2, value)]}, "step", "loss")
    assert len({point.split(",")[1] for point in plot.lines[0].points.split()}) == 1
