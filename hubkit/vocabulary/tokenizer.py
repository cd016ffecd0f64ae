"""The core's tokenizer with a delta's pieces in it, as a whole: for training and for export.

A Unigram gets the pieces into its vocabulary, where they compete by their scores. Text in which no new piece occurs
has the same lattice as before and so the same ids. A BPE or WordPiece, whose segmentation follows from merges or from
the longest match, gets them as added tokens: whole words that are found before it is asked.
"""

from __future__ import annotations

import copy
import json
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from hubkit.errors import UsageError, VerificationError
from hubkit.vocabulary.base import check_new, read_vocabulary

if TYPE_CHECKING:
    from tokenizers import AddedToken, Tokenizer
    from transformers import PreTrainedTokenizerFast

    from hubkit.vocabulary.delta import VocabularyDelta

_WHAT = "The vocabulary delta"
_built: WeakKeyDictionary[Any, WeakValueDictionary[str, Any]] = WeakKeyDictionary()
_building = threading.Lock()


def extended(tokenizer: PreTrainedTokenizerFast, delta: VocabularyDelta) -> PreTrainedTokenizerFast:
    """A tokenizer whose id ``delta.base_size`` + i is piece i and whose other ids are those of ``tokenizer``.

    The same object comes back while it is in use somewhere. A large Unigram takes seconds and as much memory as the
    base: :class:`hubkit.vocabulary.segmenter.Segmenter` gives the same ids without either.
    Raises :class:`VerificationError` when a piece cannot have its id.
    """
    digest = delta.digest
    with _building:
        known = _built.setdefault(tokenizer, WeakValueDictionary())
        if (found := known.get(digest)) is None:
            backend, found = _extended(backend_of(tokenizer), delta), copy.copy(tokenizer)
            found._tokenizer = backend
            known[digest] = found
    return found


def backend_of(tokenizer: PreTrainedTokenizerFast) -> Tokenizer:
    """The Rust tokenizer inside. Raises :class:`UsageError` for a tokenizer that has none."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise UsageError("The core's tokenizer has no tokenizer.json.", "Convert it to a fast tokenizer first.")
    return backend


def with_model(base: Tokenizer, model: Any) -> Tokenizer:
    """A tokenizer around ``model`` with the other parts of ``base``; parts are shared, settings of a call are not."""
    from tokenizers import Tokenizer

    made = Tokenizer(model)
    for part in ("normalizer", "pre_tokenizer", "post_processor", "decoder"):
        if (value := getattr(base, part)) is not None:
            setattr(made, part, value)
    made.encode_special_tokens = base.encode_special_tokens
    made.add_tokens([token for _, token in sorted(base.get_added_tokens_decoder().items())])
    return made


def _extended(base: Tokenizer, delta: VocabularyDelta) -> Tokenizer:
    state = json.loads(base.to_str())
    vocabulary = read_vocabulary(state)
    check_new(delta.pieces, vocabulary, _WHAT)
    if (beyond := max(vocabulary.ids.values()) + 1) > delta.base_size:
        raise VerificationError(
            f"{_WHAT} begins at id {delta.base_size}, the tokenizer has {beyond} ids.", "Learn it for this core."
        )
    if vocabulary.is_unigram:
        made = with_model(base, _unigram(state["model"], dict(vocabulary.ids), vocabulary.least, delta))
    else:
        made = with_model(base, base.model)
        made.add_tokens(_fillers(made.get_vocab_size(), delta.base_size))
        made.add_tokens([_added_token(base, piece.text) for piece in delta.pieces])
    _check_ids(base, made, delta)
    return made


def _unigram(model: dict[str, Any], ids: dict[str, int], least: float, delta: VocabularyDelta) -> Any:
    from tokenizers.models import Unigram

    pieces = [(text, score) for text, score in model["vocab"]]
    texts = {number: text for text, number in ids.items()}
    for number in range(len(pieces), delta.base_size):  # ids of added tokens, or rows that no token has
        pieces.append((texts.get(number, _filler(number)), least))
    pieces += [(piece.text, piece.score) for piece in delta.pieces]
    return Unigram(pieces, model["unk_id"], model.get("byte_fallback", False))


def _filler(number: int) -> str:
    """A text that no piece may have and that no text holds, for an id without a token."""
    return f"\ufdd0{number}\ufdd1"


def _fillers(first: int, end: int) -> list[AddedToken]:
    from tokenizers import AddedToken

    return [AddedToken(_filler(number), normalized=False) for number in range(first, end)]


def _added_token(base: Tokenizer, text: str) -> AddedToken:
    """A whole word with the space before it.

    It is looked for in the normalised text, unless the normaliser turns spaces into something else.
    """
    from tokenizers import AddedToken

    return AddedToken(text, single_word=True, lstrip=True, normalized=keeps_spaces(base))


def keeps_spaces(base: Tokenizer) -> bool:
    """Whether a space is still one after normalisation; SentencePiece's BPE makes it ``▁``."""
    return base.normalizer is None or " " in base.normalizer.normalize_str("a b")


def _check_ids(base: Tokenizer, made: Tokenizer, delta: VocabularyDelta) -> None:
    before, after = base.get_added_tokens_decoder(), made.get_added_tokens_decoder()
    moved = [token.content for number, token in before.items() if after.get(number) != token]
    moved += [text for text, number in delta.ids.items() if made.token_to_id(text) != number]
    if moved:
        raise VerificationError(
            f"{_WHAT} cannot be added: {moved[0]!r} would not have its id.", "Learn it again for this core."
        )
