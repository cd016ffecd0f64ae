"""The cells of an ablation: what each is, which key it has, and where its result lies."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubkit.composition.recipe import Stack
from hubkit.errors import NotFoundError
from hubkit.evaluation.suite import ParallelSuite
from hubkit.languages import find
from hubkit.runtime.encoder import Encoder
from hubkit.settings import settings
from hubkit.training.code import code_digest
from hubkit.training.network import frozen_stack, pinned_start
from hubkit.training.targets import Targets
from hubkit.workflows.ablation_plan import Arm, Plan
from hubkit.workflows.ablation_text import PairsByTag, Texts, digest_of_pairs, digest_of_tests, domains

FORMAT = 1
SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Cell:
    """One adapter to train and score. ``languages`` are those that it is scored on."""

    arm: str
    role: str  # "right" or "wrong"
    subject: str  # a language, or SHARED, or a family
    seed: int
    languages: tuple[str, ...]
    pairs: PairsByTag
    target: str | None = None

    @property
    def name(self) -> str:
        """``plain/right/zu/0``, what ``--cells`` is compared with."""
        return f"{self.arm}/{self.role}/{self.subject}/{self.seed}"

    def as_dict(self) -> dict[str, Any]:
        """What the plan calls it."""
        return {"cell": self.name, "arm": self.arm, "role": self.role, "subject": self.subject, "seed": self.seed}


@dataclass(slots=True)
class Grid:
    """A plan with its text gathered: every cell, and where its result lies."""

    plan: Plan
    arms: dict[str, Arm]
    encoder: Encoder
    targets: Targets
    tests: list[ParallelSuite]
    cells: list[Cell]
    watched: list[ParallelSuite] = field(default_factory=list)
    _keys: dict[str, str] = field(default_factory=dict)

    def key(self, cell: Cell) -> str:
        """Hash of everything that decides the cell's result, but not of hubkit's code (see :meth:`stale`)."""
        if cell.name not in self._keys:
            self._keys[cell.name] = self._key(cell)
        return self._keys[cell.name]

    def _key(self, cell: Cell) -> str:
        arm = self.arms[cell.arm]
        tests = self.tests_in(cell)
        order = domains(arm) if arm.recipe.easy_first == "domain" else {}
        text = [digest_of_pairs(cell.pairs), cell.target, order]
        scored = [digest_of_tests(tests), sorted(self.plan.strengths)]
        decides = [FORMAT, self.encoder.core.fingerprint, arm.recipe.model_dump(mode="json"), text]
        over = [str(self.under(cell)), self.start(cell)] if arm.under or arm.warm_start else []
        other = [arm.network] if arm.network != "adapter" else []
        seen = [digest_of_tests(self.watched_in(cell))] if arm.recipe.watches else []
        parts = [*decides, arm.steps, cell.seed, scored, *over, *other, *seen]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]

    def tests_in(self, cell: Cell) -> list[ParallelSuite]:
        """What the cell is scored on."""
        return [test for test in self.tests if test.language in cell.languages]

    def watched_in(self, cell: Cell) -> list[ParallelSuite]:
        """What the cell's run goes by, where its recipe has a gate or patience."""
        return [test for test in self.watched if test.language in cell.languages]

    def under(self, cell: Cell) -> Stack | None:
        """What the cell's adapter is stacked on, in pinned versions."""
        under = self.arms[cell.arm].under
        return None if under is None else frozen_stack(under, self.encoder.core)

    def start(self, cell: Cell) -> str | None:
        """Where the cell's adapter begins, in pinned versions."""
        start = self.arms[cell.arm].warm_start
        return None if start is None else pinned_start(start, self.encoder.core)

    def path(self, cell: Cell) -> Path:
        """Where the cell's result is, once there is one."""
        return kept_folder() / f"{self.key(cell)}.json"

    def result(self, cell: Cell) -> dict[str, Any] | None:
        """The finished cell's result under the names of this plan: another plan may have made it under its own."""
        try:
            content: dict[str, Any] = json.loads(self.path(cell).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return content | cell.as_dict()

    def stale(self, cell: Cell) -> bool:
        """Whether the kept result was made by other training code than is here now."""
        result = self.result(cell)
        return result is not None and result["code"] != code_digest(self.arms[cell.arm].recipe.objective)


def cells_of(plan: Plan, arms: dict[str, Arm], texts: Texts) -> Iterable[Cell]:
    """Seed by seed, the arms side by side, so that an interrupted ablation compares them already."""
    languages = tuple(find(tag).tag for tag in plan.languages)
    for seed in plan.seeds:
        for name, arm in arms.items():
            if arm.families.right:
                yield Cell(name, "right", SHARED, seed, languages, texts.shared(arm, arm.families.right))
            else:
                for tag in languages:
                    yield Cell(name, "right", tag, seed, (tag,), texts.right(arm, tag), tag)
        if not plan.controls:
            continue
        for name, arm in arms.items():
            wrong = [(*texts.wrong(arm, tag), tag) for tag in languages]
            for subject in dict.fromkeys(subject for subject, _, _ in wrong):
                members = next(tags for each, tags, _ in wrong if each == subject)
                judged = tuple(tag for each, _, tag in wrong if each == subject)
                yield Cell(name, "wrong", subject, seed, judged, texts.shared(arm, members))


def chosen(grid: Grid, pattern: str | None) -> list[Cell]:
    """The cells whose name fits ``pattern`` (``plain/*``). Raises :class:`NotFoundError` when none does."""
    found = [cell for cell in grid.cells if pattern is None or fnmatch.fnmatchcase(cell.name, pattern)]
    if not found:
        raise NotFoundError(f"No cell fits {pattern!r}.", f"They are named like {grid.cells[0].name}.")
    return found


def kept_folder() -> Path:
    """Where the results of cells lie."""
    return settings().home / "ablations"
