"""What evaluation relies on in a task: held-out texts, and rows of numbers from which statistics can be made."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from hubkit.errors import HubkitError
from hubkit.isolation import told
from hubkit.languages import Language, find
from hubkit.testing.error import ConformanceError, require, require_text
from hubkit.testing.offline import second_run
from hubkit.testing.sources import NOWHERE
from hubkit.testing.tiny import tiny_core

if TYPE_CHECKING:
    from hubkit.evaluation.measure import Measure
    from hubkit.evaluation.task import Task, Tested


def check_task(task: Callable[[], Task], *languages: Language | str) -> None:
    """Check a class with the protocol :class:`hubkit.evaluation.task.Task` on languages that it has.

    A language has items with texts, one that nobody has gives ``None``, and a fresh object gives the same with the
    network away. An encoder on a tiny core is measured, twice with the same result: every metric has one row of finite
    numbers for each key, an aggregate over the last two axes, labels for each item and facts that are JSON. A system
    without an encoder of hubkit's, and vectors that are not finite, give measures or a
    :class:`hubkit.errors.HubkitError`. Raises :class:`hubkit.testing.ConformanceError`.
    """
    from hubkit.evaluation.task import LEVELS, Task

    require(languages, "name at least one language that the task has")
    made = task()
    require(isinstance(made, Task), f"{made!r} must have name, level, items(language), texts(items), measure(…)")
    require_text(made.name, "the task's name")
    require(made.level in LEVELS, f"{made.name}: the level is one of {', '.join(LEVELS)}, not {made.level!r}")
    asked = [find(language) if isinstance(language, str) else language for language in languages]
    texts = [_texts(made, language) for language in asked]
    require(made.items(NOWHERE) is None, f"{made.name}: for a language that it does not have items() must give None")
    fresh = task()
    again = second_run(lambda: [_texts(fresh, language) for language in asked], made.name)
    require(again == texts, f"{made.name}: the second run, offline, gives other texts")
    with tempfile.TemporaryDirectory() as folder:
        systems = _systems(Path(folder))
        for language in asked:
            _check_measured(made, language, systems)


def _texts(made: Task, language: Language) -> list[str]:
    items = made.items(language)
    where = f"{made.name} in {language.tag}"
    require(items is not None, f"{where}: it has no items; name a language that it has")
    texts = made.texts(items)
    require(isinstance(texts, Sequence) and not isinstance(texts, str), f"{where}: texts() must be a sequence")
    require(texts, f"{where}: texts() is empty, so nobody could keep them out of training")
    for text in texts:
        require_text(text, f"{where}: a text")
    return list(texts)


def _systems(folder: Path) -> dict[str, Tested]:
    """An encoder on a tiny core; the same as a plain function; one whose vectors are not finite."""
    from hubkit.evaluation.task import Tested
    from hubkit.runtime.encoder import Encoder

    encoder = Encoder(tiny_core(folder / "core"))

    def broken(texts: list[str]) -> Any:
        return encoder.encode(texts) * float("nan")

    return {
        "whole": Tested("core", "a tiny core", encoder.encode, encoder.encode, encoder),
        "plain": Tested("plain", "a plain function", encoder.encode, encoder.encode),
        "broken": Tested("broken", "vectors that are not finite", broken, encoder.encode),
    }


def _check_measured(made: Task, language: Language, systems: dict[str, Tested]) -> None:
    where, items = f"{made.name} in {language.tag}", made.items(language)
    measures = list(made.measure(items, systems["whole"]))
    require(measures, f"{where}: an encoder of hubkit's gets no measure")
    for measure in measures:
        _check_measure(measure, where)
    twice = [name for name, count in Counter((each.metric, each.view) for each in measures).items() if count > 1]
    require(not twice, f"{where}: {twice[:1]} is there twice")
    again = list(made.measure(items, systems["whole"]))
    same = len(again) == len(measures) and all(
        (one.metric, one.view, one.keys) == (other.metric, other.view, other.keys) and (one.rows == other.rows).all()
        for one, other in zip(measures, again, strict=True)
    )
    require(same, f"{where}: measuring the same system again gives something else")
    for name in ("plain", "broken"):
        try:
            list(made.measure(items, systems[name]))
        except HubkitError:
            continue
        except Exception as error:
            what = systems[name].description
            raise ConformanceError(f"{where}: {what}: measure() must raise a HubkitError, not {told(error)}") from error


def _check_measure(measure: Measure, where: str) -> None:
    import numpy as np

    from hubkit.evaluation.measure import Measure, View

    require(isinstance(measure, Measure), f"{where}: measure() must give Measures, not {measure!r:.80}")
    require_text(measure.metric, f"{where}: a metric's name")
    where = f"{where}, {measure.metric}"
    require(measure.view in get_args(View), f"{where}: the view is raw or centred, not {measure.view!r}")
    require(len(measure), f"{where}: it has no items")
    require(len(set(measure.keys)) == len(measure), f"{where}: a key is there twice")
    drawn = measure.aggregate(np.stack([measure.rows, measure.rows[::-1]]))
    require(np.shape(drawn) == (2,), f"{where}: aggregate() must take rows (…, n, k) and give numbers (…)")
    require(np.isfinite(drawn).all() and np.isfinite(measure.value), f"{where}: aggregate() gives no finite number")
    require(np.allclose(drawn, measure.value), f"{where}: the order of the items changes the metric")
    for label, strata in measure.strata.items():
        require(
            len(strata) == len(measure), f"{where}: the labels {label!r} are {len(strata)} for {len(measure)} items"
        )
    try:
        json.dumps(dict(measure.facts))
    except (TypeError, ValueError) as error:
        raise ConformanceError(f"{where}: its facts are no JSON values: {error}") from error
