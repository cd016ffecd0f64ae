"""Which sentences a step sees: shares, order, seeds, resuming."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.corpora.source import Pair
from hubkit.training.mixture import BATCHES_SORTED_TOGETHER, Mixture, batches, mix


def pairs(tag: str, count: int) -> list[Pair]:
    """``count`` distinct sentences of different lengths."""
    return [Pair(f"{tag} {'x' * (n % 37)} {n}", f"English {n}", "test", f"{tag}:{n}", "CC0-1.0") for n in range(count)]


@pytest.fixture
def mixture() -> Mixture:
    return mix({"rw": pairs("rw", 400), "lg": pairs("lg", 100), "sn": pairs("sn", 25)})


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [(0.0, {"a": 0.5, "b": 0.5}), (0.5, {"a": 2 / 3, "b": 1 / 3}), (1.0, {"a": 0.8, "b": 0.2})],
)
def test_a_share_is_the_number_of_pairs_to_the_power_alpha(alpha: float, expected: dict[str, float]) -> None:
    shares = mix({"a": pairs("a", 400), "b": pairs("b", 100)}, alpha=alpha).shares
    assert shares == pytest.approx(expected)


def test_own_is_a_factor_on_the_target() -> None:
    found = {"a": pairs("a", 100), "b": pairs("b", 100)}
    assert mix(found, "a", own=3.0).shares == pytest.approx({"a": 0.75, "b": 0.25})
    assert mix(found, None, own=3.0).shares == pytest.approx({"a": 0.5, "b": 0.5})


def test_a_language_without_pairs_is_left_out() -> None:
    mixture = mix({"a": pairs("a", 10), "b": []})
    assert mixture.shares == {"a": 1.0}
    assert set(mixture.pairs) == {"a"}
    assert len(mixture) == 10


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50), min_size=1), st.floats(0, 1), st.floats(0.1, 9))
def test_shares_add_up_to_one(sizes: dict[str, int], alpha: float, own: float) -> None:
    shares = mix({tag: pairs(tag, size) for tag, size in sizes.items()}, "a", alpha, own).shares
    assert sum(shares.values()) == pytest.approx(1)
    assert all(share > 0 for share in shares.values())


def test_a_group_is_batches_of_the_asked_size(mixture: Mixture) -> None:
    group = next(batches(mixture, 8, seed=0))
    assert [len(batch) for batch in group] == [8] * BATCHES_SORTED_TOGETHER
    everything = {pair for found in mixture.pairs.values() for pair in found}
    assert all(pair in everything for batch in group for pair in batch)


def test_languages_are_drawn_by_their_shares(mixture: Mixture) -> None:
    drawn = Counter(
        pair.text[:2] for group in islice(batches(mixture, 32, seed=3), 20) for batch in group for pair in batch
    )
    total = sum(drawn.values())
    assert total == 20 * 32 * BATCHES_SORTED_TOGETHER
    for tag, share in mixture.shares.items():
        assert drawn[tag] / total == pytest.approx(share, abs=0.02)


def test_batches_hold_sentences_of_similar_length(mixture: Mixture) -> None:
    group = next(batches(mixture, 8, seed=0))
    ranges = sorted((min(lengths), max(lengths)) for batch in group if (lengths := [len(pair.text) for pair in batch]))
    assert all(before[1] <= after[0] for before, after in pairwise(ranges))
    assert ranges[0][1] < ranges[-1][0]


def test_short_and_long_batches_alternate_at_random(mixture: Mixture) -> None:
    group = next(batches(mixture, 8, seed=0))
    lengths = [max(len(pair.text) for pair in batch) for batch in group]
    assert lengths != sorted(lengths)


def test_the_seed_decides_everything(mixture: Mixture) -> None:
    first, again, other = (list(islice(batches(mixture, 4, seed), 3)) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    assert first[0] != first[1]


def test_the_order_in_which_languages_were_given_is_no_matter(mixture: Mixture) -> None:
    turned = mix(dict(reversed(mixture.pairs.items())))
    assert next(batches(turned, 4, seed=1)) == next(batches(mixture, 4, seed=1))


@pytest.mark.parametrize("start", [0, 1, 5])
def test_a_resumed_run_goes_on_where_it_stopped(start: int, mixture: Mixture) -> None:
    through = list(islice(batches(mixture, 4, seed=2), start + 2))
    resumed = list(islice(batches(mixture, 4, seed=2, start=start), 2))
    assert resumed == through[start:]
