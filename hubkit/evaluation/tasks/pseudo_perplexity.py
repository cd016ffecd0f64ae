"""Pseudo-perplexity: how well the last layer says which piece stood where one was masked.

The pseudo-log-likelihood of a sentence is the sum, over its pieces, of the log-probability of the piece given all
others (Salazar et al. 2020, arXiv 1910.14659). A sentence encoder such as the default core has no head for masked
pieces, and none is trained here: a piece scores by the product of the token vector with the piece's input embedding.
Nothing ever fitted these two to each other, so the number is near that of chance (the number of pieces to choose from)
and means nothing alone: it compares systems on one core. The reciprocal rank of the true piece asks the same without
asking for the right scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hubkit.corpora.examples import Text
from hubkit.corpora.labelled import read_text
from hubkit.evaluation.measure import Measure, Rows
from hubkit.evaluation.tasks.own_data import entry_of, own_folder

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.evaluation.task import Level, Tested
    from hubkit.languages import Language
    from hubkit.runtime.token_vectors import TokenVectors

NAME = "pseudo-perplexity"
MOST = 100  # sentences that are scored: each costs one forward pass a piece
_AT_ONCE = 2048  # masked copies that are held at a time


@dataclass(frozen=True, slots=True)
class Items:
    """Sentences of a language: the first are scored, the pieces of all are what is chosen from."""

    language: str  # BCP-47 tag
    origin: str
    scored: tuple[Text, ...]
    sentences: tuple[Text, ...]


class PseudoPerplexity:
    """The task ``pseudo-perplexity``. ``path`` is a folder of text files by language, a sentence a line.

    The default is ``pseudo-perplexity/`` in ``HUBKIT_SUITES``. At most ``most`` sentences are scored.
    """

    level: Level = "full"

    def __init__(self, path: Path | None = None, name: str = NAME, most: int = MOST) -> None:
        self.name = name
        self.most = most
        self._path = path

    def items(self, language: Language) -> Items | None:
        """The language's sentences; ``None`` without any. Raises :class:`UsageError` that names a bad line."""
        folder = own_folder(self.name, self._path)
        file = entry_of(folder, language, (".txt",)) if folder else None
        if folder is None or file is None:
            return None
        sentences = tuple(read_text(file))
        return Items(language.tag, f"file {file.name}", sentences[: self.most], sentences)

    def texts(self, items: Items) -> Sequence[str]:
        """Every sentence of the file."""
        return [each.text for each in items.sentences]

    def measure(self, items: Items, system: Tested) -> list[Measure]:
        """Pseudo-perplexity a piece (the main metric) and bits a character, lower is better; mean reciprocal rank.

        None for an encoder that is not hubkit's and for an ensemble. On a core without a mask token the unknown token
        takes its place. Where an adapter adds tokens, sentences have fewer pieces: compare bits a character then.
        """
        from hubkit.composition.recipe import Ensemble
        from hubkit.runtime.token_vectors import TokenVectors

        encoder = system.encoder
        if encoder is None or isinstance(encoder.recipe, Ensemble):
            return []
        with TokenVectors(encoder) as tokens:
            rows, choice = _rows(items, tokens)
        keys = tuple(each.key for each in items.scored)
        facts = {"origin": items.origin, **choice}
        return [
            Measure("pseudo-perplexity", rows, perplexity, keys, higher_is_better=False, facts=facts),
            Measure("bits a character", rows, bits_a_character, keys, higher_is_better=False, facts=facts),
            Measure("MRR", rows, reciprocal_rank, keys, facts=facts),
        ]


def perplexity(rows: Rows) -> npt.NDArray[np.float64]:
    """exp(−mean log-probability of a piece) of rows (…, n, 4).

    A row has the sum of log-probabilities, pieces, characters and the sum of reciprocal ranks of one sentence.
    """
    found: npt.NDArray[np.float64] = np.exp(-rows[..., 0].sum(axis=-1) / np.maximum(rows[..., 1].sum(axis=-1), 1))
    return found


