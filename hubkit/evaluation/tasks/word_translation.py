"""The task of word translation: is the nearest word of the other language one of a word's translations?

Precision at 1 of bilingual lexicon induction (Conneau et al. 2018, "Word Translation Without Parallel Data", ICLR),
where any listed translation is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hubkit.evaluation.compare import as_vectors
from hubkit.evaluation.lexicon import Lexicon, Lexicons
from hubkit.evaluation.measure import Measure, Rows, View, mean_of_items
from hubkit.evaluation.retrieval import Vectors, centred, normalised, ranks
from hubkit.evaluation.task import Tested
from hubkit.evaluation.tasks.cldr_names import CldrNames
from hubkit.evaluation.tasks.freedict import Freedict

if TYPE_CHECKING:
    from hubkit.languages import Language

FEWEST = 20  # words of either side; with fewer there is no task
Hits = npt.NDArray[np.bool_]


class WordTranslation:
    """Measures ``P@1`` (mean of both directions), ``P@1 forward`` and ``P@1 backward``, raw and centred.

    The candidates of a word are all words of the other side; a wrong one that ties with the best right one is ranked
    before it.
    """

    def __init__(self, lexicons: Lexicons) -> None:
        self._lexicons = lexicons
        self.name, self.level = lexicons.name, lexicons.level

    def items(self, language: Language) -> Lexicon | None:
        """The word list of ``language``; ``None`` when there is none, or fewer than :data:`FEWEST` words."""
        found = self._lexicons.load(language)
        return None if found is None or min(len(found.words), len(found.english)) < FEWEST else found

    def texts(self, items: Lexicon) -> Sequence[str]:
        """All words of both sides."""
        return [*items.words, *items.english]

    def measure(self, items: Lexicon, system: Tested) -> Sequence[Measure]:
        """``P@1`` first; its items are the words of both sides."""
        words = as_vectors(system.encode(list(items.words)), len(items.words))
        english = as_vectors(system.english(list(items.english)), len(items.english))
        sides: dict[View, tuple[Vectors, Vectors]] = {
            "raw": (normalised(words), normalised(english)),
            "centred": (centred(words), centred(english)),
        }
        return [measure for view, vectors in sides.items() for measure in _measures(*vectors, view, items)]


def freedict() -> WordTranslation:
    """Word translation with the FreeDict dictionaries."""
    return WordTranslation(Freedict())


def cldr_names() -> WordTranslation:
    """Word translation with the names of emoji and symbols in CLDR."""
    return WordTranslation(CldrNames())


def _measures(words: Vectors, english: Vectors, view: View, items: Lexicon) -> list[Measure]:
    matrix = _translations(items)
    forward = ranks(words, english, lambda rows: matrix[rows]) == 1
    backward = ranks(english, words, lambda rows: matrix.T[rows]) == 1
    here = tuple(f"{items.language}:{word}" for word in items.words)
    there = tuple(f"en:{word}" for word in items.english)
    facts = {
        "lexicon": items.name,
        "origin": items.origin,
        "license": items.license,
        "translations of a word": round(len(items.pairs) / len(items.words), 2),
    }
    return [
        Measure("P@1", _both(forward, backward), mean_of_directions, here + there, view, facts=facts),
        Measure("P@1 forward", _column(forward), mean_of_items, here, view),
        Measure("P@1 backward", _column(backward), mean_of_items, there, view),
    ]


def mean_of_directions(rows: Rows) -> npt.NDArray[np.float64]:
    """Mean of two means: columns are hit, asked forward, asked backward; a direction that is not drawn counts as 0."""
    hit, forward, backward = (rows[..., column] for column in range(3))
    means = [(hit * asked).sum(axis=-1) / np.maximum(asked.sum(axis=-1), 1) for asked in (forward, backward)]
    both: npt.NDArray[np.float64] = (means[0] + means[1]) / 2
    return both


def _both(forward: Hits, backward: Hits) -> Rows:
    asked = np.repeat(np.eye(2), [len(forward), len(backward)], axis=0)
    return np.column_stack([np.concatenate([forward, backward]), asked])


def _column(hits: Hits) -> Rows:
    return hits.astype(np.float64)[:, None]


def _translations(items: Lexicon) -> Hits:
    """Which word (n) and which English word (m) translate each other (n, m)."""
    word_of = {word: row for row, word in enumerate(items.words)}
    english_of = {word: column for column, word in enumerate(items.english)}
    matrix = np.zeros((len(word_of), len(english_of)), dtype=bool)
    for word, english in items.pairs:
        matrix[word_of[word], english_of[english]] = True
    return matrix
