"""Token ids with a delta's pieces, without building the whole tokenizer again.

The base tokenizer cuts the text; only words in which a new piece occurs are cut again, by the same search over the same
scores (Viterbi over a Unigram; Kudo, 2018, arXiv 1804.10959), and words are remembered. For a vocabulary of 250,000
pieces this starts at once and needs some megabytes, where a second tokenizer takes seconds and a quarter of a gigabyte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from hubkit.vocabulary.base import UNKNOWN_PENALTY, BaseVocabulary, as_loaded, check_new
from hubkit.vocabulary.tokenizer import backend_of, extended, with_model

if TYPE_CHECKING:
    from tokenizers import Encoding
    from transformers import PreTrainedTokenizerFast

    from hubkit.vocabulary.delta import VocabularyDelta

UNKNOWN = -1
_REMEMBERED_WORDS = 1 << 16
_REMEMBERED_CHARACTERS = 64  # longer words are not remembered


class Lattice:
    """A Unigram: the pieces of the base and those added to it, with their scores."""

    def __init__(self, base: BaseVocabulary, added: Mapping[str, tuple[int, float]]) -> None:
        """``added`` maps a piece to its id and score."""
        self.base = base
        self.added = added
        self._unknown = base.least - UNKNOWN_PENALTY
        self._longest = max([base.longest, *map(len, added)])
        self._lengths = sorted({len(text) for text in added})

    @classmethod
    def of(cls, base: BaseVocabulary, delta: VocabularyDelta) -> Lattice:
        """The lattice of a base and a delta."""
        ids = delta.ids
        return cls(base, {text: (ids[text], score) for text, score in delta.pieces})

    def holds_added(self, word: str) -> bool:
        """Whether an added piece occurs in ``word``."""
        return any(
            word[start : start + length] in self.added
            for length in self._lengths
            for start in range(len(word) - length + 1)
        )

    def best(self, word: str) -> list[tuple[int, str]]:
        """The segmentation of the highest score, as (id, text); each unknown character is one ``UNKNOWN``.

        Among equal scores the one that the search of `tokenizers` finds: pieces from the earliest start win.
        """
        size = len(word)
        scores = [0.0] * (size + 1)
        came: list[tuple[int, int] | None] = [None] * (size + 1)  # (start, id) of the piece that ends here
        for start in range(size):
            here, single = scores[start], False
            for end in range(start + 1, min(start + self._longest, size) + 1):
                if (piece := self._piece(word[start:end])) is None:
                    continue
                single = single or end == start + 1
                if came[end] is None or here + piece[1] > scores[end]:
                    scores[end], came[end] = here + piece[1], (start, piece[0])
            if not single and (came[start + 1] is None or here + self._unknown > scores[start + 1]):
                scores[start + 1], came[start + 1] = here + self._unknown, (start, UNKNOWN)
        return _backtrack(word, came)

    def _piece(self, text: str) -> tuple[int, float] | None:
        if (found := self.added.get(text)) is not None:
            return found
        number = self.base.ids.get(text)
        if number is None or number >= len(self.base.scores):
            return None
        return number, self.base.scores[number]

    def score(self, text: str) -> float:
        """The score of a piece. Raises :class:`KeyError` when there is none."""
        if (piece := self._piece(text)) is None:
            raise KeyError(text)
        return piece[1]


def _backtrack(word: str, came: Sequence[tuple[int, int] | None]) -> list[tuple[int, str]]:
    pieces, end = [], len(word)
    while end > 0:
        step = came[end]
        assert step is not None  # every end is reached: by a piece or as an unknown character
        start, number = step
        pieces.append((number, word[start:end]))
        end = start
    return pieces[::-1]


class Segmenter:
    """Sentences → the ids that the extended tokenizer gives. Threads may share it."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, base: BaseVocabulary, delta: VocabularyDelta) -> None:
        """``base`` is the vocabulary of ``tokenizer``. Raises :class:`VerificationError` for a delta of another."""
        check_new(delta.pieces, base, "The vocabulary delta")
        backend = backend_of(tokenizer)
        self._lattice: Lattice | None = None
        if base.is_unigram and not base.byte_fallback:
            self._lattice = Lattice.of(as_loaded(base, tokenizer), delta)
            self._unknown = int(tokenizer.unk_token_id or 0)
        else:
            backend = backend_of(extended(tokenizer, delta))
        self._special = base.special
        self._backend = with_model(backend, backend.model)  # truncation is a setting of each, and this one has none
        self._before, self._after = _frame(self._backend.encode("a"))
        self._words: dict[str, list[int]] = {}

    def __call__(self, sentences: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Ids of each sentence, special tokens included, cut to ``max_tokens``."""
        room = max_tokens - len(self._before) - len(self._after)
        encodings = self._backend.encode_batch(list(sentences), add_special_tokens=False)
        return [[*self._before, *self._ids(encoding)[:room], *self._after] for encoding in encodings]

    def _ids(self, encoding: Encoding) -> list[int]:
        ids: list[int] = encoding.ids
        if self._lattice is None:
            return ids
        tokens, words, found = encoding.tokens, encoding.word_ids, []
        for _, places in groupby(range(len(ids)), words.__getitem__):
            word = list(places)
            first, end = word[0], word[-1] + 1
            again = [] if tokens[first].strip() in self._special else self._again("".join(tokens[first:end]))
            found += again or ids[first:end]
        return found

    def _again(self, word: str) -> list[int]:
        """The ids of a word in which a new piece occurs, none for another."""
        if (known := self._words.get(word)) is not None:
            return known
        assert self._lattice is not None
        ids: list[int] = []
        if self._lattice.holds_added(word):
            ids = _fused([number for number, _ in self._lattice.best(word)], self._unknown)
        if len(word) <= _REMEMBERED_CHARACTERS:
            if len(self._words) >= _REMEMBERED_WORDS:
                self._words.clear()
            self._words[word] = ids
        return ids


def _fused(ids: Sequence[int], unknown: int) -> list[int]:
    """A run of unknown characters is one token."""
    kept = [number for place, number in enumerate(ids) if number != UNKNOWN or place == 0 or ids[place - 1] != UNKNOWN]
    return [unknown if number == UNKNOWN else number for number in kept]


def _frame(encoding: Encoding) -> tuple[list[int], list[int]]:
    """The special tokens before and after a sentence."""
    text = [place for place, special in enumerate(encoding.special_tokens_mask) if not special]
    return encoding.ids[: text[0]], encoding.ids[text[-1] + 1 :]
