from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from hubkit.errors import NotFoundError, VerificationError
from hubkit.evaluation.controls.external import system_name
from hubkit.evaluation.controls.static_table import open_table

WORDS = ("[UNK]", "boat", "rain", "road")
VECTORS = np.array([[9, 9], [1, 0], [0, 1], [1, 1]], np.float32)


def write_tokenizer(folder):
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordLevel({word: row for row, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))


@pytest.fixture
def folder(tmp_path):
    """As Model2Vec saves a model."""
    write_tokenizer(tmp_path / "table")
    save_file({"embeddings": VECTORS}, tmp_path / "table" / "model.safetensors")
    (tmp_path / "table" / "config.json").write_text(json.dumps({"normalize": True}))
    return tmp_path / "table"


def test_the_mean_of_the_known_tokens(folder):
    table = open_table(folder)
    assert (table.rows, table.width) == (4, 2)
    np.testing.assert_allclose(
        table(["boat rain", "road nonsense", "nonsense", ""]), [[0.5, 0.5], [1, 1], [0, 0], [0, 0]]
    )


def test_weights_and_fewer_rows_than_tokens(folder):
    stored = {
        "embeddings": VECTORS[1:3],
        "mapping": np.array([0, 0, 1, 1], np.int32),
        "weights": np.array([0, 2, 1, 4], np.float32),
    }
    save_file(stored, folder / "model.safetensors")
    np.testing.assert_allclose(open_table(folder)(["boat rain", "road"]), [[1, 0.5], [0, 4]])


def test_half_precision_and_the_names_of_sentence_transformers(folder, tmp_path):
    inner = tmp_path / "st" / "0_StaticEmbedding"
    write_tokenizer(inner)
    save_file({"embedding.weight": VECTORS.astype(np.float16)}, inner / "model.safetensors")
    table = open_table(tmp_path / "st")
    assert table(["rain"]).dtype == np.float32
    np.testing.assert_allclose(table(["rain"]), open_table(folder)(["rain"]))


def test_a_file_beside_its_tokenizer(folder):
    np.testing.assert_allclose(open_table(folder / "model.safetensors")(["rain"]), [[0, 1]])


def test_words(tmp_path):
    np.savez(tmp_path / "words.npz", words=np.array(["Rain", "boat", "boat"]), vectors=VECTORS[1:])
    table = open_table(tmp_path / "words.npz")
    np.testing.assert_allclose(table(["Rain, boat!", "rain", "BOAT"]), [[0.5, 0.5], [0, 0], [0, 1]])


@given(text=some.text(max_size=40))
def test_any_text_has_a_vector(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("words") / "words.npz"
    np.savez(path, words=np.array(["a", "é", "ß"]), vectors=np.eye(3))
    assert np.isfinite(open_table(path)([text])).all()


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"other": VECTORS}, "neither of the tensors"),
        ({"embeddings": VECTORS[:2]}, "2 vectors for 4 tokens"),
        ({"embeddings": VECTORS[0]}, "no table of finite numbers"),
        ({"embeddings": np.full((4, 2), np.nan, np.float32)}, "no table of finite numbers"),
        ({"embeddings": VECTORS, "mapping": np.array([0, 1, 2, 9], np.int32)}, "mapping"),
        ({"embeddings": VECTORS, "mapping": np.array([0, 1, 2, -1], np.int32)}, "mapping"),
        ({"embeddings": VECTORS, "weights": np.ones(2, np.float32)}, "weights"),
    ],
)
def test_tables_that_do_not_fit(folder, stored, said):
    save_file(stored, folder / "model.safetensors")
    with pytest.raises(VerificationError, match=said):
        open_table(folder)


def test_what_is_no_table(folder, tmp_path):
    with pytest.raises(NotFoundError):
        open_table(tmp_path / "nothing")
    for name, content in (("a.npz", b"nonsense"), ("b.safetensors", b"nonsense")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(VerificationError, match="no static table"):
            open_table(tmp_path / name)
    np.savez(tmp_path / "pickle.npz", words=np.array(["a", None], dtype=object), vectors=VECTORS[:2])
    with pytest.raises(VerificationError, match="pickle"):
        open_table(tmp_path / "pickle.npz")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(VerificationError, match=r"tokenizer\.json"):
        open_table(folder)


@pytest.mark.parametrize(
    ("kind", "name", "found"),
    [
        ("st", "intfloat/multilingual-e5-small", "st-multilingual-e5-small"),
        ("st", "/models/My Model/", "st-my-model"),
        ("static", "/tables/potion_8M.npz", "static-potion-8m"),
        ("st", "日本", "st-model"),
    ],
)
def test_names_that_reports_take(kind, name, found):
    assert system_name(kind, name) == found
