"""Semantic textual similarity: do cosines order pairs of sentences as people do?

Spearman's rank correlation of cosine and gold score (Reimers et al. 2016, "Task-Oriented Intrinsic Evaluation of
Semantic Textual Similarity"; Cer et al. 2017, SemEval-2017 task 1). Data: ``LANG.tsv``, text, text and score a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hubkit.corpora.examples import Scored
from hubkit.corpora.labelled import read_scored_pairs
from hubkit.errors import UsageError
from hubkit.evaluation.compare import encode_distinct
from hubkit.evaluation.measure import Measure, Rows, View
from hubkit.evaluation.retrieval import centred, normalised
from hubkit.evaluation.tasks.own_data import entry_of, own_folder

if TYPE_CHECKING:
    from hubkit.evaluation.task import Level, Tested
    from hubkit.languages import Language

NAME = "sts"
FEWEST = 3  # pairs of which a rank correlation means anything


@dataclass(frozen=True, slots=True)
class Items:
    """Pairs of sentences of a language with a score."""

    language: str  # BCP-47 tag
    origin: str
    pairs: tuple[Scored, ...]


class Sts:
    """The task ``sts``. ``path`` is a folder of files by language; the default is ``sts/`` in ``HUBKIT_SUITES``."""

    level: Level = "smoke"

    def __init__(self, path: Path | None = None, name: str = NAME) -> None:
        self.name = name
        self._path = path

    def items(self, language: Language) -> Items | None:
        """The language's pairs; ``None`` without any. Raises :class:`UsageError` that names a bad line."""
        folder = own_folder(self.name, self._path)
        file = entry_of(folder, language, (".tsv", ".jsonl")) if folder else None
        if folder is None or file is None:
            return None
        pairs = tuple(read_scored_pairs(file))
        if len(pairs) < FEWEST or len({pair.score for pair in pairs}) < 2:
            raise UsageError(
                f"{file} has {len(pairs)} pairs with {len({pair.score for pair in pairs})} different scores.",
                f"A rank correlation needs {FEWEST} pairs and two scores at least.",
            )
        return Items(language.tag, f"file {file.name}", pairs)

    def texts(self, items: Items) -> Sequence[str]:
        """Both sides of every pair."""
        return [text for pair in items.pairs for text in (pair.text, pair.other) if text]

    def measure(self, items: Items, system: Tested) -> list[Measure]:
        """Spearman's correlation, raw and with the mean of all sentences removed."""
        sentences = [pair.text for pair in items.pairs] + [str(pair.other) for pair in items.pairs]
        vectors = normalised(encode_distinct(system.encode, sentences))
        return [_measure(items, vectors, "raw"), _measure(items, centred(vectors), "centred")]


def _measure(items: Items, vectors: npt.NDArray[np.float32], view: View) -> Measure:
    count = len(items.pairs)
    cosines = (vectors[:count].astype(np.float64) * vectors[count:]).sum(axis=1)
    rows = np.stack([cosines, [pair.score for pair in items.pairs]], axis=1)
    keys = tuple(pair.key for pair in items.pairs)
    return Measure("Spearman", rows, spearman, keys, view, facts={"origin": items.origin})


def spearman(rows: Rows) -> npt.NDArray[np.float64]:
    """Spearman's rank correlation of the two columns of rows (…, n, 2); 0 where one of them does not vary.

    Pearson's correlation of ranks, equal values having their mean rank (Spearman 1904).
    """
    ranks = mean_ranks(np.moveaxis(rows, -1, -2))  # (…, 2, n)
    ranks = ranks - ranks.mean(axis=-1, keepdims=True)
    ours, theirs = ranks[..., 0, :], ranks[..., 1, :]
    spread = np.sqrt((ours**2).sum(axis=-1) * (theirs**2).sum(axis=-1))
    found: npt.NDArray[np.float64] = (ours * theirs).sum(axis=-1) / np.where(spread > 0, spread, 1)
    return found


def mean_ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks from 1 along the last axis (…, n); equal values have the mean of their ranks."""
    flat = values.reshape(-1, values.shape[-1])
    ranks = np.empty_like(flat, dtype=np.float64)
    for row, found in zip(flat, ranks, strict=True):
        _, group, counts = np.unique(row, return_inverse=True, return_counts=True)
        last = np.cumsum(counts)
        found[:] = (last - (counts - 1) / 2)[group]
    return ranks.reshape(values.shape)