def bits_a_character(rows: Rows) -> npt.NDArray[np.float64]:
    """−log₂ probability by character of the sentence, of the same rows."""
    bits = -rows[..., 0].sum(axis=-1) / math.log(2)
    found: npt.NDArray[np.float64] = bits / np.maximum(rows[..., 2].sum(axis=-1), 1)
    return found


def reciprocal_rank(rows: Rows) -> npt.NDArray[np.float64]:
    """Mean reciprocal rank of the true piece among the language's, of the same rows."""
    found: npt.NDArray[np.float64] = rows[..., 3].sum(axis=-1) / np.maximum(rows[..., 1].sum(axis=-1), 1)
    return found


def _rows(items: Items, tokens: TokenVectors) -> tuple[Rows, dict[str, int]]:
    """The rows of :func:`perplexity`, and how large the choice was."""
    import torch

    from hubkit.vocabulary.inventory import inventory

    tokenizer = tokens.encoder.tokenizer
    special = set(tokenizer.all_special_ids)
    pieces = torch.tensor(inventory(tokens.ids([each.text for each in items.sentences], ""), special))
    rows = embedding_rows(tokens, pieces)
    sums = np.zeros((len(items.scored), 4))
    copies: list[tuple[int, int, list[int]]] = []
    ids = tokens.ids([each.text for each in items.scored], "")
    for sentence, row in enumerate(ids):
        places = [place for place, number in enumerate(row) if number not in special]
        copies += [(sentence, place, row) for place in places]
        sums[sentence, 1:3] = len(places), len(items.scored[sentence].text)
    for start in range(0, len(copies), _AT_ONCE):
        some = copies[start : start + _AT_ONCE]
        for (sentence, _, _), found in zip(some, _guessed(tokens, some, pieces, rows), strict=True):
            sums[sentence, [0, 3]] += found
    return sums, {"pieces to choose from": len(pieces), "pieces": len(copies)}


def _guessed(
    tokens: TokenVectors, copies: Sequence[tuple[int, int, list[int]]], pieces: Tensor, rows: Tensor
) -> npt.NDArray[np.float64]:
    """Log-probability and reciprocal rank of the piece at ``place`` of ``ids`` when it is masked: (copies, 2)."""
    import torch

    tokenizer = tokens.encoder.tokenizer
    mask = int(tokenizer.unk_token_id if tokenizer.mask_token_id is None else tokenizer.mask_token_id)
    masked = [[*ids[:place], mask, *ids[place + 1 :]] for _, place, ids in copies]
    found = np.empty((len(copies), 2))
    with torch.inference_mode():
        for batch, hidden in tokens.hidden(masked):
            places = torch.tensor([copies[row][1] for row in batch])
            true = torch.searchsorted(pieces, torch.tensor([copies[row][2][copies[row][1]] for row in batch]))
            vectors = hidden[torch.arange(len(batch)), places.to(hidden.device)].float()
            scores = torch.log_softmax(vectors @ rows.T, dim=1).cpu()
            own = scores[torch.arange(len(batch)), true]
            found[batch, 0] = own.numpy()
            found[batch, 1] = 1 / (scores >= own[:, None]).sum(dim=1).numpy()
    return found


def embedding_rows(tokens: TokenVectors, pieces: Tensor) -> Tensor:
    """The input embeddings (p, h) of pieces (p,), those that an adapter adds among them."""
    import torch

    network, vocabulary = tokens.encoder.network, tokens.stack.vocabulary
    with torch.inference_mode():
        weight = network.model.get_submodule(network.bank.placed.word_embeddings).weight
        if vocabulary is None or network.folded is not None:
            return weight[pieces.to(weight.device)].float()  # type: ignore[no-any-return]
        added = pieces >= vocabulary.base_size
        rows = torch.empty((len(pieces), weight.shape[1]), device=weight.device)
        rows[~added] = weight[pieces[~added].to(weight.device)].float()
        rows[added] = vocabulary.rows.to(rows)[pieces[added] - vocabulary.base_size]
        return rows
