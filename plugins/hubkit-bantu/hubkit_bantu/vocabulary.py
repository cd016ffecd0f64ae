"""A vocabulary delta whose pieces do not cut across class prefixes.

hubkit's own learner takes the parts of words that save most tokens, whatever they are: of ``abanyarwanda`` it may make
one piece ``bany``, which has an end of a prefix and a beginning of a stem. Here its proposals are asked whether they
lie inside a prefix or inside a stem; those that mostly do not, whole nouns among them, are left out, and the next ones
take their place. What is left saves fewer tokens, and cuts at the ends of prefixes as often as the core's own pieces.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hubkit.errors import NotFoundError
from hubkit.vocabulary.delta import MAX_PIECES, VocabularyDelta
from hubkit.vocabulary.learn import initial_delta

from hubkit_bantu.segmentation import Stems

if TYPE_CHECKING:
    from hubkit.core import Core
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast

PROPOSALS = 3  # for each piece that is asked for
START = "▁"  # of a word, as SentencePiece writes it
_WORD = re.compile(r"[^\W\d_]+")


def prefix_aware_delta(
    core: Core, tokenizer: PreTrainedTokenizerFast, embedding_weight: Tensor, sentences: Sequence[str], size: int,
    tag: str, seed: int = 0,
) -> VocabularyDelta:  # fmt: skip
    """At most ``size`` pieces for the language ``tag``, as :func:`hubkit.vocabulary.learn.initial_delta` gives them.

    Raises what that raises, and :class:`NotFoundError` when every proposal cuts across a prefix.
    """
    import torch

    asked = min(MAX_PIECES, PROPOSALS * size)
    proposed = initial_delta(core, tokenizer, embedding_weight, sentences, asked, seed)
    across = straddling([piece.text for piece in proposed.pieces], sentences, tag)
    kept = [index for index, piece in enumerate(proposed.pieces) if piece.text not in across][:size]
    if not kept:
        raise NotFoundError(f"Every new piece for {tag} cuts across a class prefix.", "Give more text.")
    rows = proposed.rows[torch.tensor(kept)]
    return VocabularyDelta(
        proposed.base_size, proposed.tokenizer_sha256, tuple(proposed.pieces[index] for index in kept), rows
    )


def straddling(pieces: Sequence[str], sentences: Sequence[str], tag: str) -> set[str]:
    """The pieces that lie across the end of a class prefix more often than not, where they occur in ``sentences``."""
    words = Counter(word for sentence in sentences for word in _WORD.findall(sentence))
    stems = Stems(sentences, tag)
    wanted, longest = set(pieces), max(map(len, pieces), default=0)
    seen: Counter[str] = Counter()
    across: Counter[str] = Counter()
    for word, count in words.items():
        cut = stems.split(word)
        marked, end = START + word, len(cut.prefix) + 1 if cut else 0
        for start in range(len(marked)):
            for stop in range(start + 1, min(start + longest, len(marked)) + 1):
                if (text := marked[start:stop]) in wanted:
                    seen[text] += count
                    across[text] += count if start < end < stop else 0
    return {text for text in wanted if 2 * across[text] > seen[text]}
