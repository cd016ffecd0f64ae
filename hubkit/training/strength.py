"""How strongly an adapter acts: chosen on text from a source that training did not see.

A split of the training source asks for full strength and loses on other text, and so does another source of the same
kind (measured, ``docs/log.md``). The automatic sources are all interface strings and word lists, so the text to choose
on comes from the user, and without it the strength is :data:`DEFAULT`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hubkit.corpora.source import Pair

DEFAULT = 0.5
GRID = (0.3, 0.5, 0.7, 1.0)
FEWEST_PAIRS = 100
MOST_PAIRS = 300


@dataclass(frozen=True, slots=True)
class Choice:
    """The strength, the development score of each that was tried, and the source it was chosen on."""

    strength: float
    curve: Mapping[float, float]
    source: str | None


def development_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """At most :data:`MOST_PAIRS` pairs with distinct sides, the same ones every time."""
    by_english = {pair.english.casefold(): pair for pair in sorted(pairs, key=lambda pair: (pair.key, pair.text))}
    by_text = {pair.text.casefold(): pair for pair in by_english.values()}
    distinct = list(by_text.values())
    random = np.random.default_rng(len(distinct))
    return [distinct[index] for index in random.permutation(len(distinct))[:MOST_PAIRS]]


def choose_strength(score: Callable[[float], NDArray[np.float64]] | None, source: str | None) -> Choice:
    """The strength nearest to :data:`DEFAULT` that is within one standard error of the best on the development source.

    ``score(strength)`` gives one value per pair, comparable between strengths.
    """
    if score is None:
        return Choice(DEFAULT, {}, None)
    values = {strength: score(strength) for strength in GRID}
    best = max(values, key=lambda strength: values[strength].mean())

    def within_noise(strength: float) -> bool:
        loss = values[best] - values[strength]
        return bool(loss.mean() <= loss.std() / np.sqrt(len(loss)))

    chosen = min(filter(within_noise, GRID), key=lambda strength: abs(strength - DEFAULT))
    return Choice(chosen, {strength: float(value.mean()) for strength, value in values.items()}, source)
