"""What was wrong in a user's file: every kind of bad line counted, with the places of the first five."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHOWN = 5  # places kept of each kind of problem


@dataclass(slots=True)
class Problem:
    """One kind of bad line: how many, and where the first are."""

    lines: int = 0
    first: list[str] = field(default_factory=list)


@dataclass(slots=True)
class FileReport:
    """What was read of some files: lines, pairs or texts kept, and the problems by kind."""

    files: list[str] = field(default_factory=list)
    lines: int = 0
    kept: int = 0
    problems: dict[str, Problem] = field(default_factory=dict)

    def note(self, kind: str, path: Path, line: int) -> None:
        """Count one line of ``path`` (from 1) under ``kind``."""
        problem = self.problems.setdefault(kind, Problem())
        problem.lines += 1
        if len(problem.first) < SHOWN:
            problem.first.append(f"{path.name}:{line}")

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        problems = {kind: {"lines": each.lines, "first": each.first} for kind, each in self.problems.items()}
        return {"files": self.files, "lines": self.lines, "kept": self.kept, "problems": problems}

    def summary(self) -> str:
        """One paragraph for people: ``980 of 1000 lines kept; 15 wrong columns (a.tsv:3, …)``."""
        parts = [f"{self.kept} of {self.lines} lines kept from {', '.join(self.files)}"]
        parts += [f"{each.lines} {kind} ({self._places(each)})" for kind, each in self.problems.items()]
        return "; ".join(parts) + "."

    @staticmethod
    def _places(problem: Problem) -> str:
        return ", ".join(problem.first) + (", …" if problem.lines > len(problem.first) else "")


def listed(names: Iterable[str], most: int = 8) -> str:
    """Some names for an error message: ``a, b, c and 5 more``."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return (", ".join(every[:most]) + more) or "none"
