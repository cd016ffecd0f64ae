"""Which sentences a step sees: shares, order, seeds, resuming."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.corpora.source import Pair
from hubkit.training.curriculum import mixture_of
from hubkit.training.mixture import BATCHES_SORTED_TOGETHER, Drawing, Mixture, batches, limited, mix, of_tokens
from hubkit.training.recipe import Recipe


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


def test_annealing_ends_at_the_last_power() -> None:
    made = mix({"a": pairs("a", 400), "b": pairs("b", 100)}, alpha=1.0, alpha_end=0.0)
    assert made.at(0) == pytest.approx({"a": 0.8, "b": 0.2})
    assert made.at(0.5) == pytest.approx({"a": 2 / 3, "b": 1 / 3})
    assert made.at(1) == pytest.approx({"a": 0.5, "b": 0.5})


SHARES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0.01, 1), min_size=1)


@given(SHARES, st.floats(0, 0.5), st.floats(0.05, 1), st.sampled_from("abz"))
def test_limits_hold_as_far_as_the_sum_allows(weights: dict[str, float], floor: float, cap: float, target: str) -> None:
    total = sum(weights.values())
    shares = limited({tag: weight / total for tag, weight in weights.items()}, floor, cap, target)
    assert sum(shares.values()) == pytest.approx(1)
    least, most = min(floor, 1 / len(shares)), max(cap, 1 / len(shares))
    assert all(share >= 0 for share in shares.values())
    if least <= most and target not in shares:
        assert all(least - 1e-9 <= share <= most + 1e-9 for share in shares.values())


def test_the_target_may_be_over_the_cap() -> None:
    shares = limited({"a": 0.8, "b": 0.1, "c": 0.1}, 0.0, 0.4, "a")
    assert shares == pytest.approx({"a": 0.8, "b": 0.1, "c": 0.1})
    assert limited({"a": 0.8, "b": 0.1, "c": 0.1}, 0.0, 0.4) == pytest.approx({"a": 0.4, "b": 0.3, "c": 0.3})


def test_every_other_group_is_balanced() -> None:
    made = mix({"a": pairs("a", 4000), "b": pairs("b", 10)}, alpha=1.0)
    drawing = Drawing(32, seed=0, balanced=True)

    def share(number: int) -> float:
        drawn = [pair for batch in drawing.group(made, number) for pair in batch]
        return sum(pair.text.startswith("b") for pair in drawn) / len(drawn)

    assert share(0) < 0.05
    assert 0.4 < share(1) < 0.6


@pytest.mark.parametrize("batch_by", ["language", "source"])
def test_a_batch_of_one_kind(batch_by: str) -> None:
    found = {tag: [*pairs(tag, 30), *(replace(pair, source="other") for pair in pairs(tag, 30))] for tag in ("a", "b")}
    for batch in Drawing(8, 0, batch_by).group(mix(found), 0):
        assert len({pair.text[0] for pair in batch}) == 1
        assert batch_by == "language" or len({pair.source for pair in batch}) == 1


def test_a_language_with_three_examples_is_drawn_with_repetition() -> None:
    group = Drawing(8, 0, "language").group(mix({"a": pairs("a", 3)}), 0)
    assert all(len(batch) == 8 for batch in group)


def test_easy_sentences_come_first() -> None:
    made = mixture_of(Recipe(easy_first="length"), {"a": pairs("a", 400)})
    drawing = Drawing(32, 0, curriculum_share=0.5)

    def longest(fraction: float) -> int:
        return max(len(pair.text) for batch in drawing.group(made, 0, fraction) for pair in batch)

    assert longest(0.0) < longest(0.2) < longest(0.5) == max(len(pair.text) for pair in made.pairs["a"])


def test_domains_come_from_simple_to_hard() -> None:
    found = [replace(pair, source=("prose", "words")[n % 2]) for n, pair in enumerate(pairs("a", 20))]
    made = mixture_of(Recipe(easy_first="domain"), {"a": found}, domains={"prose": "prose", "words": "lexicon"})
    assert [pair.source for pair in made.pairs["a"]] == ["words"] * 10 + ["prose"] * 10


def test_sentences_of_known_words_come_first() -> None:
    common = [Pair(f"jua na maji {n}", f"sun {n}", "t", str(n), "CC0-1.0") for n in range(30)]
    rare = Pair("x1 y2 z3", "odd", "t", "odd", "CC0-1.0")
    made = mixture_of(Recipe(easy_first="coverage"), {"a": [rare, *common]})
    assert made.pairs["a"][-1] == rare


def test_groups_of_languages_are_nearest_first() -> None:
    many = {tag: pairs(tag, 20) for tag in ("tr", "sw", "rw", "lg", "fr", "de")}
    near, far = (mixture_of(Recipe(curriculum=order), many, "rw").order for order in ("related", "distant"))
    assert near[0][0] == far[0][0] == "rw"
    assert "lg" in near[0]
    assert "lg" not in far[0]
    assert sorted(tag for group in near for tag in group) == sorted(many)
    shuffled = mixture_of(Recipe(curriculum="shuffled"), many, "rw", seed=1).order
    assert shuffled == mixture_of(Recipe(curriculum="shuffled"), many, "rw", seed=1).order


@given(st.lists(st.integers(1, 60), min_size=2, max_size=40), st.integers(64, 400))
def test_batches_of_tokens_keep_every_row_and_the_limit(lengths: list[int], limit: int) -> None:
    lengths = sorted(lengths)
    cut = of_tokens(list(range(len(lengths))), lengths, limit)
    assert [row for batch in cut for row in batch] == list(range(len(lengths)))
    assert all(len(batch) >= 2 for batch in cut)
    for batch in cut[:-1]:
        assert len(batch) == 2 or len(batch) * max(lengths[row] for row in batch) <= limit
