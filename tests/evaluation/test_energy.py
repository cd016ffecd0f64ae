from __future__ import annotations

import pytest

from hubkit.evaluation.energy import estimated_energy


def test_an_hour_at_15_watts() -> None:
    energy, words = estimated_energy(3600)
    assert energy == pytest.approx(0.015)
    assert words.startswith("estimated") and "15 W" in words
