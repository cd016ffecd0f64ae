"""Proposes the pieces that a language lacks most in a core's vocabulary, from sentences of that language.

Candidates are the frequent parts of words. The core's tokenizer and all candidates cut the sentences together, and the
half that saves the fewest tokens is dropped, until the requested size is reached (as a Unigram is pruned: Kudo, 2018,
arXiv 1804.10959; but by tokens, not by likelihood).

A piece's score is the sum over the pieces that it replaces, plus ``MARGIN`` for every token that it saves, and more
than the core's least score: so it wins over what it replaces, and over two shorter new pieces, but only just, and a
segmentation of the core that cuts a word elsewhere at a better score stays. Two ways of cutting a word with the same
number of new pieces would be worth the same: ``TIE`` for the logarithm of how often each occurs decides.

Its row is the mean of the rows that it replaces (Gee et al., 2022, "Fast Vocabulary Transfer", arXiv 2402.09977). A
character that the core does not know has no such rows: it gets the mean of all rows plus noise of their deviation
(Hewitt, 2021, "Initializing New Word Embeddings for Pretrained Language Models").
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import log
from typing import TYPE_CHECKING

from hubkit.errors import NotFoundError, UsageError
from hubkit.vocabulary.base import BaseVocabulary, base_vocabulary
from hubkit.vocabulary.delta import MAX_PIECES, Piece, VocabularyDelta, problem_of
from hubkit.vocabulary.segmenter import UNKNOWN, Lattice
from hubkit.vocabulary.tokenizer import backend_of, keeps_spaces

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast

    from hubkit.core import Core

MARGIN = 0.1
TIE = 1e-3
CANDIDATES = 16  # for each piece that is asked for
_USES = 3  # what occurs less often is not proposed
_PIECE_CHARACTERS = 24
_WORD = re.compile(r"\w{2,}")
Scores = dict[str, float]
Parts = dict[str, list[str]]  # a new piece → the pieces that it replaces; none for a character that was unknown


def initial_delta(
    core: Core,
    tokenizer: PreTrainedTokenizerFast,
    embedding_weight: Tensor,
    sentences: Sequence[str],
    size: int,
    seed: int = 0,
) -> VocabularyDelta:
    """At most ``size`` pieces for a language, fewer when fewer help; ``embedding_weight`` (base_size, hidden).

    Raises :class:`UsageError` for a size out of range and :class:`NotFoundError` when no piece would help.
    """
    if not 0 < size <= MAX_PIECES:
        raise UsageError(f"A vocabulary delta has 1 to {MAX_PIECES} pieces, not {size}.", "Ask for another number.")
    base, backend = base_vocabulary(core), backend_of(tokenizer)
    propose = _unigram_pieces if base.is_unigram else _whole_words
    scores, parts = propose(sentences, backend, base, size)
    if not scores:
        raise NotFoundError(
            f"No new piece shortens these {len(sentences)} sentences: the vocabulary of {core.id} covers them.",
            "Train the adapter without a vocabulary delta.",
        )
    rows = _rows(parts, base, embedding_weight, seed)
    pieces = tuple(Piece(text, score) for text, score in scores.items())
    return VocabularyDelta(len(embedding_weight), core.tokenizer_sha256, pieces, rows)


def _unigram_pieces(
    sentences: Sequence[str], backend: Tokenizer, base: BaseVocabulary, size: int
) -> tuple[Scores, Parts]:
    """Unknown characters first, then the pieces that save most tokens."""
    words = Counter(word for sentence in sentences for word in _words(backend, sentence))
    letters = _letters(words, base, size)
    with_letters = _lattice(base, letters)
    parts: Parts = {text: [] for text in letters}
    candidates: Scores = {}
    for text, count in _candidates(words, base, CANDIDATES * size).items():
        path = with_letters.best(text)
        if all(number != UNKNOWN for number, _ in path):
            parts[text] = [part for _, part in path]
            replaced = sum(map(with_letters.score, parts[text]))
            candidates[text] = min(max(replaced + MARGIN * (len(path) - 1), base.least) + TIE * log(1 + count), 0.0)
    lengths = {text: len(path) for text, path in parts.items()}
    scores = letters | _select(words, base, letters, candidates, lengths, size - len(letters))
    return scores, {text: parts[text] for text in scores}


def _words(backend: Tokenizer, sentence: str) -> Iterator[str]:
    """The words that the model is asked to cut: normalised, with the mark of their beginning."""
    text = sentence if backend.normalizer is None else backend.normalizer.normalize_str(sentence)
    if backend.pre_tokenizer is None:
        yield text
    else:
        yield from (word for word, _ in backend.pre_tokenizer.pre_tokenize_str(text))


def _letters(words: Mapping[str, int], base: BaseVocabulary, size: int) -> Scores:
    """Characters that the base does not know, the most frequent first, just above its least score."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            counts[character] += count
    unknown = {text: count for text, count in counts.items() if count >= _USES and _is_new(text, base)}
    return dict.fromkeys(sorted(unknown, key=lambda text: (-unknown[text], text))[:size], base.least + TIE)


