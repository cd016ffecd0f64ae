"""Many comparisons: Holm's correction, which keeps the chance of any false alarm among them at 5 %.

Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6. It assumes
nothing of how the comparisons are related.
"""

from __future__ import annotations

from collections.abc import Sequence


def holm(chances: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given: of m, the i-th smallest becomes at least (m − i + 1) · p, at most 1."""
    adjusted, largest = [0.0] * len(chances), 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=lambda place: chances[place])):
        largest = max(largest, min(1.0, (len(chances) - rank) * chances[place]))
        adjusted[place] = largest
    return adjusted
