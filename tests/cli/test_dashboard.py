"""The dashboard of a run, as a terminal shows it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from hubkit.cli.console import LiveEvents
from hubkit.cli.dashboard import CURVE_WIDTH, Curve, Dashboard, sparkline
from hubkit.training.watch import Progress

SCORES = {"rw": 0.5, "sn": 0.3}


def progress(step: int = 120, loss: float = 0.482, **more: Any) -> Progress:
    losses = {"loss": loss, "gradient": 0.9, "contrastive": 0.41, "mlm": 1.2}
    values = {
        "fraction": 0.25, "step": step, "loss": loss, "sentences_per_second": 61.4, "left": 52.0, "dev": 0.4,
        "losses": losses, "scores": SCORES, "first_scores": {"rw": 0.4, "sn": 0.35}, "peak_memory_bytes": 2**31,
    }  # fmt: skip
    return Progress(**values | more)


def drawn(*seen: Progress) -> str:
    console, dashboard = Console(record=True, width=120, file=io.StringIO(), force_terminal=True), Dashboard()
    for each in seen:
        dashboard.saw(each)
    console.print(dashboard)
    return console.export_text()


def terminal() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, force_terminal=True, width=120, color_system=None), stream


def test_the_lines_have_the_loss_its_parts_and_the_scores() -> None:
    lines = [line.split() for line in drawn(progress(step=1, loss=2.0), progress()).splitlines()]
    assert lines[0] == ["loss", "0.482", "█▁"]
    assert " ".join(lines[1]) == "parts contrastive 0.410 · mlm 1.200"
    assert " ".join(lines[2]) == "dev R@1 0.400 sn 0.300 -0.050 rw 0.500 +0.100"


def test_what_is_not_known_is_left_out() -> None:
    text = drawn(progress(dev=None, scores={}, losses={"loss": 1.0, "gradient": 1.0, "contrastive": 1.0}))
    assert "dev" not in text and "parts" not in text
    assert drawn().strip() == ""


def test_of_many_languages_those_that_lost_most_are_shown() -> None:
    scores = {f"x{number:02}": 0.01 * number for number in range(40)}
    text = " ".join(drawn(progress(scores=scores, first_scores=dict.fromkeys(scores, 0.2))).split())
    assert "x00 0.000 -0.200" in text and "x39" not in text and "and 28 more" in text


def test_another_run_begins_its_own_curve() -> None:
    assert "█" not in drawn(progress(step=90, loss=1.0), progress(step=91, loss=2.0), progress(step=1))


@pytest.mark.parametrize("count", [2, CURVE_WIDTH, CURVE_WIDTH + 5, 1000, 4097])
def test_a_curve_keeps_its_shape_and_its_width(count: int) -> None:
    curve = Curve()
    for number in range(count):
        curve.add(-float(number))
    text = str(curve)
    assert len(text) == min(count, CURVE_WIDTH)
    assert text[0] == "█" and text[-1] == "▁" and list(text) == sorted(text, reverse=True)


def test_a_flat_curve_and_no_curve() -> None:
    assert sparkline([1.0, 1.0, 1.0]) == "▁▁▁"
    assert sparkline([1.0]) == sparkline([]) == ""


def test_a_terminal_shows_the_bar_and_the_dashboard_while_it_trains() -> None:
    console, stream = terminal()
    with LiveEvents(console) as events:
        events.phase("training")
        events.training(progress(step=1, loss=2.0))
        events.training(progress())
        events._live.refresh()
        shown = stream.getvalue()
        events.phase("strength")
        stream.truncate(0)
        events._live.refresh()
        assert "loss" not in stream.getvalue()
    pace = "step 120 · 61 sentences/s · 52 s left · 2.0 GiB"
    assert all(part in shown for part in ("training", "━", pace, "0.482  █▁", "mlm 1.200", "+0.100"))


def test_a_log_has_no_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubkit.cli.console.LINE_SECONDS", -1.0)
    stream = io.StringIO()
    with LiveEvents(Console(file=stream, width=120)) as events:
        events.phase("training")
        events.training(progress())
    assert stream.getvalue().splitlines()[0] == (
        "  training 25% step 120 · loss 0.482 · 61 sentences/s · dev R@1 0.400 · 52 s left"
    )