def _is_new(text: str, base: BaseVocabulary) -> bool:
    return text not in base.ids and problem_of(text) is None


def _lattice(base: BaseVocabulary, scores: Scores) -> Lattice:
    return Lattice(base, {text: (len(base.ids) + place, score) for place, (text, score) in enumerate(scores.items())})


def _candidates(words: Mapping[str, int], base: BaseVocabulary, number: int) -> dict[str, int]:
    """Parts of words that the base lacks and how often they occur: those first that have the most characters in all.

    A part is frequent only if what is left without its first and without its last character is, so that lengths are
    counted one after the other.
    """
    counts: dict[str, int] = {}
    frequent: set[str] | None = None
    for length in range(2, _PIECE_CHARACTERS + 1):
        found: Counter[str] = Counter()
        for word, count in words.items():
            for start in range(len(word) - length + 1):
                text = word[start : start + length]
                if frequent is None or (text[1:] in frequent and text[:-1] in frequent):
                    found[text] += count
        frequent = {text for text, count in found.items() if count >= _USES}
        counts.update((text, found[text]) for text in frequent if _is_new(text, base))
    best = sorted(counts, key=lambda text: (-counts[text] * (len(text) - 1), text))
    return {text: counts[text] for text in best[:number]}


def _select(
    words: Mapping[str, int],
    base: BaseVocabulary,
    letters: Scores,
    candidates: Scores,
    lengths: Mapping[str, int],
    room: int,
) -> Scores:
    """At most ``room`` candidates, those first that save most tokens when the core's and all kept pieces compete."""
    kept = candidates if room > 0 else {}
    while kept:
        lattice, saved = _lattice(base, {**letters, **kept}), Counter[str]()
        for word, count in words.items():
            for _, text in lattice.best(word) if lattice.holds_added(word) else ():
                if text in kept:
                    saved[text] += count * (lengths[text] - 1)
        best = sorted(saved, key=lambda text: (-saved[text], text))
        kept = {text: kept[text] for text in best[: max(room, len(best) // 2)]}
        if len(best) <= room:
            break
    return kept


def _whole_words(sentences: Sequence[str], backend: Tokenizer, base: BaseVocabulary, size: int) -> tuple[Scores, Parts]:
    """For a BPE or WordPiece: the words that save most tokens; their scores say nothing."""
    normaliser = backend.normalizer if keeps_spaces(backend) else None
    texts = (sentence if normaliser is None else normaliser.normalize_str(sentence) for sentence in sentences)
    words = Counter(word for text in texts for word in _WORD.findall(text))
    saved: Counter[str] = Counter()
    parts: Parts = {}
    for word, count in words.items():
        if count >= _USES and _is_new(word, base):
            tokens = backend.encode(f" {word}", add_special_tokens=False).tokens
            parts[word] = [token for token in tokens if token not in base.special]
            cost = len(tokens) if len(parts[word]) == len(tokens) else len(word)  # unknown: as if spelt
            saved[word] = count * (cost - 1)
    best = sorted((word for word in saved if saved[word] > 0), key=lambda word: (-saved[word], word))[:size]
    return dict.fromkeys(best, 0.0), {word: parts[word] for word in best}


def _rows(parts: Parts, base: BaseVocabulary, embedding_weight: Tensor, seed: int) -> Tensor:
    """One row (hidden,) for each piece, in order."""
    import torch

    weight = embedding_weight.detach().cpu().float()
    deviation, mean = torch.std_mean(weight[: len(base.ids)], dim=0)
    generator = torch.Generator().manual_seed(seed)
    rows: dict[str, Tensor] = {}
    for text, pieces in parts.items():
        if pieces:
            replaced = [rows[part] if part in rows else weight[base.ids[part]] for part in pieces]
            rows[text] = torch.stack(replaced).mean(dim=0)
        else:
            rows[text] = mean + deviation * torch.randn(len(mean), generator=generator)
    return torch.stack(list(rows.values()))
