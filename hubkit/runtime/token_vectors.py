"""Sentences → a vector for each token, or for each word; the encoder's adapters act as they do in ``encode``.

with TokenVectors(encoder) as tokens:
    tokens(["Mwaramutse neza"])                 # [(t, hidden)], special tokens and the core's prefix included
    tokens.of_words([["Mwaramutse", "neza"]])   # [(2, hidden)], each word's first token
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hubkit.composition.recipe import Ensemble
from hubkit.errors import UsageError
from hubkit.runtime.batches import ACCELERATOR_TOKENS, TOKENS, batches

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray
    from torch import Tensor

    from hubkit.runtime.encoder import Encoder
    from hubkit.runtime.network import Stacked

    Vectors = NDArray[np.float32]

BATCH_SIZE = 32


class Pieces(NamedTuple):
    """Token ids of a sentence, and where each of its words begins among them; None where a word was cut off."""

    ids: list[int]
    starts: list[int | None]


class TokenVectors:
    """What one encoder makes of each token; its adapters stay in memory until the block ends.

    No mean is removed from token vectors. Raises :class:`UsageError` for an ensemble, which has sentence vectors only.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        if encoder._own is None and isinstance(encoder.recipe, Ensemble):
            raise UsageError(f"{encoder.recipe} combines sentence vectors.", "Use one of its recipes.")
        self._held = ExitStack()
        self._stack: Stacked | None = None

    def __enter__(self) -> TokenVectors:
        encoder = self.encoder
        if encoder._own is not None:
            self._stack = encoder._own
        else:
            self._stack = self._held.enter_context(encoder.network.stacked(encoder.recipe))  # type: ignore[arg-type]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack = None
        self._held.close()

    @property
    def stack(self) -> Stacked:
        """What acts. Raises :class:`UsageError` outside the block."""
        if self._stack is None:
            raise UsageError("Token vectors were asked for outside their block.", "Write `with TokenVectors(…) as …:`.")
        return self._stack

    def ids(self, sentences: Sequence[str], prefix: str | None = None) -> list[list[int]]:
        """Token ids of each sentence, special tokens included; ``prefix`` replaces the core's."""
        return self.encoder.network.tokenise(self.stack.vocabulary)(sentences, prefix)

    def __call__(self, sentences: Sequence[str], prefix: str | None = None) -> list[Vectors]:
        """A vector for each token of each sentence: float32 (t, hidden), special tokens and prefix included."""
        return self._vectors(self.ids(sentences, prefix))

    def of_words(self, sentences: Sequence[Sequence[str]]) -> list[Vectors]:
        """The vector of each word's first token: float32 (words, hidden); zeros for words beyond the core's length."""
        pieces = self.pieces(sentences)
        vectors = self._vectors([piece.ids for piece in pieces])
        return [_at(found, piece.starts) for found, piece in zip(vectors, pieces, strict=True)]

    def pieces(self, sentences: Sequence[Sequence[str]]) -> list[Pieces]:
        """Tokens of sentences that are given as words, after the core's prefix.

        Each word is cut alone: a tokenizer that lets no token cross a space gives the tokens of the sentence.
        """
        before, after = self._frame()
        room = self.encoder.core.max_tokens - len(before) - len(after)
        prefix = self.encoder.core.prefix.split()
        units = [[*prefix, *words] for words in sentences]
        flat = [f" {unit}" if place else unit for each in units for place, unit in enumerate(each)]
        cut = self.ids(flat, "")
        ends = list(accumulate(map(len, units), initial=0))
        found = []
        for first, last in pairwise(ends):
            words = [ids[len(before) : len(ids) - len(after)] for ids in cut[first:last]]
            found.append(_joined(words, len(prefix), before, after, room))
        return found

    def hidden(
        self, token_ids: Sequence[list[int]], batch_size: int = BATCH_SIZE
    ) -> Iterator[tuple[list[int], Tensor]]:
        """Rows of ``token_ids`` and their token vectors (rows, t, hidden), a batch at a time; t is the longest's."""
        network, device = self.encoder.network, self.encoder.device
        tokens = TOKENS if device.type == "cpu" else ACCELERATOR_TOKENS
        for batch in batches(token_ids, BATCH_SIZE, network.tokenise(None).pad_id, None, tokens):
            yield batch.rows, network.hidden(batch, [self.stack] * len(batch.rows))[0]

    def _vectors(self, token_ids: Sequence[list[int]]) -> list[Vectors]:
        found: list[Vectors] = [np.empty((0, 0), np.float32)] * len(token_ids)
        for rows, hidden in self.hidden(token_ids):
            vectors = hidden.float().cpu().numpy()
            for place, row in enumerate(rows):
                found[row] = vectors[place, : len(token_ids[row])].copy()
        return found

    def _frame(self) -> tuple[list[int], list[int]]:
        """The special tokens before and after a sentence."""
        encoding = self.encoder.tokenizer.backend_tokenizer.encode("a")
        text = [place for place, special in enumerate(encoding.special_tokens_mask) if not special]
        return encoding.ids[: text[0]], encoding.ids[text[-1] + 1 :]


def _joined(words: Sequence[list[int]], skipped: int, before: list[int], after: list[int], room: int) -> Pieces:
    """One sentence from the tokens of its words, the first ``skipped`` of which are the prefix."""
    ids: list[int] = []
    starts: list[int | None] = []
    for word in words:
        starts.append(len(before) + len(ids) if word and len(ids) < room else None)
        ids += word
    return Pieces([*before, *ids[:room], *after], starts[skipped:])


def _at(vectors: Vectors, starts: Sequence[int | None]) -> Vectors:
    found = np.zeros((len(starts), vectors.shape[1]), np.float32)
    for word, start in enumerate(starts):
        if start is not None:
            found[word] = vectors[start]
    return found
