from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from hubkit.core import load_model, load_tokenizer
from hubkit.errors import NotFoundError, UsageError
from hubkit.vocabulary.base import base_vocabulary, check_new
from hubkit.vocabulary.learn import MARGIN, TIE, _unigram_pieces, initial_delta
from hubkit.vocabulary.measure import measure
from hubkit.vocabulary.segmenter import Segmenter
from hubkit.vocabulary.tokenizer import extended


def sentences_of(words, number=200, seed=0):
    chosen = random.Random(seed)
    return [" ".join(chosen.choices(words, k=6)) for _ in range(number)]


KNOWN = sentences_of(["kandi", "abana", "kandiba", "ing", "guhindura", "abandi"])
NKO = sentences_of(["ߒߞߏ", "ߞߊ߲", "ߒߠߊ", "ߞߊ߬ߙߊ߲", "ߛߓߍ", "ba", "ߒߞߏߛߓߍ"])


@pytest.fixture
def weight(unigram_core):
    return load_model(unigram_core).embeddings.word_embeddings.weight


@pytest.fixture
def learn(unigram_core, tokenizer, weight):
    return lambda sentences, size, **more: initial_delta(unigram_core, tokenizer, weight, sentences, size, **more)


def test_pieces_shorten_the_sentences(unigram_core, tokenizer, base, learn):
    delta = learn(KNOWN, 5)
    assert 0 < len(delta) <= 5
    assert "▁guhindura" in delta.ids
    assert (delta.base_size, delta.tokenizer_sha256) == (64, unigram_core.tokenizer_sha256)
    check_new(delta.pieces, base, "delta")
    before, after = measure(tokenizer, KNOWN, 64), measure(extended(tokenizer, delta), KNOWN, 64)
    assert after.tokens < 0.6 * before.tokens
    used = {number for ids in Segmenter(tokenizer, base, delta)(KNOWN, 64) for number in ids}
    assert set(delta.ids.values()) <= used


def test_more_pieces_shorten_more(tokenizer, learn):
    tokens = [measure(extended(tokenizer, learn(KNOWN, size)), KNOWN, 64).tokens for size in (1, 2, 4)]
    assert tokens == sorted(tokens, reverse=True)
    assert len(set(tokens)) == 3


def test_unknown_characters_come_first(tokenizer, base, learn):
    delta = learn(NKO, 20)
    letters = set("".join(NKO)) - set(" ba")
    assert {piece.text for piece in delta.pieces[: len(letters)]} == letters
    assert all(len(piece.text) > 1 for piece in delta.pieces[len(letters) :])
    before, after = measure(tokenizer, NKO, 64), measure(extended(tokenizer, delta), NKO, 64)
    assert before.unknown_character_rate > 0.8
    assert after.unknown_rate == 0
    assert after.fertility < 2
    few = learn(NKO, 3)
    assert [len(piece.text) for piece in few.pieces] == [1, 1, 1]


def test_text_without_the_pieces_is_cut_as_before(tokenizer, base, learn):
    cut = Segmenter(tokenizer, base, learn(NKO, 20))
    for text in KNOWN[:50]:
        assert cut([text], 64) == [tokenizer(text)["input_ids"]]


def test_a_score_is_just_above_what_it_replaces(tokenizer, base, learn):
    scores = dict(learn(KNOWN, 40).pieces)
    replaced = base.scores[base.ids["▁ka"]] + base.scores[base.ids["ndi"]]
    assert replaced + MARGIN < base.least < scores["▁kandi"] < base.least + 10 * TIE
    assert all(base.least < score <= 0 for score in scores.values())
    roomy = replace(base, scores=[*base.scores, -99.0])
    scores, parts = _unigram_pieces(KNOWN, tokenizer.backend_tokenizer, roomy, 40)
    assert parts["▁kandi"] == ["▁ka", "ndi"]
    assert replaced + MARGIN < scores["▁kandi"] < replaced + MARGIN + 10 * TIE


def test_a_row_is_the_mean_of_those_it_replaces(tokenizer, weight, learn):
    delta = learn(KNOWN, 5)
    for text, number in delta.ids.items():
        ids = [token.id for token in tokenizer.backend_tokenizer.model.tokenize(text)]
        torch.testing.assert_close(delta.rows[number - 64], weight[ids].mean(dim=0))


def test_rows_of_unknown_characters_differ(base, weight, learn):
    delta = learn(NKO, 20)
    assert delta.rows.isfinite().all()
    assert delta.rows.unique(dim=0).shape == delta.rows.shape
    ratio = delta.rows[:8].std() / weight.std()
    assert 0.5 < float(ratio) < 2
    joined = next(text for text in delta.ids if len(text) > 1 and delta.ids.keys() >= set(text) - {"▁"})
    parts = [delta.rows[delta.ids[part] - 64] if part in delta.ids else weight[base.ids[part]] for part in joined]
    torch.testing.assert_close(delta.rows[delta.ids[joined] - 64], torch.stack(parts).mean(dim=0))


def test_the_same_again(learn):
    first, second = learn(NKO, 20), learn(NKO, 20)
    assert first.pieces == second.pieces
    assert torch.equal(first.rows, second.rows)
    assert not torch.equal(first.rows, learn(NKO, 20, seed=1).rows)


def test_whole_words_for_another_kind_of_core(bert, wordpiece_core):
    for core in (bert, wordpiece_core):
        tokenizer, weight = load_tokenizer(core), load_model(core).embeddings.word_embeddings.weight
        sentences = [*KNOWN, *NKO]
        delta = initial_delta(core, tokenizer, weight, sentences, 6)
        assert {"guhindura"} <= delta.ids.keys()
        assert all(piece.text.isalpha() or "߬" in piece.text or "߲" in piece.text for piece in delta.pieces)
        longer = extended(tokenizer, delta)
        assert measure(longer, KNOWN, 64).tokens < measure(tokenizer, KNOWN, 64).tokens
        check_new(delta.pieces, base_vocabulary(core), "delta")


def test_nothing_to_propose(learn):
    with pytest.raises(NotFoundError, match="No new piece shortens these 2 sentences"):
        learn(["the", "ing"], 10)


@pytest.mark.parametrize("size", [0, -1, 1 << 17])
def test_sizes_out_of_range(learn, size):
    with pytest.raises(UsageError, match=f"not {size}"):
        learn(KNOWN, size)
