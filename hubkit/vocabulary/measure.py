"""How well a tokenizer covers a language: what its sentences cost in tokens, and what it does not know of them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from hubkit.errors import UsageError
from hubkit.vocabulary.tokenizer import backend_of, with_model

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer
    from transformers import PreTrainedTokenizerFast

_AT_ONCE = 1000
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class TokenizerMeasure:
    """Counts over a language's sentences, without prefix and special tokens.

    Words are what stands between spaces: in a script without them, look at ``characters_per_token`` instead of
    ``fertility``. ``unknown_tokens`` counts a run of unknown characters as the one token that it becomes;
    ``unknown_characters`` counts its characters. Both stay 0 where a tokenizer falls back to bytes. ``truncated`` are
    the sentences that lose text at the core's length, prefix and special tokens included. ``continued_words`` are the
    words that are cut into several tokens.
    """

    sentences: int
    words: int
    characters: int  # other than spaces
    tokens: int
    unknown_tokens: int
    unknown_characters: int
    truncated: int
    continued_words: int

    @property
    def fertility(self) -> float:
        """Tokens per word."""
        return self.tokens / max(1, self.words)

    @property
    def characters_per_token(self) -> float:
        """Characters other than spaces per token."""
        return self.characters / max(1, self.tokens)

    @property
    def unknown_rate(self) -> float:
        """Share of the tokens that are unknown."""
        return self.unknown_tokens / max(1, self.tokens)

    @property
    def unknown_character_rate(self) -> float:
        """Share of the characters that are inside unknown tokens."""
        return self.unknown_characters / max(1, self.characters)

    @property
    def continued_word_rate(self) -> float:
        """Share of the words that are cut into several tokens."""
        return self.continued_words / max(1, self.words)

    @property
    def truncated_rate(self) -> float:
        """Share of the sentences that are cut."""
        return self.truncated / max(1, self.sentences)


def measure(
    tokenizer: PreTrainedTokenizerFast, sentences: Sequence[str], max_tokens: int, prefix: str = ""
) -> TokenizerMeasure:
    """Measure a tokenizer on sentences. Raises :class:`UsageError` when there are none."""
    if not sentences:
        raise UsageError("There are no sentences to measure.", "Give at least one.")
    counts = zip(*(astuple(one) for one in each(tokenizer, sentences, max_tokens, prefix)), strict=True)
    return TokenizerMeasure(*map(sum, counts))


def each(
    tokenizer: PreTrainedTokenizerFast, sentences: Sequence[str], max_tokens: int, prefix: str = ""
) -> Iterator[TokenizerMeasure]:
    """The measure of every sentence by itself, in order."""
    base = backend_of(tokenizer)
    backend, unknown = with_model(base, base.model), tokenizer.unk_token_id
    room = max_tokens - _extra(backend, prefix)
    for start in range(0, len(sentences), _AT_ONCE):
        some = list(sentences[start : start + _AT_ONCE])
        for sentence, encoding in zip(some, backend.encode_batch(some, add_special_tokens=False), strict=True):
            yield _one(sentence, encoding, unknown, room)


def _one(sentence: str, encoding: Encoding, unknown: int | None, room: int) -> TokenizerMeasure:
    ids, words = encoding.ids, sentence.split()
    no_piece = unknown is not None and unknown in ids
    return TokenizerMeasure(
        sentences=1,
        words=len(words),
        characters=sum(map(len, words)),
        tokens=len(ids),
        unknown_tokens=ids.count(unknown) if no_piece else 0,
        unknown_characters=_unknown_characters(sentence, encoding, unknown) if no_piece else 0,
        truncated=int(len(ids) > room),
        continued_words=_continued(sentence, encoding),
    )


def _continued(sentence: str, encoding: Encoding) -> int:
    """Words in which more than one token ends."""
    words = [word.end() for word in _WORD.finditer(sentence)]
    tokens = Counter(bisect_left(words, end) for _, end in encoding.offsets)
    return sum(count > 1 for word, count in tokens.items() if word < len(words))


def _extra(backend: Tokenizer, prefix: str) -> int:
    """Tokens that every sentence has beside its own."""
    return len(backend.encode(prefix).ids)


def _unknown_characters(sentence: str, encoding: Encoding, unknown: int | None) -> int:
    spans = (span for number, span in zip(encoding.ids, encoding.offsets, strict=True) if number == unknown)
    return sum(len("".join(sentence[start:end].split())) for start, end in spans)
