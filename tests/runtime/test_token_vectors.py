"""Token vectors are those of the network, adapters acting; a word is its first token."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hubkit.adapter.store import import_adapterhub
from hubkit.core import load_model, load_tokenizer
from hubkit.core.pooling import pool
from hubkit.errors import UsageError
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.token_vectors import TokenVectors
from hubkit.vocabulary.delta import Piece, VocabularyDelta

SENTENCES = ["a", "Mwaramutse neza", "", "a longer one, with many more bytes than the others", "ქართული"]


def by_hand(model, core, sentences):
    """Last layer's token vectors, one sentence at a time."""
    tokenizer = load_tokenizer(core)
    rows = []
    for sentence in sentences:
        ids = torch.tensor([tokenizer(core.prefix + sentence)["input_ids"]])
        with torch.inference_mode():
            rows.append(model(input_ids=ids).last_hidden_state[0].numpy())
    return rows


def test_they_are_those_of_the_core(core):
    with TokenVectors(Encoder(core)) as tokens:
        found = tokens(SENTENCES)
    for ours, theirs in zip(found, by_hand(load_model(core), core, SENTENCES), strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("method", ["lora", "seq_bn"])
def test_adapters_act(bert, method, trained, adapters_model):
    folder = trained(bert, method)
    model = adapters_model(bert)
    model.load_adapter(str(folder), load_as="lang-rw", set_active=True, use_safetensors=True)
    encoder = Encoder(bert, adapter=import_adapterhub(folder, bert, method))
    with TokenVectors(encoder) as tokens:
        found = tokens(SENTENCES)
    for ours, theirs in zip(found, by_hand(model.eval(), bert, SENTENCES), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    plain = by_hand(load_model(bert), bert, SENTENCES)
    assert not np.allclose(found[1], plain[1], atol=1e-3)


def test_pooled_they_are_the_sentence_vectors_of_a_recipe(bert, make_adapter):
    encoder = Encoder(bert)
    encoder.bank.add(make_adapter(bert, "seq_bn", name="fam-bantu"))
    encoder.bank.add(make_adapter(bert, "lora", seed=1, name="lang-rw"))
    stacked = encoder.with_recipe("0.5*fam-bantu + lang-rw")
    with TokenVectors(stacked) as tokens:
        found = [pool(torch.from_numpy(row)[None], None, "mean")[0].numpy() for row in tokens(SENTENCES)]
    np.testing.assert_allclose(found, stacked.encode(SENTENCES, normalize_embeddings=False), atol=1e-5)


def test_words_are_cut_as_the_sentence_is(core):
    sentences = [["Mwaramutse", "neza", "ა"], ["x"]]
    with TokenVectors(Encoder(core)) as tokens:
        pieces = tokens.pieces(sentences)
        assert [piece.ids for piece in pieces] == tokens.ids([" ".join(words) for words in sentences])
        whole, words = tokens(["Mwaramutse neza ა"])[0], tokens.of_words(sentences)
    assert [row.shape for row in words] == [(3, 32), (1, 32)]
    first = len("<q:") + 1  # bytes: "<s>", "q", ":", and the space that "Mwaramutse" begins with
    np.testing.assert_allclose(words[0], whole[[first - 1, first + 10, first + 15]], atol=1e-5)


def test_a_word_beyond_the_length_has_no_vector(bert):
    with TokenVectors(Encoder(bert)) as tokens:
        words = tokens.of_words([["a"] * 40, ["y" * 100, "z"], []])
        ids = [len(piece.ids) for piece in tokens.pieces([["a"] * 40])]
    assert ids == [bert.max_tokens]
    assert words[0].any(axis=1).tolist() == [True] * 30 + [False] * 10
    assert words[1].any(axis=1).tolist() == [True, False]
    assert words[2].shape == (0, 32)


def test_added_tokens(bert, make_adapter):
    rows = torch.randn(2, 32, generator=torch.Generator().manual_seed(0))
    delta = VocabularyDelta(260, bert.tokenizer_sha256, (Piece("Mwaramutse", 0.0), Piece("neza", 0.0)), rows)
    encoder = Encoder(bert, adapter=replace(make_adapter(bert, "lora"), vocabulary=delta))
    with TokenVectors(encoder) as tokens:
        ids = tokens.ids(["neza Mwaramutse"], "")
        (vectors,) = tokens(["neza Mwaramutse"])
        pieces = tokens.pieces([["neza", "Mwaramutse"]])[0]
        whole = tokens.ids(["neza Mwaramutse"])
    assert ids == [[0, 261, 260, 2]]
    assert pieces.ids == whole[0]
    assert [pieces.ids[start] for start in pieces.starts] == [261, 260]
    pooled = encoder.encode("neza Mwaramutse", normalize_embeddings=False)
    np.testing.assert_allclose(vectors.mean(0), pooled, atol=1e-5)


def test_an_ensemble_has_none(bert, make_adapter):
    encoder = Encoder(bert)
    encoder.bank.add(make_adapter(bert, "lora", name="lang-rw"))
    with pytest.raises(UsageError, match="combines sentence vectors"):
        TokenVectors(encoder.with_recipe("ensemble(lang-rw, core)"))


def test_outside_the_block_it_says_so(bert):
    tokens = TokenVectors(Encoder(bert))
    with pytest.raises(UsageError, match="outside their block"):
        tokens(["a"])
