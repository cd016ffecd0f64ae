"""Rows with their own recipes, in one forward, against each row alone."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from hubkit import Ensemble, Merge, Stack
from hubkit.errors import NotFoundError, UsageError
from hubkit.runtime import batches
from hubkit.runtime.encoder import Encoder
from hubkit.vocabulary.delta import Piece, VocabularyDelta

WORDS = ["a", "bb", "ccc", "dddd", "eeeee", "Mwaramutse", "neza", "ubwenge", "😀", "ქართული", ""]


@pytest.fixture
def encoder(core, make_adapter):
    """Four adapters of every method, of two widths."""
    made = Encoder(core)
    for number, name in enumerate(("seq_bn", "double_seq_bn", "par_bn", "seq_bn_inv", "lora", "ia3")):
        for copy in range(4):
            adapter = make_adapter(core, name, seed=10 * number + copy, strength=1.0 if copy else 0.5)
            made.bank.add(adapter, f"{name}-{copy}")
    made.bank.add(make_adapter(core, "seq_bn", seed=99, reduction_factor=2), "wide")
    return made


def texts_of(count, seed=0):
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=chance.randrange(9))) for _ in range(count)]


def agrees(encoder, texts, recipes):
    together = encoder.encode(texts, recipes=recipes)
    alone = np.stack([encoder.with_recipe(recipe).encode(text) for text, recipe in zip(texts, recipes, strict=True)])
    np.testing.assert_allclose(together, alone, atol=1e-5, rtol=0)
    return together


@pytest.mark.parametrize("method", ["seq_bn", "double_seq_bn", "par_bn", "seq_bn_inv", "lora", "ia3"])
@pytest.mark.parametrize("rows_each", [1, 3])
def test_a_family_and_many_languages(encoder, method, rows_each):
    recipes = [f"{method}-0 + {method}-{1 + row // rows_each % 3}" for row in range(12)]
    vectors = agrees(encoder, texts_of(12), recipes)
    assert np.abs(vectors - encoder.with_recipe(f"{method}-0").encode(texts_of(12))).max() > 1e-3


def test_all_kinds_of_recipes_at_once(encoder):
    recipes = [
        "core", "seq_bn-1", "0.3*seq_bn-1", "seq_bn-0 + seq_bn-2", "seq_bn-0 + wide", "lora-1", "lora-1 + seq_bn-1",
        "ia3-1 + lora-2", "seq_bn_inv-1", "seq_bn_inv-1 + seq_bn_inv-2", "par_bn-1 + par_bn-2", "par_bn-1 + seq_bn-1",
        "double_seq_bn-1 + seq_bn-2", "seq_bn-2 + double_seq_bn-1", "merge(seq_bn-1: 1, seq_bn-2: 3)",
        "wide", "seq_bn-1", "core", "merge(lora-1: 1, lora-2: 1, method=ties, density=0.5) + seq_bn-3", "ia3-2",
    ]  # fmt: skip
    agrees(encoder, texts_of(len(recipes), 1), recipes)
    shuffled = random.Random(3).sample(recipes, len(recipes))
    agrees(encoder, texts_of(len(recipes), 2), shuffled)


def test_rows_of_one_length_need_no_mask(encoder, monkeypatch):
    recipes = [f"seq_bn-{row % 4}" for row in range(8)]
    agrees(encoder, ["abcd"] * 8, recipes)


def test_batches_smaller_than_the_rows(encoder, monkeypatch):
    monkeypatch.setattr(batches, "TOKENS", 1)
    texts, recipes = texts_of(11, 4), [f"lora-{row % 4}" for row in range(11)]
    small = encoder.encode(texts, recipes=recipes, batch_size=2)
    np.testing.assert_allclose(small, agrees(encoder, texts, recipes), atol=1e-5, rtol=0)


def test_ensembles_among_other_rows(encoder):
    encoder.fit_anchors(texts_of(6, 7))
    weighted = Ensemble("seq_bn-1", "lora-1", weights=[1, 3])
    recipes = ["seq_bn-1", weighted, Ensemble("seq_bn-1", "core", temperature=0.1), "core"]
    texts = texts_of(4, 5)
    found = encoder.encode(texts, recipes=recipes)
    parts = [encoder.with_recipe(recipe).encode(texts[1]) for recipe in ("seq_bn-1", "lora-1")]
    expected = (parts[0] + 3 * parts[1]) / 4
    np.testing.assert_allclose(found[1], expected / np.linalg.norm(expected), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found[3], encoder.encode(texts[3]), atol=1e-5)


def test_an_ensemble_by_entropy_needs_anchors(encoder):
    with pytest.raises(UsageError, match="fit_anchors"):
        encoder.with_recipe("ensemble(seq_bn-1, lora-1)").encode("a")
    sure = encoder.fit_anchors(["abc", "xyz"]).with_recipe(Ensemble("seq_bn-1", "lora-1", temperature=1e6))
    assert sure.anchors is encoder.anchors
    even = encoder.with_recipe(Ensemble("seq_bn-1", "lora-1", weights=[1, 1]))
    np.testing.assert_allclose(sure.encode("abc"), even.encode("abc"), atol=1e-4)


def test_relatedness_needs_languages(encoder):
    with pytest.raises(UsageError, match="without a language"):
        encoder.with_recipe(Merge(["seq_bn-1", "seq_bn-2"], "relatedness", target="rw")).encode("a")


@pytest.mark.parametrize(
    ("recipes", "error", "message"),
    [
        (["core"], UsageError, "1 recipes were given for 2 sentences"),
        (["core", "seq_bn-9"], NotFoundError, "did you mean seq_bn-"),
        (["core", "merge(seq_bn-1: 1, wide: 1)"], UsageError, "wid"),
        (["core", "merge(seq_bn-1: nan, wide: 1)"], UsageError, "nan"),
        (["core", "fuse(seq_bn-1, seq_bn-2)"], UsageError, "has no fusion"),
        (["core", "fuse(seq_bn-1, seq_bn-2, fusion=seq_bn-3)"], UsageError, "no fusion"),
        (["core", "seq_bn-1 +"], UsageError, "end"),
        (["core", "seq_bn-1 - mean(seq_bn-1)"], UsageError, "no stored mean"),
    ],
)
def test_bad_recipes(encoder, recipes, error, message):
    before = encoder.encode(["a", "b"])
    with pytest.raises(error, match=message):
        encoder.encode(["a", "b"], recipes=recipes)
    np.testing.assert_array_equal(encoder.encode(["a", "b"]), before)


@pytest.mark.parametrize("text", ["", " ", "x" * 100_000, "\0", "😀" * 500])
def test_odd_sentences_among_others(encoder, text):
    recipes = ["seq_bn-1", "lora-1", "core"]
    assert np.isfinite(agrees(encoder, [text, "abc", text], recipes)).all()
    assert encoder.encode([], recipes=[]).shape == (0, 32)


def test_centred_rows(encoder):
    mean = encoder.fit_centre(texts_of(20, 8))
    recipes = ["seq_bn-1", "core"]
    found = encoder.encode(["a", "b"], recipes=recipes, centre=mean)
    for row, recipe in enumerate(recipes):
        expected = encoder.with_recipe(recipe).encode("ab"[row], centre=mean)
        np.testing.assert_allclose(found[row], expected, atol=1e-5)


def test_switching_compiles_once(encoder):
    recipe = Stack("seq_bn-1", "seq_bn-2")
    with encoder.network.stacked(recipe) as first, encoder.network.stacked(Stack("seq_bn-1", "seq_bn-2")) as second:
        assert first is second


def test_rows_whose_adapters_add_tokens(bert, make_adapter):
    pieces = [("Mwaramutse",), ("neza", "cyane")]
    encoder = Encoder(bert)
    for number, texts in enumerate(pieces):
        rows = torch.randn(len(texts), 32, generator=torch.Generator().manual_seed(number))
        delta = VocabularyDelta(260, bert.tokenizer_sha256, tuple(Piece(text, 0.0) for text in texts), rows)
        encoder.bank.add(replace(make_adapter(bert, "seq_bn", seed=number), vocabulary=delta), f"lang-{number}")
    encoder.bank.add(make_adapter(bert, "lora"), "plain")
    texts = ["Mwaramutse neza", "neza cyane", "neza", "Mwaramutse", "", "neza"]
    recipes = ["lang-0", "lang-1", "core", "plain", "lang-1", "plain + lang-1"]
    vectors = agrees(encoder, texts, recipes)
    untouched = [replace(make_adapter(bert, "seq_bn", seed=number)) for number in range(2)]
    assert np.abs(vectors[0] - encoder.adapted(untouched[0]).encode(texts[0])).max() > 1e-3
    with pytest.raises(UsageError, match="Sentence 4 is a int"):
        encoder.encode([*texts[:4], 7, "x"], recipes=recipes)
    with pytest.raises(UsageError, match="Sentence 5 holds half a surrogate pair"):
        encoder.encode([*texts[:5], "\ud800"], recipes=recipes)
    with pytest.raises(UsageError, match="both add tokens"):
        encoder.encode("x", recipes=["lang-0 + lang-1"])
