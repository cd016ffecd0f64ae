"""Progress on standard error: lines in a log, nothing that a pipe would choke on."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from hubkit.cli import console as module
from hubkit.cli.console import LiveEvents, conversion_bar


def log() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, width=120, highlight=False), stream


def progress(**changes: Any) -> Any:
    values = {"fraction": 0.25, "step": 7, "loss": 1.5, "sentences_per_second": 61.4, "left": 12.0, "dev": 0.5}
    return SimpleNamespace(**values | changes)


def test_phases_notes_and_warnings_are_lines() -> None:
    console, stream = log()
    with LiveEvents(console) as events:
        events.phase("corpora")
        events.note("Kinyarwanda: [mediawiki] 12 pairs")
        events.warn("source cldr: not reached")
        events.phase("training")
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["  Kinyarwanda: [mediawiki] 12 pairs", "  ! source cldr: not reached"]
    assert lines[2].startswith("✓ corpora") and lines[3].startswith("✓ training")


def test_a_phase_that_failed_is_not_ticked_off() -> None:
    console, stream = log()
    with pytest.raises(RuntimeError), LiveEvents(console) as events:
        events.phase("training")
        raise RuntimeError
    assert "✓" not in stream.getvalue()


def test_a_log_has_a_line_of_progress_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock.now)
    console, stream = log()
    events = LiveEvents(console)
    events.phase("training")
    for second in range(40):
        clock.now = float(second)
        events.training(progress(step=second))
    lines = [line for line in stream.getvalue().splitlines() if "step" in line]
    assert 2 <= len(lines) <= 3
    assert lines[0].startswith("  training 25% step ")
    for part in ("loss 1.500", "61 sentences/s", "dev R@1 0.500", "12 s left"):
        assert part in lines[0]


def test_figures_that_are_not_known_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINE_SECONDS", -1.0)
    console, stream = log()
    events = LiveEvents(console)
    events.phase("training")
    events.training(progress(left=None, dev=None))
    assert "left" not in stream.getvalue() and "dev" not in stream.getvalue()


def test_no_bar_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "error_console", lambda: Console(file=io.StringIO(), force_terminal=False))
    assert conversion_bar() is None


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(module, "error_console", lambda: Console(file=stream, force_terminal=True, width=80))
    show = conversion_bar()
    assert show is not None
    show("converting", 0.5)
    show("converting", 1.0)
    assert "converting" in stream.getvalue()
