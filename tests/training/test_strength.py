"""How strongly an adapter acts, and what that is chosen on."""

from __future__ import annotations

import random

import numpy as np
import pytest
from numpy.typing import NDArray

from hubkit.corpora.source import Pair
from hubkit.training.strength import DEFAULT, GRID, MOST_PAIRS, choose_strength, development_pairs

Values = NDArray[np.float64]


def noisy(mean: float, items: int = 300) -> Values:
    """Values 0, ½ and 1 of this mean, the same items every time."""
    return np.clip(np.round(np.random.default_rng(0).normal(mean, 0.3, items) * 2) / 2, 0, 1)


def test_the_default_is_tried() -> None:
    assert DEFAULT in GRID


def test_without_a_source_it_is_the_default() -> None:
    choice = choose_strength(None, None)
    assert (choice.strength, choice.curve, choice.source) == (DEFAULT, {}, None)


@pytest.mark.parametrize("best", GRID)
def test_a_clear_winner_is_taken(best: float) -> None:
    choice = choose_strength(lambda strength: np.full(200, 0.8 if strength == best else 0.2), "verses.tsv")
    assert (choice.strength, choice.source) == (best, "verses.tsv")
    assert choice.curve == pytest.approx({strength: 0.8 if strength == best else 0.2 for strength in GRID})


def test_a_tie_goes_to_the_default() -> None:
    assert choose_strength(lambda strength: np.ones(100), "dev").strength == DEFAULT


def test_a_lead_beyond_one_standard_error_is_taken_and_one_within_it_is_not() -> None:
    ahead, behind = np.repeat([1.0, 0.0], [51, 49]), np.repeat([1.0, 0.0], [50, 50])
    # ahead on one item of 100 and behind on none: .01, standard error .00995
    assert choose_strength(lambda strength: ahead if strength == 1.0 else behind, "dev").strength == 1.0
    # ahead by as much, but on quite other items: .01, standard error .1
    assert choose_strength(lambda strength: ahead[::-1] if strength == 1.0 else behind, "dev").strength == DEFAULT


def test_of_those_within_noise_the_one_nearest_to_the_default() -> None:
    def score(strength: float) -> Values:
        if strength < 0.7:
            return np.zeros(100)
        return np.roll(np.repeat([0.0, 1.0], 50), 25 if strength == 1.0 else 0)

    assert choose_strength(score, "dev").strength == 0.7


def test_every_strength_is_scored_once() -> None:
    asked: list[float] = []

    def score(strength: float) -> Values:
        asked.append(strength)
        return noisy(strength / 2)

    curve = choose_strength(score, "dev").curve
    assert asked == list(GRID)
    assert list(curve) == list(GRID)
    assert curve == {strength: pytest.approx(noisy(strength / 2).mean()) for strength in GRID}


def made(count: int) -> list[Pair]:
    return [Pair(f"text {n}", f"English {n}", "dev", f"{n:05}", "CC0-1.0") for n in range(count)]


def test_development_pairs_have_distinct_sides() -> None:
    given = [
        Pair("one", "One", "dev", "1", "x"),
        Pair("One", "Another", "dev", "2", "x"),
        Pair("two", "ONE", "dev", "3", "x"),
        Pair("three", "Three", "dev", "4", "x"),
    ]
    chosen = development_pairs(given)
    assert len({pair.english.casefold() for pair in chosen}) == len(chosen)
    assert len({pair.text.casefold() for pair in chosen}) == len(chosen)
    assert "Three" in {pair.english for pair in chosen}


def test_development_pairs_are_limited_and_the_same_every_time() -> None:
    given = made(MOST_PAIRS + 200)
    chosen = development_pairs(given)
    assert len(chosen) == MOST_PAIRS
    assert set(chosen) <= set(given)
    shuffled = given[:]
    random.Random(1).shuffle(shuffled)
    assert development_pairs(shuffled) == chosen
    assert {pair.key for pair in chosen} != {pair.key for pair in given[:MOST_PAIRS]}


def test_few_development_pairs_are_all_taken() -> None:
    assert sorted(pair.key for pair in development_pairs(made(7))) == [f"{n:05}" for n in range(7)]
    assert development_pairs([]) == []
