"""How much energy a run took, estimated where the machine does not measure it."""

from __future__ import annotations

LAPTOP_WATTS = 15.0  # typical sustained package power of a laptop processor; an assumption, not a measurement


def estimated_energy(seconds: float, watts: float = LAPTOP_WATTS) -> tuple[float, str]:
    """Energy in kWh at an assumed power, and the words that say so."""
    return seconds * watts / 3.6e6, f"estimated: wall time at an assumed {watts:g} W, not measured"
