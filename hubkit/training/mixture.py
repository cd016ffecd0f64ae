"""Which sentences a step sees: languages weighted, lengths sorted, the whole order given by the seed.

A language's share is proportional to its number of pairs to the power ``alpha`` (Arivazhagan et al. 2019, "Massively
Multilingual Neural Machine Translation in the Wild"), the target language's share times ``own``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from hubkit.corpora.source import Pair

BATCHES_SORTED_TOGETHER = 16


@dataclass(frozen=True, slots=True)
class Mixture:
    """Pairs by language tag with the probability of drawing each language."""

    pairs: Mapping[str, Sequence[Pair]]
    shares: Mapping[str, float]

    def __len__(self) -> int:
        return sum(map(len, self.pairs.values()))


def mix(
    pairs: Mapping[str, Sequence[Pair]], target: str | None = None, alpha: float = 0.5, own: float = 1.0
) -> Mixture:
    """Share of a language ∝ (its pairs)^alpha, times ``own`` for ``target``. Languages without pairs are left out."""
    present = {tag: found for tag, found in pairs.items() if found}
    weights = {tag: len(found) ** alpha * (own if tag == target else 1.0) for tag, found in present.items()}
    total = sum(weights.values())
    return Mixture(present, {tag: weight / total for tag, weight in weights.items()})


def batches(mixture: Mixture, batch_size: int, seed: int, start: int = 0) -> Iterator[list[list[Pair]]]:
    """Endless groups of batches, sorted by length within a group; group ``start`` is the first.

    Group number and seed alone decide a group's content, so that a resumed run goes on where it stopped.
    """
    tags = sorted(mixture.pairs)
    probabilities = np.array([mixture.shares[tag] for tag in tags])
    number = start
    while True:
        random = np.random.default_rng([seed, number])
        count = batch_size * BATCHES_SORTED_TOGETHER
        drawn = [mixture.pairs[tags[index]] for index in random.choice(len(tags), count, p=probabilities)]
        chosen = [pairs[int(random.integers(len(pairs)))] for pairs in drawn]
        chosen.sort(key=lambda pair: len(pair.text))
        group = [chosen[at : at + batch_size] for at in range(0, count, batch_size)]
        random.shuffle(group)
        yield group
        number += 1
