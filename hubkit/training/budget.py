"""How long training may take: wall time or a number of optimiser steps."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hubkit.errors import UsageError

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(steps?|s|min|m|h)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Budget:
    """Exactly one of ``seconds`` and ``steps`` is set."""

    seconds: float | None = None
    steps: int | None = None

    def progress(self, seconds: float, steps: int) -> float:
        """Fraction of the budget that is spent, 0 to 1."""
        spent = steps / self.steps if self.steps else seconds / (self.seconds or 1.0)
        return min(1.0, spent)

    def __str__(self) -> str:
        return f"{self.steps} steps" if self.steps else f"{self.seconds:g}s"


def parse_budget(text: str) -> Budget:
    """``"90s"``, ``"5m"``, ``"1h"`` or ``"400 steps"`` → :class:`Budget`. Raises :class:`UsageError`."""
    match = _PATTERN.fullmatch(text.strip())
    if not match or float(match[1]) <= 0:
        raise UsageError(
            f"{text!r} is not a budget.", "Write a time such as 90s, 5m or 1h, or a number of steps such as 400steps."
        )
    amount, unit = float(match[1]), match[2].lower()
    if unit.startswith("step"):
        return Budget(steps=max(1, round(amount)))
    return Budget(seconds=amount * _UNITS[unit])
