"""Which sentences a step sees: languages weighted, lengths sorted, the whole order given by the seed.

A language's share is proportional to its number of pairs to the power ``alpha`` (Arivazhagan et al. 2019, "Massively
Multilingual Neural Machine Translation in the Wild"), the target language's share times ``own``; the power may change
over the budget (temperature annealing, Wang et al. 2020, arXiv 2004.06748).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from hubkit.training.recipe import Recipe

BATCHES_SORTED_TOGETHER = 16
_FIRST_COMPETENCE = 0.1  # share of a language's sentences that an easy-first order begins with
Shares = Mapping[str, float]


class Rows(list[Any]):
    """The examples of a batch; ``languages`` has the tag of each."""

    def __init__(self, drawn: Iterable[tuple[str, Any]]) -> None:
        told = list(drawn)
        super().__init__(example for _, example in told)
        self.languages = tuple(tag for tag, _ in told)


Batches = list[Rows]


@dataclass(frozen=True, slots=True)
class Mixture:
    """Examples by language tag with the probability of drawing each language, at the start and at the end.

    ``order`` are groups of languages, the first is there from the start; languages in none of them are, too. Where
    ``easy_first`` is set, each language's examples are sorted, and the first of them are drawn from first.
    """

    pairs: Mapping[str, Sequence[Any]]
    shares: Shares
    end: Shares | None = None
    order: tuple[tuple[str, ...], ...] = ()
    easy_first: bool = False
    limits: tuple[float, float] = field(default=(0.0, 1.0))
    target: str | None = None

    def __len__(self) -> int:
        return sum(map(len, self.pairs.values()))

    def at(self, fraction: float, groups: int | None = None) -> dict[str, float]:
        """Share of each language after ``fraction`` of the budget, with the first ``groups`` groups of languages.

        Raising n to a power that moves from one to another is moving between the two shares on a geometric line.
        """
        open_ = set(self.pairs) - {tag for group in self.order[groups or len(self.order) :] for tag in group}
        weights = {}
        for tag in sorted(open_):
            first, last = self.shares[tag], (self.end or self.shares)[tag]
            weights[tag] = first ** (1 - fraction) * last**fraction
        total = sum(weights.values())
        return limited({tag: weight / total for tag, weight in weights.items()}, *self.limits, self.target)


def mix(
    pairs: Mapping[str, Sequence[Any]], target: str | None = None, alpha: float = 0.5, own: float = 1.0,
    alpha_end: float | None = None,
) -> Mixture:  # fmt: skip
    """Share of a language ∝ (its pairs)^alpha, times ``own`` for ``target``. Languages without pairs are left out."""
    present = {tag: found for tag, found in pairs.items() if found}
    end = None if alpha_end is None else _shares(present, target, alpha_end, own)
    return Mixture(present, _shares(present, target, alpha, own), end, target=target)


def _shares(present: Mapping[str, Sequence[Any]], target: str | None, alpha: float, own: float) -> Shares:
    weights = {tag: len(found) ** alpha * (own if tag == target else 1.0) for tag, found in present.items()}
    total = sum(weights.values())
    return {tag: weight / total for tag, weight in weights.items()}


def limited(shares: Shares, floor: float, cap: float, target: str | None = None) -> dict[str, float]:
    """The shares with none under ``floor`` and none but the target's over ``cap``, as far as the sum allows.

    All are multiplied by one factor and then cut at their bounds; the factor is the one with which they add up to 1.
    """
    floor, cap = min(floor, 1 / max(1, len(shares))), max(cap, 1 / max(1, len(shares)))
    most = {tag: 1.0 if tag == target else cap for tag in shares}

    def cut(factor: float) -> dict[str, float]:
        return {tag: min(max(factor * share, floor), most[tag]) for tag, share in shares.items()}

    low, high = 0.0, 1 / min(shares.values(), default=1.0)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(cut(middle).values()) < 1 else (low, middle)
    found = cut(high)
    total = sum(found.values())
    return {tag: share / total for tag, share in found.items()}


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a group of batches is drawn from a mixture."""

    batch_size: int
    seed: int
    batch_by: str = "mixed"
    balanced: bool = False
    curriculum_share: float = 1.0

    @classmethod
    def of(cls, recipe: Recipe, seed: int) -> Drawing:
        """As the recipe says."""
        return cls(recipe.batch_size, seed, recipe.batch_by, recipe.balanced, recipe.curriculum_share)

    def group(self, mixture: Mixture, number: int, fraction: float = 0.0, groups: int | None = None) -> Batches:
        """The group of batches with this number: the arguments and the seed alone decide it.

        So a resumed run goes on where it stopped, and every process of a run draws the same.
        """
        random = np.random.default_rng([self.seed, number])
        shares = mixture.at(fraction, groups)
        if self.balanced and number % 2:
            shares = dict.fromkeys(shares, 1 / len(shares))
        known = _competence(fraction / self.curriculum_share) if mixture.easy_first else 1.0
        if self.batch_by == "mixed":
            return self._mixed(mixture, shares, known, random)
        return self._apart(mixture, shares, known, random)

    def _mixed(self, mixture: Mixture, shares: Shares, known: float, random: np.random.Generator) -> Batches:
        """Batches of whatever comes, sorted by length within the group."""
        tags, probabilities = list(shares), list(shares.values())
        count = self.batch_size * BATCHES_SORTED_TOGETHER
        drawn = [tags[index] for index in random.choice(len(tags), count, p=probabilities)]
        chosen = [(tag, mixture.pairs[tag][int(random.integers(_first(mixture.pairs[tag], known)))]) for tag in drawn]
        chosen.sort(key=lambda one: length(one[1]))
        group = [Rows(chosen[at : at + self.batch_size]) for at in range(0, count, self.batch_size)]
        random.shuffle(group)
        return group

    def _apart(self, mixture: Mixture, shares: Shares, known: float, random: np.random.Generator) -> Batches:
        """Batches of one language each, or of one source of one language: every negative is of the same kind."""
        tags, probabilities = list(shares), list(shares.values())
        group = []
        for index in random.choice(len(tags), BATCHES_SORTED_TOGETHER, p=probabilities):
            found = mixture.pairs[tags[index]][: _first(mixture.pairs[tags[index]], known)]
            if self.batch_by == "source":
                source = found[int(random.integers(len(found)))].source
                found = [example for example in found if example.source == source]
            again = len(found) < self.batch_size
            rows = random.choice(len(found), self.batch_size, replace=again)
            group.append(Rows((tags[index], found[int(at)]) for at in rows))
        return group


