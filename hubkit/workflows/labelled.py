"""Examples for objectives that learn from more than sentence pairs: their files, checked before training."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hubkit.errors import UsageError
from hubkit.languages import Language, find
from hubkit.plugins import load_registered, run_registered
from hubkit.training import examples as reading
from hubkit.training.config import Files, TrainingConfig
from hubkit.training.curriculum import mixture_of
from hubkit.training.objective import HasHead, Objective
from hubkit.training.parts import Part, check_data

FEWEST_EXAMPLES = 10  # in a language that is trained on
WITH_LABELS = ("labelled", "tagged")
Examples = dict[str, list[Any]]
Further = tuple[Objective, Examples, float]
"""An objective beside the recipe's, its examples, its weight."""


def objective_of(name: str, parameters: Mapping[str, Any]) -> Objective:
    """The registered objective. Raises :class:`UsageError` for parameters that it does not take."""
    made = load_registered("objectives", name)
    try:
        objective: Objective = run_registered("objectives", name, lambda: made(**parameters))
    except TypeError as error:
        told = str(error).partition(") ")[2] or str(error)
        raise UsageError(f"The objective {name} does not take these parameters: {told}.", "Correct them.") from error
    return objective


def data_of(objective: Objective) -> str:
    """What kind of example it learns from."""
    return str(getattr(objective, "data", "pairs"))


def read_files(
    files: Iterable[Files], objective: Objective, default: Language | None, labels: Sequence[str] = ()
) -> reading.Examples:
    """The examples of the objective's kind by language tag, of ``labels`` alone where some are given.

    Raises :class:`UsageError` that names file and line, also for a score outside the objective's range.
    """
    kind: Any = data_of(objective)
    paths: dict[str, list[Path]] = {}
    for each in files:
        if each.kind == kind:
            language = find(each.language) if each.language else default
            if language is None:
                raise UsageError(f"{each.paths[0]} is in no language.", "Add language: TAG.")
            paths.setdefault(language.tag, []).extend(map(Path, each.paths))
    if not paths:
        raise UsageError(
            f"The objective {objective.name} needs {kind} data, and there is none.", f"Give files with kind: {kind}."
        )
    scores = (getattr(objective, "lowest", -math.inf), getattr(objective, "highest", math.inf))
    found = reading.read_examples(kind, paths, labels or None, scores, spans=False)
    return replace(found, examples=_with_others(objective, found.examples)) if kind == "scored" else found


def _with_others(objective: Objective, examples: Mapping[str, Sequence[Any]]) -> Examples:
    """Scored examples; the other sentence of one alone is itself, for an objective that looks at one only."""
    alone = next((one for found in examples.values() for one in found if one.other is None), None)
    if alone is not None and not isinstance(objective, HasHead):
        raise UsageError(
            f"{alone.key} has one sentence, and the objective {objective.name} compares two.",
            "Name columns text, other and score in a first line.",
        )
    return {tag: [replace(one, other=one.other or one.text) for one in found] for tag, found in examples.items()}


def check_counts(examples: Mapping[str, Sequence[Any]], own: Iterable[str], what: str) -> None:
    """Raise :class:`UsageError` for a language of ``own`` with next to nothing to train on."""
    for tag in own:
        if (count := len(examples.get(tag, ()))) < FEWEST_EXAMPLES:
            raise UsageError(
                f"{find(tag).name} ({tag}) has {count} {what} to train on; at least {FEWEST_EXAMPLES} are needed.",
                "Give more, or leave the language out.",
            )


def further_objectives(
    config: TrainingConfig, main: Examples, labels: Sequence[str], default: Language | None
) -> tuple[list[Further], tuple[str, ...], list[str]]:
    """The objectives beside the recipe's, the names of classes that all share, and warnings.

    An objective without files of its own sees the main examples, whose classes are ``labels``. Raises
    :class:`UsageError` for one without its data.
    """
    found: list[Further] = []
    warnings: list[str] = []
    names = set(labels)
    for last in (False, True):  # once for the names of all classes, once to number them alike
        found, warnings = [], []
        for each in config.objectives:
            objective = objective_of(each.objective, each.parameters)
            if not each.data:
                found.append((objective, main, each.weight))
                continue
            known = tuple(sorted(names)) if last and data_of(objective) in WITH_LABELS else ()
            read = read_files(each.data, objective, default, known)
            check_counts(read.examples, read.examples, f"{data_of(objective)} examples")
            names |= set(read.labels)
            warnings += read.warnings
            found.append((objective, {tag: list(some) for tag, some in read.examples.items()}, each.weight))
    return found, tuple(sorted(names)), warnings


def part_of(further: Further, config: TrainingConfig, seed: int) -> Part:
    """A part of training with its own mixture, checked."""
    objective, examples, weight = further
    part = Part(objective, mixture_of(config.recipe, examples, None, seed), weight)
    check_data(part)
    return part
