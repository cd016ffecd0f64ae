"""Static tables: one vector for each token or word; a sentence is their (weighted) mean.

- A folder of Model2Vec or of sentence-transformers' StaticEmbedding: ``tokenizer.json`` and ``model.safetensors`` with
  ``embeddings`` or ``embedding.weight`` (rows, width), and, of Model2Vec, ``weights`` (a factor for each token) and
  ``mapping`` (the row of each token, of tables with fewer rows than tokens).
- A ``.safetensors`` file of such tensors, with ``tokenizer.json`` beside it.
- An ``.npz`` file with ``words`` (n,), strings, and ``vectors`` (n, width).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError

from hubkit.errors import NotFoundError, VerificationError

Vectors = npt.NDArray[np.float32]
_WORD = re.compile(r"\w+")
_TENSORS = ("embeddings", "embedding.weight")
_INNER = "0_StaticEmbedding"


@dataclass(frozen=True, slots=True)
class StaticTable:
    """``vectors`` (rows, width) and what finds the row and weight of a text's tokens; unknown ones do not count."""

    vectors: Vectors
    tokens: Callable[[Sequence[str]], list[list[int]]]  # texts → ids of their tokens
    row_of: npt.NDArray[np.int64] | None = None  # id → row; None where they are the same
    weights: Vectors | None = None  # id → factor

    @property
    def rows(self) -> int:
        return len(self.vectors)

    @property
    def width(self) -> int:
        return int(self.vectors.shape[1])

    def __call__(self, texts: list[str]) -> Vectors:
        """Mean vectors (n, width); zero for a text without any token of the table."""
        found = np.zeros((len(texts), self.width), np.float32)
        for place, ids in enumerate(self.tokens(texts)):
            if ids:
                rows = self.vectors[ids if self.row_of is None else self.row_of[ids]]
                factors = 1.0 if self.weights is None else self.weights[ids][:, None]
                found[place] = (rows * factors).mean(axis=0)
        return found


def open_table(path: Path) -> StaticTable:
    """The table at ``path``.

    Raises :class:`NotFoundError` when nothing is there and :class:`VerificationError` when it is no such table.
    """
    if not path.exists():
        raise NotFoundError(f"There is no static table {path}.", "Give a folder, a .safetensors or an .npz file.")
    try:
        return _of_words(path) if path.suffix == ".npz" else _of_tokens(path)
    except (OSError, ValueError, KeyError, SafetensorError, zipfile.BadZipFile) as error:
        raise VerificationError(
            f"{path} is no static table: {type(error).__name__}: {error}.",
            "Give a Model2Vec folder, a .safetensors file beside its tokenizer.json, or an .npz of words and vectors.",
        ) from error


def _of_words(path: Path) -> StaticTable:
    with np.load(path, allow_pickle=False) as content:
        words, vectors = content["words"], content["vectors"].astype(np.float32)
    if words.ndim != 1 or words.dtype.kind != "U":
        raise ValueError("words is no list of strings")
    number = {str(word): row for row, word in reversed(list(enumerate(words)))}  # of equal words the first
    _check(vectors, len(words))

    def tokens(texts: Sequence[str]) -> list[list[int]]:
        return [[number[word] for word in _words(text, number) if word in number] for text in texts]

    return StaticTable(vectors, tokens)


def _words(text: str, known: dict[str, int]) -> list[str]:
    """The words of a text, in lower case where they are not known as they stand."""
    return [word if word in known else word.casefold() for word in _WORD.findall(text)]


def _of_tokens(path: Path) -> StaticTable:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    file = _tensors_file(path)
    stored = load_file(file)
    name = next((name for name in _TENSORS if name in stored), None)
    if name is None:
        raise ValueError(f"{file.name} has neither of the tensors {' and '.join(_TENSORS)}")
    vectors = stored[name].astype(np.float32)
    beside = file.with_name("tokenizer.json")
    if not beside.is_file():
        raise ValueError(f"there is no {beside.name} beside {file.name}")
    tokenizer: Any = Tokenizer.from_file(str(beside))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    row_of, weights = stored.get("mapping"), stored.get("weights")
    count = tokenizer.get_vocab_size()
    _check(vectors, None if row_of is not None else count)
    if row_of is not None and (len(row_of) < count or row_of.min() < 0 or row_of.max() >= len(vectors)):
        raise ValueError("mapping has not one row of the table for each token")
    if weights is not None and len(weights) < count:
        raise ValueError("weights has not one factor for each token")
    unknown = _unknown_id(tokenizer)

    def tokens(texts: Sequence[str]) -> list[list[int]]:
        encoded = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [[token for token in one.ids if token != unknown] for one in encoded]

    mapped = None if row_of is None else row_of.astype(np.int64)
    return StaticTable(vectors, tokens, mapped, None if weights is None else weights.astype(np.float32))


def _tensors_file(path: Path) -> Path:
    if path.is_file():
        return path
    for file in (path / "model.safetensors", path / _INNER / "model.safetensors"):
        if file.is_file():
            return file
    raise ValueError("it has no model.safetensors")


def _unknown_id(tokenizer: Any) -> int | None:
    """The id of the token for what is unknown, where the tokenizer's model has one."""
    token = getattr(tokenizer.model, "unk_token", None)
    found: int | None = None if token is None else tokenizer.token_to_id(token)
    return found


def _check(vectors: Vectors, rows: int | None) -> None:
    if vectors.ndim != 2 or not vectors.size or not np.isfinite(vectors).all():
        raise ValueError(f"vectors of shape {vectors.shape} are no table of finite numbers")
    if rows is not None and len(vectors) < rows:
        raise ValueError(f"{len(vectors)} vectors for {rows} tokens")
