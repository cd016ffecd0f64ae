"""The pieces that a core's tokenizer has already, with their scores, and whether a delta fits them."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from hubkit.core import Core, load_tokenizer
from hubkit.errors import VerificationError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from hubkit.vocabulary.delta import Piece, VocabularyFile

# An unknown character scores this much below the least piece, in `tokenizers` as in SentencePiece.
UNKNOWN_PENALTY = 10.0
_read: dict[str, BaseVocabulary] = {}  # by the hash of the tokenizer
_loaded: WeakKeyDictionary[Any, BaseVocabulary] = WeakKeyDictionary()
_AGAIN = "Learn the vocabulary for this core, or load the adapter with the core it was made for."


@dataclass(frozen=True, eq=False)
class BaseVocabulary:
    """Piece → id, and for a Unigram the score of each id; ``special`` tokens are found before segmentation."""

    kind: str
    ids: Mapping[str, int]
    scores: Sequence[float]
    special: frozenset[str]
    byte_fallback: bool = False

    @property
    def is_unigram(self) -> bool:
        """Whether added pieces compete with the core's by their scores."""
        return self.kind == "Unigram"

    @cached_property
    def least(self) -> float:
        """The least score; an unknown character scores ``UNKNOWN_PENALTY`` below it."""
        return min(self.scores)

    @cached_property
    def longest(self) -> int:
        """Characters of the longest piece."""
        return max(map(len, self.ids))


def read_vocabulary(state: Mapping[str, Any]) -> BaseVocabulary:
    """The vocabulary in the content of a ``tokenizer.json``."""
    model = state["model"]
    if model["type"] == "Unigram":
        ids = {text: number for number, (text, _) in enumerate(model["vocab"])}
        scores: Sequence[float] = array("d", (score for _, score in model["vocab"]))
    else:
        ids, scores = dict(model["vocab"]), ()
    added = {token["content"]: token["id"] for token in state.get("added_tokens") or ()}
    byte_fallback = bool(model.get("byte_fallback"))
    return BaseVocabulary(model["type"], {**ids, **added}, scores, frozenset(added), byte_fallback)


def base_vocabulary(core: Core) -> BaseVocabulary:
    """The vocabulary of ``core``, read once per process."""
    if (found := _read.get(core.tokenizer_sha256)) is None:
        file = core.folder / "tokenizer.json"
        content = file.read_bytes() if file.is_file() else load_tokenizer(core).backend_tokenizer.to_str()
        found = _read[core.tokenizer_sha256] = read_vocabulary(json.loads(content))
    return found


def as_loaded(base: BaseVocabulary, tokenizer: PreTrainedTokenizerFast) -> BaseVocabulary:
    """``base`` with the scores that ``tokenizer`` has in memory.

    They are what decides: `tokenizers` reads some decimal numbers to a neighbouring float64, so that the file's own
    numbers would break a tie otherwise than it does.
    """
    if not base.is_unigram:
        return base
    if (found := _loaded.get(tokenizer)) is None:
        pieces = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["vocab"]
        found = _loaded[tokenizer] = replace(base, scores=array("d", (score for _, score in pieces)))
    return found


def embedding_rows(core: Core) -> int:
    """Number of rows in the core's embedding matrix: the first id that a delta may use."""
    return int(json.loads((core.folder / "config.json").read_text("utf-8"))["vocab_size"])


def check_fits(content: VocabularyFile, core: Core, where: str) -> None:
    """Raises :class:`VerificationError` when this delta was made for another core, or has a piece that it has."""
    if content.base_size != (size := embedding_rows(core)):
        raise VerificationError(f"{where} begins at id {content.base_size}, {core.id} has {size} ids.", _AGAIN)
    if content.tokenizer_sha256 != core.tokenizer_sha256:
        raise VerificationError(
            f"{where} was made with tokenizer {content.tokenizer_sha256[:19]}…, {core.id} has "
            f"{core.tokenizer_sha256[:19]}….",
            _AGAIN,
        )
    check_new(content.pieces, base_vocabulary(core), where)


def check_new(pieces: Sequence[tuple[str, float] | Piece], base: BaseVocabulary, where: str) -> None:
    """Raises :class:`VerificationError` for a piece that the base has, or that would change the cost of the unknown.

    A Unigram takes the score of an unknown character from its least score: with a lower one, text that holds none of
    the new pieces could be cut otherwise than before.
    """
    least = base.least if base.is_unigram else float("-inf")
    for place, (text, score) in enumerate(pieces):
        if text in base.ids:
            raise VerificationError(f"{where}: piece {place}, {text!r}, is in the core's vocabulary already.", _AGAIN)
        if score < least:
            raise VerificationError(
                f"{where}: piece {place}, {text!r}, has score {score:.4f}, below the core's least, {least:.4f}.", _AGAIN
            )
