from __future__ import annotations

import importlib.machinery
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hubkit.evaluation.energy import EnergyMeter, estimated_energy

ASKED: dict[str, Any] = {}


class Tracker:
    """As much of codecarbon's offline tracker as the meter uses."""

    mode: str | None = "intel_rapl"
    energy: float = 0.002
    gpu_energy: float = 0.0
    breaks: str = ""

    def __init__(self, **asked: Any) -> None:
        if self.breaks == "init":
            raise OSError("no counters")
        ASKED.clear()
        ASKED.update(asked)
        self.running = False
        self._hardware = [SimpleNamespace(), SimpleNamespace(_mode=self.mode)]

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        assert self.running
        if self.breaks != "stop":  # codecarbon swallows its own errors, and there is no result
            self.final_emissions_data = SimpleNamespace(
                energy_consumed=self.energy, gpu_energy=self.gpu_energy, codecarbon_version="9.9"
            )


@pytest.fixture
def codecarbon(monkeypatch: pytest.MonkeyPatch) -> type[Tracker]:
    """A module ``codecarbon`` whose tracker is a class of this test."""
    module = ModuleType("codecarbon")
    module.__spec__ = importlib.machinery.ModuleSpec("codecarbon", None)
    module.OfflineEmissionsTracker = own = type("OfflineEmissionsTracker", (Tracker,), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "codecarbon", module)
    return own


def test_an_hour_at_15_watts() -> None:
    energy, words = estimated_energy(3600)
    assert energy == pytest.approx(0.015)
    assert words.startswith("estimated") and "15 W" in words


def test_without_codecarbon_it_is_an_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubkit.evaluation.energy.find_spec", lambda name: None)
    assert EnergyMeter().read(3600) == estimated_energy(3600)


def test_counters_are_a_measurement_and_nothing_is_written_or_sent(codecarbon: type[Tracker]) -> None:
    assert EnergyMeter().read(3600) == (
        0.002, "measured by codecarbon 9.9: processor by RAPL counters, memory by a model",
    )  # fmt: skip
    assert not any(ASKED[f"save_to_{where}"] for where in ("file", "api", "logger"))


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("cpu_load", "estimated by codecarbon 9.9: processor by its load and its rated power, memory by a model"),
        (None, "estimated by codecarbon 9.9: processor by its own model, memory by a model"),
    ],
)
def test_a_model_of_codecarbon_is_no_measurement(codecarbon: type[Tracker], mode: str | None, words: str) -> None:
    codecarbon.mode = mode
    assert EnergyMeter().read(1)[1] == words


def test_a_graphics_processor_is_named(codecarbon: type[Tracker]) -> None:
    codecarbon.gpu_energy = 0.001
    assert "graphics processor by its own counter" in EnergyMeter().read(1)[1]


@pytest.mark.parametrize("breaks", ["init", "stop"])
def test_a_meter_that_fails_does_not_end_a_run(codecarbon: type[Tracker], breaks: str) -> None:
    codecarbon.breaks = breaks
    assert EnergyMeter().read(3600) == estimated_energy(3600)


def test_no_energy_is_no_result(codecarbon: type[Tracker]) -> None:
    codecarbon.energy = 0.0
    assert EnergyMeter().read(3600) == estimated_energy(3600)


def test_a_second_reading_is_the_first(codecarbon: type[Tracker]) -> None:
    meter = EnergyMeter()
    assert meter.read(1) == meter.read(1000)
