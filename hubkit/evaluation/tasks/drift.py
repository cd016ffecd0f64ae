"""The task of drift: how far a system moves the sentences that it should leave where they are.

The cosine between a system's and the frozen core's vector of the same sentence, in English and in languages of other
families. 1 is unmoved. English at the core's place is what makes adapters of many languages meet in one space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hubkit.evaluation.compare import encode_distinct
from hubkit.evaluation.measure import Measure, View, mean_of_items
from hubkit.evaluation.retrieval import Vectors, centred, normalised
from hubkit.evaluation.suite import ParallelSuite, Suite
from hubkit.evaluation.task import Level, Tested
from hubkit.evaluation.tasks.udhr import Udhr

if TYPE_CHECKING:
    from hubkit.languages import Language

OWN, ENGLISH = "own language", "English"


@dataclass(frozen=True, slots=True)
class Stay:
    """The suite in unrelated languages, whose texts and English should stay; in the own language, which may move."""

    unrelated: tuple[ParallelSuite, ...]
    own: ParallelSuite | None


class Drift:
    """Measures ``cosine, unrelated languages`` and ``cosine, English`` with the frozen core, raw and centred.

    Centred, each language's mean is removed from both sides: what is left is the change beyond an offset. ``facts`` has
    the cosine in the own language, for scale.
    """

    name = "drift"
    level: Level = "standard"

    def __init__(self, suite: Suite) -> None:
        self._suite = suite

    def items(self, language: Language) -> Stay | None:
        """The suite in five languages of other families; ``None`` when it has none, or the family is not known."""
        from hubkit.evaluation.controls import unrelated_suites

        if not language.family:
            return None
        found = unrelated_suites(language, (), self._suite)
        return Stay(tuple(found), self._suite.load(language)) if found else None

    def texts(self, items: Stay) -> Sequence[str]:
        """All sentences, each once."""
        suites = [*items.unrelated, *([items.own] if items.own else [])]
        return list(dict.fromkeys(text for suite in suites for text in (*suite.texts, *suite.english)))

    def measure(self, items: Stay, system: Tested) -> Sequence[Measure]:
        """Unrelated languages first; a stratum is a language."""
        english = {key: text for suite in items.unrelated for key, text in zip(suite.keys, suite.english, strict=True)}
        groups = {suite.language: (suite.keys, suite.texts) for suite in items.unrelated}
        moved = {tag: _moved(system, texts) for tag, (_, texts) in groups.items()}
        moved_english = _moved(system, tuple(english.values()))
        own = None if items.own is None else _moved(system, items.own.texts)
        measures = []
        for view in ("raw", "centred"):
            column = np.concatenate([cosines(*moved[tag], view) for tag in groups])
            keys = tuple(f"{tag}:{key}" for tag, (names, _) in groups.items() for key in names)
            strata = {"language": tuple(tag for tag, (names, _) in groups.items() for _ in names)}
            facts = {} if own is None else {OWN: float(cosines(*own, view).mean())}
            for group, names, values, labels in (
                ("unrelated languages", keys, column, strata),
                (ENGLISH, tuple(english), cosines(*moved_english, view), {}),
            ):
                rows = values[:, None]
                measures.append(
                    Measure(f"cosine, {group}", rows, mean_of_items, names, view, strata=labels, facts=facts)
                )
        return measures


def drift() -> Drift:
    """Drift on the Universal Declaration of Human Rights."""
    return Drift(Udhr())


def cosines(moved: Vectors, kept: Vectors, view: View) -> npt.NDArray[np.float64]:
    """Cosine (n,) between the rows of ``moved`` and ``kept`` (n, d), centred each on its own mean when so viewed."""
    left, right = (centred(moved), centred(kept)) if view == "centred" else (normalised(moved), normalised(kept))
    found: npt.NDArray[np.float64] = (left.astype(np.float64) * right).sum(axis=1)
    return found


def _moved(system: Tested, texts: Sequence[str]) -> tuple[Vectors, Vectors]:
    """The vectors of the system and of the frozen core."""
    return encode_distinct(system.encode, texts), encode_distinct(system.english, texts)
