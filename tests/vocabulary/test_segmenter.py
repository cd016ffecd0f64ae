from __future__ import annotations

import json
from itertools import combinations, pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from hubkit.core import load_tokenizer
from hubkit.errors import VerificationError
from hubkit.vocabulary import segmenter
from hubkit.vocabulary.base import base_vocabulary, read_vocabulary
from hubkit.vocabulary.segmenter import UNKNOWN, Lattice, Segmenter, _fused
from hubkit.vocabulary.tokenizer import backend_of, extended

NEW = {"▁kandi": -6.0, "ab.": -5.0, "kan": -5.2, "ߒߞߏ": -6.4, "mask": -6.0, "unk": -6.0, "ndiba": -6.0}
TEXTS = st.lists(
    st.one_of(st.text("abkndizg .<>ߒߞߏé▁", max_size=12), st.sampled_from(["<mask>", "<unk>", "kandi", "ߒߞߏꙮꙮ", "ab."])),
    max_size=6,
).map(" ".join)


@pytest.fixture
def delta(unigram_core, make_delta):
    return make_delta(unigram_core, NEW)


@pytest.fixture
def cut(tokenizer, base, delta):
    return Segmenter(tokenizer, base, delta)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.lists(TEXTS, max_size=4), st.integers(3, 30))
def test_ids_are_those_of_the_whole_tokenizer(tokenizer, delta, cut, texts, max_tokens):
    whole = extended(tokenizer, delta)
    expected = [whole(text, truncation=True, max_length=max_tokens)["input_ids"] for text in texts]
    assert cut(texts, max_tokens) == expected


def test_words_are_remembered_and_forgotten(tokenizer, base, delta, monkeypatch):
    monkeypatch.setattr(segmenter, "_REMEMBERED_WORDS", 3)
    cut, whole = Segmenter(tokenizer, base, delta), extended(tokenizer, delta)
    texts = ["kandi ab. ba", "the kan", "kandi " + "kandi" * 40, "ab. na", "kandi ab. ba"]
    assert cut(texts, 500) == [whole(text)["input_ids"] for text in texts]
    assert len(cut._words) <= 3


def test_truncation_of_the_base_does_not_reach_it(tokenizer, cut):
    backend_of(tokenizer).enable_truncation(4)
    assert len(cut(["ka ba na the ing"], 60)[0]) > 4
    assert backend_of(tokenizer).truncation["max_length"] == 4


def test_another_kind_of_core(bert, wordpiece_core, make_delta):
    for core in (bert, wordpiece_core):
        tokenizer, delta = load_tokenizer(core), make_delta(core, {"kandi": 0.0})
        whole, cut = extended(tokenizer, delta), Segmenter(tokenizer, base_vocabulary(core), delta)
        for text in ("ab kandi ba", "kandia ߒ", ""):
            assert cut([text], 60) == [whole(text)["input_ids"]]


def test_a_delta_that_does_not_fit_is_refused(unigram_core, tokenizer, base, make_delta):
    with pytest.raises(VerificationError, match="'▁ka', is in the core's vocabulary already"):
        Segmenter(tokenizer, base, make_delta(unigram_core, {"▁ka": -6.0}))


def every_way(word):
    """All ways to cut a word."""
    for number in range(len(word)):
        for places in combinations(range(1, len(word)), number):
            edges = [0, *places, len(word)]
            yield [word[start:end] for start, end in pairwise(edges)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("kandib.ߒ", min_size=1, max_size=8))
def test_the_best_way_to_cut_a_word(base, delta, word):
    lattice = Lattice.of(base, delta)
    unknown = base.least - 10

    def worth(parts):
        total = 0.0
        for part in parts:
            if part in NEW or part in base.ids:
                total += lattice.score(part)
            else:
                total += unknown if len(part) == 1 else float("-inf")
        return total

    found = lattice.best(word)
    assert "".join(text for _, text in found) == word
    assert worth([text for _, text in found]) == pytest.approx(max(map(worth, every_way(word))))
    for number, text in found:
        assert number == delta.ids.get(text, base.ids.get(text, UNKNOWN))
    assert lattice.holds_added(word) == any(piece in word for piece in NEW)


SCORES = st.sampled_from([-1.0, -2.0, -3.0, -12.5])


@given(st.dictionaries(st.text("abcé", min_size=1, max_size=3), SCORES, min_size=1), st.text("abcéx", max_size=8))
@example(dict.fromkeys(("a", "b", "c", "ab", "bc"), -1.0), "abc")
@example({"éa": -2.0, "b": -2.0, "ab": -1.0}, "éab")
def test_equal_scores_and_unknown_characters_as_tokenizers_has_them(pieces, word):
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), *pieces.items()], 0, False))
    lattice = Lattice(read_vocabulary(json.loads(tokenizer.to_str())), {})
    assert _fused([number for number, _ in lattice.best(word)], 0) == tokenizer.encode(word).ids
