"""``hubkit ablate``: the grid of a plan, cell by cell, and the table of it.

A cell is one adapter: an arm, the right or the wrong text, what it is for, a seed. Its key is a hash of everything
that decides it, its result one file, written whole; a plan that has the cell again, or goes on, finds it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.adapter.store import adapter_from_state
from hubkit.composition.member import Member
from hubkit.composition.recipe import Stack
from hubkit.core import open_core
from hubkit.durable import locked, write_json
from hubkit.errors import BusyError, UsageError
from hubkit.evaluation.ablation import Scored, Table, core_scores, score, table
from hubkit.runtime.changed import changed
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.load import load
from hubkit.settings import settings
from hubkit.training import full as full_tuning
from hubkit.training import peft_lora
from hubkit.training.budget import Budget
from hubkit.training.code import code_digest
from hubkit.training.curriculum import mixture_of
from hubkit.training.estimate import probe
from hubkit.training.loop import Trained, Training
from hubkit.training.network import network_for
from hubkit.training.targets import Targets
from hubkit.training.watch import DevScore
from hubkit.version import __version__
from hubkit.workflows.ablation_grid import FORMAT, Cell, Grid, cells_of, chosen, kept_folder
from hubkit.workflows.ablation_plan import Plan
from hubkit.workflows.ablation_text import Texts, digest_of_tests, domains, tests_of, watched_of
from hubkit.workflows.events import Events, Silent

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.evaluation.suite import ParallelSuite
    from hubkit.training.backend import Trainable


@dataclass(frozen=True, slots=True)
class Ablation:
    """The table, the facts of every finished cell, and the cells that are not there."""

    plan: Plan
    table: Table
    cells: tuple[dict[str, Any], ...]
    missing: tuple[str, ...]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON values; no item's score."""
        return {
            "format": FORMAT, "hubkit": __version__, "plan": self.plan.model_dump(mode="json"),
            **self.table.as_dict(), "cells": list(self.cells), "missing": list(self.missing),
            "warnings": list(self.warnings),
        }  # fmt: skip

    def as_text(self) -> str:
        """The result file: JSON with a line for each row of a table, so that a change of one shows as one."""
        return "{\n" + ",\n".join(f'"{key}": {_in_lines(value)}' for key, value in self.as_dict().items()) + "\n}\n"


def _in_lines(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return json.dumps(value, ensure_ascii=False)
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in value) + "\n]"


def prepare(plan: Plan, events: Events | None = None) -> Grid:
    """Open the core and gather all text; nothing is trained.

    Raises :class:`UsageError` for a recipe that goes by development text where a cell has none.
    """
    events = events or Silent()
    events.phase("core")
    arms = {name: plan.arm(name) for name in plan.arms}
    core = open_core(plan.core, events.advance)
    encoder = load(core=plan.core) if any(arm.under for arm in arms.values()) else Encoder(core)
    events.phase("text")
    tests = tests_of(plan)
    cells = list(cells_of(plan, arms, Texts(tests)))
    watched = watched_of(plan) if any(arm.recipe.watches for arm in arms.values()) else []
    grid = Grid(plan, arms, encoder, Targets(encoder.adapted(None)), tests, cells, watched)
    if blind := [each.name for each in cells if arms[each.arm].recipe.watches and not grid.watched_in(each)]:
        raise UsageError(
            f"The patience or gate of {blind[0]} goes by development text, and there is none in its languages.",
            "Give some in the plan's `development`.",
        )
    return grid


def run(grid: Grid, events: Events | None = None, pattern: str | None = None, fresh: bool = False) -> Ablation:
    """Train and score every chosen cell that has no result yet, and make the table of all that have one.

    A cell that another process works on is left to it. With ``fresh`` results of other code are made again.
    """
    events = events or Silent()
    wanted = chosen(grid, pattern)
    for number, cell in enumerate(wanted, start=1):
        if grid.result(cell) is not None and not (fresh and grid.stale(cell)):
            continue
        events.phase(f"{number}/{len(wanted)} {cell.name}")
        try:
            with locked(grid.path(cell).with_suffix(".lock"), f"The cell {cell.name}"):
                if fresh or grid.result(cell) is None:  # another process may have made it meanwhile
                    write_json(grid.path(cell), _result(grid, cell, events))
        except BusyError as busy:
            events.note(str(busy))
    events.phase("table")
    return collected(grid)


