from __future__ import annotations

import pytest

from hubkit.core import load_tokenizer
from hubkit.errors import UsageError
from hubkit.vocabulary.measure import TokenizerMeasure, each, measure
from hubkit.vocabulary.tokenizer import backend_of, extended


def test_counts(tokenizer):
    # ▁the ▁ka ndi | ▁ <unk> ▁ba
    found = measure(tokenizer, ["the kandi", "  ߒߞߏ ba "], 64)
    assert found == TokenizerMeasure(
        sentences=2,
        words=4,
        characters=13,
        tokens=6,
        unknown_tokens=1,
        unknown_characters=3,
        truncated=0,
        continued_words=2,
    )
    assert found.fertility == 1.5
    assert found.characters_per_token == 13 / 6
    assert found.unknown_rate == 1 / 6
    assert found.unknown_character_rate == 3 / 13
    assert found.truncated_rate == 0
    assert found.continued_word_rate == 0.5  # ▁ka ndi, and ▁ <unk>


def test_sentences_that_are_cut(tokenizer):
    sentences = ["the " * number for number in range(1, 6)]
    assert measure(tokenizer, sentences, 7).truncated == 0
    assert measure(tokenizer, sentences, 6).truncated == 1
    assert measure(tokenizer, sentences, 6, prefix="the ").truncated == 2
    assert measure(tokenizer, sentences, 6, prefix="the ").tokens == 15


def test_more_sentences_than_fit_at_once(tokenizer, monkeypatch):
    monkeypatch.setattr("hubkit.vocabulary.measure._AT_ONCE", 2)
    assert measure(tokenizer, ["the kandi"] * 5, 64).tokens == 15


def test_settings_of_the_tokenizer_do_not_count(tokenizer):
    backend_of(tokenizer).enable_truncation(3)
    assert measure(tokenizer, ["the ka the ka"], 64).tokens == 4
    assert backend_of(tokenizer).truncation["max_length"] == 3


def test_bytes_are_never_unknown(bert):
    found = measure(load_tokenizer(bert), ["ߒߞߏ"], 64)
    assert (found.tokens, found.unknown_tokens, found.unknown_characters) == (6, 0, 0)


def test_before_and_after(unigram_core, tokenizer, make_delta):
    after = measure(extended(tokenizer, make_delta(unigram_core, {"▁ߒߞߏ": -6.0})), ["ߒߞߏ ba"], 64)
    assert (after.unknown_rate, after.fertility) == (0, 1)


def test_nothing_to_measure(tokenizer):
    with pytest.raises(UsageError, match="no sentences"):
        measure(tokenizer, [], 64)


def test_each_sentence_by_itself(tokenizer):
    one, other = each(tokenizer, ["the kandi", "ߒߞߏ ba  "], 64)
    assert (one.tokens, one.words, one.continued_words, one.unknown_tokens) == (3, 2, 1, 0)
    assert (other.tokens, other.words, other.continued_words, other.unknown_tokens) == (3, 2, 1, 1)


def test_spaces_at_the_end_are_no_word(bert):
    (found,) = each(load_tokenizer(bert), ["ab   "], 64)
    assert (found.tokens, found.words, found.continued_words) == (5, 1, 1)
