"""Examples with answers for objectives that need them: files read, classes numbered, and checked before training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.corpora.conll import read_conll
from hubkit.corpora.file import read_parallel
from hubkit.corpora.labelled import read_labelled, read_scored, read_scored_pairs, read_text
from hubkit.errors import UsageError
from hubkit.languages import Language, find
from hubkit.plugins import load_registered
from hubkit.training.config import Files, TrainingConfig
from hubkit.training.curriculum import mixture_of
from hubkit.training.objective import HasHead
from hubkit.training.parts import Part, check_data

if TYPE_CHECKING:
    from hubkit.training.objective import Objective

FEWEST_EXAMPLES = 10  # in a language that is trained on
Examples = dict[str, list[Any]]


def objective_of(name: str, parameters: Mapping[str, Any]) -> Objective:
    """The registered objective. Raises :class:`UsageError` for parameters that it does not take."""
    made = load_registered("objectives", name)
    try:
        objective: Objective = made(**parameters)
    except TypeError as error:
        told = str(error).partition(") ")[2] or str(error)
        raise UsageError(f"The objective {name} does not take these parameters: {told}.", "Correct them.") from error
    return objective


def data_of(objective: Objective) -> str:
    """What kind of example it learns from."""
    return str(getattr(objective, "data", "pairs"))


def read_examples(files: Iterable[Files], kind: str, default: Language | None) -> Examples:
    """The examples of this kind by language tag. Raises :class:`UsageError` that names file and line."""
    found: Examples = {}
    for each in files:
        if each.kind == kind:
            language = find(each.language) if each.language else default
            if language is None:
                raise UsageError(f"{each.paths[0]} is in no language.", "Add language: TAG.")
            found.setdefault(language.tag, []).extend(_read(each, language))
    return found


def _read(files: Files, language: Language) -> list[Any]:
    if files.kind == "pairs":
        return read_parallel(files.paths, language, files.license)[0]
    readers: Mapping[str, Callable[[Path], Sequence[Any]]] = {
        "labelled": read_labelled, "tagged": lambda path: read_conll(path, spans=False), "text": read_text,
        "scored": _scored,
    }  # fmt: skip
    return [example for path in files.paths for example in readers[files.kind](Path(path))]


def _scored(path: Path) -> list[Any]:
    """Pairs of sentences with a score where the file has three columns, else sentences with one."""
    try:
        return list(read_scored_pairs(path))
    except UsageError:
        return list(read_scored(path))


def check_counts(examples: Mapping[str, Sequence[Any]], own: Iterable[str], what: str) -> None:
    """Raise :class:`UsageError` for a language of ``own`` with next to nothing to train on."""
    for tag in own:
        if (count := len(examples.get(tag, ()))) < FEWEST_EXAMPLES:
            raise UsageError(
                f"{find(tag).name} ({tag}) has {count} {what} to train on; at least {FEWEST_EXAMPLES} are needed.",
                "Give more, or leave the language out.",
            )


def numbered(sets: Sequence[Examples]) -> tuple[list[Examples], tuple[str, ...]]:
    """The same examples with numbers for the names of classes and tags, and the names in order of their numbers."""
    names = sorted({name for examples in sets for found in examples.values() for one in found for name in _names(one)})
    numbers = {name: number for number, name in enumerate(names)}
    return [{tag: [_numbered(one, numbers) for one in found] for tag, found in each.items()} for each in sets], tuple(
        names
    )


def _names(example: Any) -> Iterable[str]:
    if hasattr(example, "tags"):
        return tuple(example.tags)
    return (example.label,) if hasattr(example, "label") else ()


def _numbered(example: Any, numbers: Mapping[str, int]) -> Any:
    if hasattr(example, "tags"):
        return replace(example, tags=tuple(numbers[name] for name in example.tags))
    return replace(example, label=numbers[example.label]) if hasattr(example, "label") else example


def parts_and_labels(
    config: TrainingConfig, main: Examples, default: Language | None
) -> tuple[Examples, list[tuple[Any, Examples, float]], tuple[str, ...]]:
    """The main examples, (objective, examples, weight) of each further one, and the names of classes.

    An objective without files of its own sees the main examples. Raises :class:`UsageError` for one without its data.
    """
    further = []
    for each in config.objectives:
        objective = objective_of(each.objective, each.parameters)
        kind = data_of(objective)
        examples = read_examples(each.data, kind, default) if each.data else main
        if not any(examples.values()):
            raise UsageError(
                f"The objective {each.objective} needs {kind} data, and it has none.",
                f"Give it files with kind: {kind}.",
            )
        check_counts(examples, examples if each.data else (), f"{kind} examples")
        further.append((objective, examples, each.weight))
    sets, labels = numbered([main, *(examples for _, examples, _ in further)])
    numbers = zip(further, sets[1:], strict=True)
    return sets[0], [(objective, examples, weight) for (objective, _, weight), examples in numbers], labels


def checked_scores(objective: Objective, examples: Examples) -> Examples:
    """Scored examples that fit the objective; those of one sentence have it as the other one too.

    Raises :class:`UsageError` for a score outside the objective's range, and for one sentence where it compares two.
    """
    lowest, highest = getattr(objective, "lowest", -math.inf), getattr(objective, "highest", math.inf)
    for one in (one for found in examples.values() for one in found):
        if not lowest <= one.score <= highest:
            raise UsageError(
                f"{one.key} has the score {one.score:g}, outside {lowest:g} … {highest:g}.",
                f"Correct it, or set lowest and highest of the objective {objective.name}.",
            )
        if one.other is None and not isinstance(objective, HasHead):
            raise UsageError(
                f"{one.key} has one sentence, and the objective {objective.name} compares two.",
                "Write text<TAB>text<TAB>score.",
            )
    return {tag: [replace(one, other=one.other or one.text) for one in found] for tag, found in examples.items()}


def part_of(objective: Objective, examples: Examples, weight: float, config: TrainingConfig, seed: int) -> Part:
    """A part of training with its own mixture, checked."""
    if data_of(objective) == "scored":
        examples = checked_scores(objective, examples)
    part = Part(objective, mixture_of(config.recipe, examples, None, seed), weight)
    check_data(part)
    return part