def _result(grid: Grid, cell: Cell, events: Events) -> dict[str, Any]:
    """Train the cell and score it at every strength."""
    arm, folder = grid.arms[cell.arm], settings().runs / f"ablation-{grid.key(cell)}"
    code = code_digest(arm.recipe.objective)
    _discard_of_other_code(folder, code, events)
    training = _training(grid, cell, folder)
    if training.resumed:
        events.note(f"resuming {cell.name} at step {training.state.step}")
    trained = training.run(events.training, _development_scores(grid, cell, training))
    scores = _scores(grid, cell, trained)
    state = trained.state
    shutil.rmtree(folder, ignore_errors=True)
    losses = [point["loss"] for point in state.curve[-5:]]
    return {
        **cell.as_dict(),
        "key": grid.key(cell), "hubkit": __version__, "code": code, "steps": state.step,
        "seconds": round(state.seconds, 2), "sentences": state.sentences, "resumed": trained.resumed,
        "loss": round(statistics.mean(losses), 4) if losses else None,
        "parameters": sum(tensor.numel() for tensor in trained.tensors.values()),
        "trained_on": {tag: len(pairs) for tag, pairs in sorted(cell.pairs.items())},
        "scores": [each.as_dict() for each in scores],
    }  # fmt: skip


def _training(grid: Grid, cell: Cell, folder: Path) -> Training:
    """The cell's run. A control begins where its arm does, and over the same adapters."""
    arm, core = grid.arms[cell.arm], grid.encoder.core
    mixture = mixture_of(arm.recipe, cell.pairs, cell.target, cell.seed, domains(arm))
    budget = Budget(steps=arm.steps)
    return Training(core, arm.recipe, mixture, grid.targets, budget, cell.seed, folder, _network(grid, cell))


def _network(grid: Grid, cell: Cell) -> Trainable:
    arm, core, device = grid.arms[cell.arm], grid.encoder.core, grid.encoder.device
    if arm.network == "full":
        return full_tuning.TrainableCore(core, device)
    if arm.network == "peft-lora":
        return peft_lora.TrainableLora(core, cell.seed, device)
    under = grid.under(cell)
    return network_for(arm.recipe, grid.encoder, cell.seed, None if under is None else str(under), grid.start(cell))


def _discard_of_other_code(folder: Path, code: str, events: Events) -> None:
    """A checkpoint of other code is no beginning of this cell."""
    mark = folder / "code"
    if folder.exists() and (not mark.exists() or mark.read_text("utf-8") != code):
        events.note("the checkpoint is of other code: beginning anew")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(code, "utf-8")


def _scores(grid: Grid, cell: Cell, trained: Trained) -> list[Scored]:
    found: list[Scored] = []
    for strength in grid.plan.strengths:
        encoder = _acting(grid, cell, trained.config, trained.tensors, strength)
        for test in grid.tests_in(cell):
            found += _scored(grid, cell, encoder, test, strength)
    return found


def _scored(grid: Grid, cell: Cell, encoder: Encoder, test: ParallelSuite, strength: float) -> list[Scored]:
    blank = Scored(cell.arm, cell.role, cell.seed, test.name, test.language, strength, "raw", np.empty(0))
    return score(blank, _encode(encoder, test.texts), grid.targets(test.english), test)


def _development_scores(grid: Grid, cell: Cell, training: Training) -> DevScore | None:
    """R@1 at strength 1, raw and centred averaged, on what the run goes by, where its recipe does."""
    if not training.recipe.watches:
        return None

    def dev_score(tensors: dict[str, Tensor]) -> dict[str, float]:
        encoder = _acting(grid, cell, training.network.config, tensors, 1.0)
        return {
            test.language: float(np.mean([each.items for each in _scored(grid, cell, encoder, test, 1.0)]))
            for test in grid.watched_in(cell)
        }

    return dev_score


