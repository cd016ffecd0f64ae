from __future__ import annotations

import sys

import numpy as np
import pytest

from hubkit.evaluation.controls import NotHadError
from hubkit.evaluation.controls.external import sentence_transformer, static_table

TEXTS = ["Mwaramutse neza", "a longer sentence with words"]


def test_a_folder_of_sentence_transformers(bert, tmp_path):
    st = pytest.importorskip("sentence_transformers")
    from sentence_transformers.models import Pooling, Transformer

    words = Transformer(str(bert.folder), max_seq_length=64)
    model = st.SentenceTransformer(modules=[words, Pooling(bert.hidden_size)], device="cpu")
    model.save(str(tmp_path / "My Model"))
    system = sentence_transformer(str(tmp_path / "My Model"))
    assert system.name == "st-my-model"
    assert "32 dimensions" in system.description
    np.testing.assert_allclose(system.encode(TEXTS), model.encode(TEXTS), atol=1e-6)
    np.testing.assert_allclose(system.english(TEXTS), model.encode(TEXTS), atol=1e-6)
    assert system.encoder is None


def test_a_folder_that_is_none(tmp_path, monkeypatch):
    pytest.importorskip("sentence_transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotHadError, match="cannot be loaded"):
        sentence_transformer(str(tmp_path / "empty"))


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(NotHadError, match=r'pip install "hubkit\[evaluation\]"'):
        sentence_transformer("org/model")


def test_a_static_table(tmp_path):
    np.savez(tmp_path / "Word Vectors.npz", words=np.array(["neza", "words"]), vectors=np.eye(2))
    system = static_table(str(tmp_path / "Word Vectors.npz"))
    assert system.name == "static-word-vectors"
    assert "2 of 2 dimensions" in system.description
    np.testing.assert_allclose(system.encode(TEXTS), [[1, 0], [0, 1]])
