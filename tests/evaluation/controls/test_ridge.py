from __future__ import annotations

import numpy as np
import pytest

from hubkit.evaluation.controls import NotHadError, ridge
from hubkit.evaluation.retrieval import retrieve


@pytest.fixture
def world():
    """Unit vectors of English, and of texts that are these turned, moved and blurred."""
    random = np.random.default_rng(0)
    english = random.normal(size=(400, 16))
    english /= np.linalg.norm(english, axis=1, keepdims=True)
    turned, _ = np.linalg.qr(np.eye(16) + 0.4 * random.normal(size=(16, 16)))
    texts = english @ turned + 0.5 * random.normal(size=16) + 0.02 * random.normal(size=(400, 16))
    return texts / np.linalg.norm(texts, axis=1, keepdims=True), english


def test_it_is_the_minimum(world):
    texts, english = world
    found = ridge.fit(texts, english, 0.3)
    x, y = texts - texts.mean(0), english - english.mean(0)
    pull = 0.3 * np.trace(x.T @ x) / 16

    def loss(weights):
        return np.square(x @ weights - y).sum() + pull * np.square(weights - np.eye(16)).sum()

    random = np.random.default_rng(1)
    for scale in (1e-1, 1e-3, 1e-5):
        assert loss(found.weights) < loss(found.weights + scale * random.normal(size=(16, 16)))


def test_held_out_sentences_are_found(world):
    texts, english = world
    found = ridge.fit(texts[:300], english[:300], 0.1)
    before, after = (retrieve(vectors, english[300:]).recall for vectors in (texts[300:], found(texts[300:])))
    assert after > 0.9 > before


def test_a_strong_pull_only_moves_the_mean(world):
    texts, english = world
    found = ridge.fit(texts, english, 1e9)
    np.testing.assert_allclose(found.weights, np.eye(16), atol=1e-6)
    moved = texts - texts.mean(0) + english.mean(0)
    np.testing.assert_allclose(found(texts), moved / np.linalg.norm(moved, axis=1, keepdims=True), atol=1e-5)


def test_the_same_vectors_stay_where_they_are(world):
    _, english = world
    np.testing.assert_allclose(ridge.fit(english, english, 0.1)(english), english, atol=1e-5)


def test_the_number_of_sentences_does_not_change_the_pull(world):
    texts, english = world
    once, twice = ridge.fit(texts, english), ridge.fit(np.tile(texts, (2, 1)), np.tile(english, (2, 1)))
    np.testing.assert_allclose(once.weights, twice.weights, atol=1e-9)


def test_fewer_sentences_than_dimensions_and_equal_ones(world):
    texts, english = world
    assert np.isfinite(ridge.fit(texts[:5], english[:5])(texts)).all()
    equal = np.tile(texts[:1], (30, 1))
    assert np.isfinite(ridge.fit(equal, equal)(texts)).all()


def test_the_system_maps_texts_and_leaves_english(make_context):
    context = make_context()
    system = ridge.make(context)
    assert "90 pairs" in system.description
    texts = [pair.text for pair in context.pairs["rw"][:20]]
    core = np.asarray(context.encoder.encode(texts))
    vectors = np.asarray(system.encode(texts))
    assert vectors.shape == core.shape
    assert np.abs(vectors - core).max() > 1e-3
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.asarray(system.english(["a boat"])), context.encoder.encode(["a boat"]), atol=1e-6)


def test_languages_are_drawn_by_their_shares(make_context, monkeypatch):
    monkeypatch.setattr(ridge, "MOST_PAIRS", 40)
    chosen = ridge.sample(make_context(), alpha=1.0, own=3.0)
    own = sum(pair.text.endswith("w") for pair in chosen)
    assert own == round(40 * 180 / 210)
    assert ridge.sample(make_context(), 1.0, 3.0) == chosen


def test_too_little_text(make_context):
    pairs = {"rw": make_context().pairs["rw"][:19]}
    with pytest.raises(NotHadError, match="19 pairs"):
        ridge.make(make_context(pairs=pairs))