def _acting(
    grid: Grid, cell: Cell, config: Mapping[str, Any], tensors: Mapping[str, Tensor], strength: float
) -> Encoder:
    """An encoder with what was trained, at this strength: of changed weights, between the core's and theirs."""
    arm, encoder = grid.arms[cell.arm], grid.encoder
    if arm.network != "adapter":
        changes = full_tuning.changes if arm.network == "full" else peft_lora.changes
        return changed(encoder, changes(config, tensors), strength, f"{cell.arm} changes weights")
    made = adapter_from_state("fam-ablation", arm.recipe.method, config, tensors, encoder.core)
    adapter = made.with_strength(strength)
    if (under := grid.under(cell)) is None:
        return encoder.adapted(adapter)
    encoder.bank.add(adapter, key := "the cell in memory")
    return encoder.with_recipe(Stack(*under.parts, Member(key)))


def _encode(encoder: Encoder, texts: Sequence[str]) -> Any:
    return encoder.encode(list(texts), show_progress_bar=False)


def collected(grid: Grid) -> Ablation:
    """The table of the cells that have a result."""
    results = {cell.name: grid.result(cell) for cell in grid.cells}
    finished = {name: result for name, result in results.items() if result is not None}
    scores = [Scored.of(each, result) for result in finished.values() for each in result["scores"]]
    core = _core(grid)
    trained_on, wrong = _trained_on(grid, "right"), _trained_on(grid, "wrong")
    stale = [cell.name for cell in grid.cells if grid.stale(cell)]
    warnings = []
    if stale:
        warnings.append(f"{len(stale)} cells were made by other training code (--fresh makes them again): {stale[0]} …")
    facts = tuple({key: value for key, value in result.items() if key != "scores"} for result in finished.values())
    made = table([*scores, *core], grid.tests, grid.plan.control, tuple(grid.plan.arms), trained_on, wrong)
    missing = tuple(name for name, result in results.items() if result is None)
    return Ablation(grid.plan, made, facts, missing, tuple(warnings))


def _trained_on(grid: Grid, role: str) -> set[str]:
    """The judged languages whose text cells of this role were trained on."""
    return {tag for cell in grid.cells if cell.role == role for tag in cell.pairs if tag in cell.languages}


def _core(grid: Grid) -> list[Scored]:
    """The frozen core on every test, kept like a cell."""
    parts = [FORMAT, grid.encoder.core.fingerprint, digest_of_tests(grid.tests)]
    path = kept_folder() / f"core-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]}.json"
    if not path.exists():
        scores = [
            each
            for test in grid.tests
            for each in core_scores(_encode(grid.encoder, test.texts), grid.targets(test.english), test)
        ]
        write_json(path, [each.as_dict() for each in scores])
    read = json.loads(path.read_text("utf-8"))
    return [Scored.of(each, {"arm": "core", "role": "core", "seed": 0}) for each in read]


def duration(grid: Grid, cells: Sequence[Cell]) -> float:
    """Seconds that ``cells`` without a result will train: as finished ones of their arm, else by twenty steps of it."""
    known: dict[str, list[float]] = {}
    for cell in grid.cells:
        if (result := grid.result(cell)) is not None:
            known.setdefault(cell.arm, []).append(result["seconds"])
    left = [cell for cell in cells if grid.result(cell) is None]
    for cell in left:
        if cell.arm not in known:
            with tempfile.TemporaryDirectory(prefix="hubkit-probe-") as folder:
                speed = probe(_training(grid, cell, Path(folder)))
            known[cell.arm] = [speed.seconds_in(Budget(steps=grid.arms[cell.arm].steps))]
    return sum(statistics.mean(known[cell.arm]) for cell in left)