def batches(mixture: Mixture, batch_size: int, seed: int, start: int = 0) -> Iterator[Batches]:
    """Endless groups of batches, sorted by length within a group; group ``start`` is the first."""
    drawing, number = Drawing(batch_size, seed), start
    while True:
        yield drawing.group(mixture, number)
        number += 1


def length(example: Any) -> int:
    """What examples are sorted by: characters."""
    return len(example.text)


def cut(group: Batches, lengths: Callable[[Sequence[Any]], list[int]], limit: int, batch_by: str) -> Batches:
    """The group in batches of at most ``limit`` tokens; what was drawn apart (see :class:`Drawing`) stays apart."""
    together = [list(zip(rows.languages, rows, strict=True)) for rows in group]
    if batch_by == "mixed":
        together = [[row for rows in together for row in rows]]
    found = []
    for rows in together:
        rows.sort(key=lambda row: length(row[1]))
        counts = lengths([example for _, example in rows])
        found += [Rows(batch) for batch in of_tokens(rows, counts, limit)]
    return found


def of_tokens(rows: Sequence[Any], lengths: Sequence[int], limit: int) -> list[list[Any]]:
    """Cut rows into batches of at most ``limit`` tokens, padding included; a batch has two rows at least."""
    found: list[list[Any]] = [[]]
    longest = 0
    for row, tokens in zip(rows, lengths, strict=True):
        longest = max(longest, tokens)
        if len(found[-1]) >= 2 and longest * (len(found[-1]) + 1) > limit:
            found.append([])
            longest = tokens
        found[-1].append(row)
    if len(found) > 1 and len(found[-1]) < 2:
        last = found.pop()
        found[-1] += last
    return found


def _competence(progress: float) -> float:
    """Share of the sentences, easiest first, that are used: √(t (1 − c²) + c²) (Platanios et al. 2019)."""
    first = _FIRST_COMPETENCE**2
    return float(min(1.0, np.sqrt(min(1.0, progress) * (1 - first) + first)))


def _first(found: Collection[Any], known: float) -> int:
    return max(1, round(known * len(found)))
