"""How much energy a run took: as codecarbon finds it where it is installed, else estimated from the time.

Energy alone is asked of codecarbon (Courty et al., https://github.com/mlco2/codecarbon): what a kilowatt-hour emits
depends on where and when it was made, which hubkit does not know.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any

LAPTOP_WATTS = 15.0  # typical sustained package power of a laptop processor; an assumption, not a measurement
SECONDS_BETWEEN = 15  # of codecarbon's readings
COUNTERS = {"intel_rapl": "RAPL counters", "windows_emi": "Windows energy meter", "intel_power_gadget": "Power Gadget"}
"""The ways of codecarbon that read what a processor itself counts; the others are models."""
_MODELS = {"cpu_load": "its load and its rated power", "constant": "its rated power"}


def estimated_energy(seconds: float, watts: float = LAPTOP_WATTS) -> tuple[float, str]:
    """Energy in kWh at an assumed power, and the words that say so."""
    return seconds * watts / 3.6e6, f"estimated: wall time at an assumed {watts:g} W, not measured"


class EnergyMeter:
    """Counts from when it is made until it is first read."""

    def __init__(self) -> None:
        self._tracker = _started()
        self._read: tuple[float, str] | None = None

    def read(self, seconds: float) -> tuple[float, str]:
        """Energy in kWh and how it was come by; ``seconds`` of wall time are what an estimate is made from."""
        if self._read is None:
            self._read = _stopped(self._tracker) or estimated_energy(seconds)
        return self._read


def _started() -> Any | None:
    """A running tracker that writes nothing and asks nobody, or None."""
    if find_spec("codecarbon") is None:
        return None
    try:
        from codecarbon import OfflineEmissionsTracker

        logging.getLogger("codecarbon").setLevel(logging.CRITICAL)  # its import sets another level
        tracker = OfflineEmissionsTracker(
            country_iso_code="USA",  # of no effect on the energy
            measure_power_secs=SECONDS_BETWEEN,
            tracking_mode="process",
            allow_multiple_runs=True,
            log_level="critical",
            save_to_file=False,
            save_to_api=False,
            save_to_logger=False,
        )
        tracker.start()
    except Exception:  # a meter that fails must not end a run
        return None
    return tracker


def _stopped(tracker: Any | None) -> tuple[float, str] | None:
    """What the tracker found; None where it found nothing."""
    if tracker is None:
        return None
    try:
        tracker.stop()
        found = tracker.final_emissions_data
        energy, version = float(found.energy_consumed), str(found.codecarbon_version)
    except Exception:
        return None
    if not energy > 0:
        return None
    return energy, _method(version, getattr(tracker, "_hardware", None) or (), float(found.gpu_energy))


def _method(version: str, hardware: Any, gpu_energy: float) -> str:
    """Which parts were read off counters and which are models: only the former is a measurement."""
    modes = [mode for part in hardware if (mode := getattr(part, "_mode", None)) is not None]
    mode = modes[0] if modes else None
    is_measured = mode in COUNTERS or any(type(part).__name__ == "AppleSiliconChip" for part in hardware)
    processor = (
        COUNTERS.get(str(mode)) or _MODELS.get(str(mode)) or ("powermetrics" if is_measured else "its own model")
    )
    graphics = ", graphics processor by its own counter" if gpu_energy > 0 else ""
    word = "measured" if is_measured else "estimated"
    return f"{word} by codecarbon {version}: processor by {processor}{graphics}, memory by a model"
