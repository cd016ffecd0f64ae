from __future__ import annotations

import random

import pytest

from hubkit.corpora.source import Pair
from hubkit.errors import HubkitError
from hubkit.evaluation.tasks.heldout import from_pairs

PAIRS = [Pair(f"umuntu {n}", f"person {n}", "django", f"k{n}", "BSD-3-Clause") for n in range(50)]


def test_choice_does_not_depend_on_order() -> None:
    shuffled = random.Random(0).sample(PAIRS, len(PAIRS))
    one, other = (from_pairs("held-out", pairs, 20, language="rw") for pairs in (PAIRS, shuffled))
    assert one == other and len(one) == 20
    assert one.license == "BSD-3-Clause" and one.origin == "held out of training: django"
    assert one.texts != tuple(pair.text for pair in PAIRS[:20])


def test_each_sentence_once() -> None:
    double = [
        *PAIRS,
        Pair("UMUNTU 1", "somebody", "django", "x", "MIT"),
        Pair("undi", "Person 2", "django", "y", "MIT"),
    ]
    suite = from_pairs("held-out", double, 100, language="rw")
    assert len({text.casefold() for text in suite.texts}) == len(suite)
    assert len({text.casefold() for text in suite.english}) == len(suite)


def test_nothing_held_out() -> None:
    with pytest.raises(HubkitError, match="Nothing is held out for rw"):
        from_pairs("held-out", [], language="rw")
