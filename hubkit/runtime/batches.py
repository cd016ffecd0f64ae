"""Sentences → token ids → batches of similar length, padded no further than their longest."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.vocabulary.segmenter import Segmenter

T = TypeVar("T")
TOKENS = 24  # on a CPU batches that stay in its caches are fastest (measured: docs/performance.md)
ACCELERATOR_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows ``rows`` of the input: token ids and attention mask (n, t), int64; no mask where nothing is padded."""

    rows: list[int]
    ids: Tensor
    mask: Tensor | None


class Tokenise:
    """Truncating tokeniser that threads may share.

    A ``segmenter`` knows the tokens that an adapter adds. The tokenizer may be used elsewhere too: a call of a
    transformers tokenizer leaves its truncation and padding behind, so both are put right before each use, and touched
    only when they are wrong.
    """

    def __init__(self, tokenizer: Any, prefix: str, max_tokens: int, segmenter: Segmenter | None = None) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise UsageError("The core's tokenizer has no tokenizer.json.", "Convert it to a fast tokenizer first.")
        self._backend = backend
        self._prefix = prefix
        self._max_tokens = max_tokens
        self._segmenter = segmenter
        self._settling = threading.Lock()
        self.pad_id: int = tokenizer.pad_token_id or 0

    def __call__(self, sentences: Sequence[str], prefix: str | None = None, first: int = 0) -> list[list[int]]:
        """Token ids of each sentence. Raises :class:`UsageError` naming (from ``first`` on) the one that is no text."""
        _check_types(sentences, first)
        chosen = self._prefix if prefix is None else prefix
        texts = [chosen + sentence for sentence in sentences]
        try:
            if self._segmenter is not None:
                return self._segmenter(texts, self._max_tokens)
            self._settle()
            encodings = self._backend.encode_batch_fast(texts)
        except (TypeError, UnicodeEncodeError) as error:
            raise _not_unicode(sentences, first) from error
        return [encoding.ids for encoding in encodings]

    def _settle(self) -> None:
        with self._settling:
            wanted = {"max_length": self._max_tokens, "stride": 0, "direction": "right"}
            found = self._backend.truncation or {}
            if any(found.get(key) != value for key, value in wanted.items()):
                self._backend.enable_truncation(self._max_tokens)
            if self._backend.padding is not None:
                self._backend.no_padding()


def check_sentences(sentences: Sequence[str], first: int = 0) -> None:
    """Raise :class:`UsageError` naming (from ``first`` on) the sentence that is no text."""
    _check_types(sentences, first)
    try:
        "".join(sentences).encode("utf-8")
    except UnicodeEncodeError as error:
        raise _not_unicode(sentences, first) from error


def _check_types(sentences: Sequence[str], first: int) -> None:
    for index, sentence in enumerate(sentences):
        if not isinstance(sentence, str):
            raise UsageError(
                f"Sentence {first + index} is a {type(sentence).__name__}, not a string.", "Pass strings only."
            )


def _not_unicode(sentences: Sequence[str], first: int) -> UsageError:
    for index, sentence in enumerate(sentences):
        try:
            sentence.encode("utf-8")
        except UnicodeEncodeError:
            return UsageError(
                f"Sentence {first + index} holds half a surrogate pair, which is no text.",
                "Decode the input as UTF-8, with errors='replace' if it is damaged.",
            )
    return UsageError(f"The tokenizer refuses the sentences from {first} on.", "Pass strings only.")


def batches(
    token_ids: Sequence[list[int]],
    batch_size: int,
    pad_id: int,
    order: Sequence[int] | None = None,
    tokens: int = TOKENS,
) -> Iterator[Batch]:
    """Batches in order of falling length, so that the first one needs the most memory.

    A batch has room for ``batch_size`` rows of ``tokens`` tokens: more rows where they are shorter, fewer where they
    are longer. Within a batch rows stand by ``order``, a number for each.
    """
    by_length = sorted(range(len(token_ids)), key=lambda row: -len(token_ids[row]))
    start = 0
    while start < len(by_length):
        longest = max(len(token_ids[by_length[start]]), 1)
        stop = start + max(1, batch_size * tokens // longest)
        rows = by_length[start:stop]
        if order is not None:
            rows.sort(key=order.__getitem__)
        yield _batch(rows, [token_ids[row] for row in rows], longest, pad_id)
        start = stop


def _batch(rows: list[int], token_ids: Sequence[list[int]], longest: int, pad_id: int) -> Batch:
    if all(len(ids) == longest for ids in token_ids):
        return Batch(rows, torch.tensor(token_ids, dtype=torch.long), None)
    padded = [ids + [pad_id] * (longest - len(ids)) for ids in token_ids]
    lengths = torch.tensor([len(ids) for ids in token_ids])
    mask = (torch.arange(longest) < lengths.unsqueeze(1)).long()
    return Batch(rows, torch.tensor(padded, dtype=torch.long), mask)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Consecutive lists of at most ``size`` items; as many as are needed are held at a time."""
    source = iter(items)
    while chunk := list(itertools.islice(source, size)):
        yield chunk
