"""Named entities and other spans, transferred: a head learnt from English tokens is applied to another language's.

Each word is its first token's vector (Devlin et al. 2019, arXiv 1810.04805); the head is fitted on the frozen core's
tokens of English and never sees the language. Span F1 as CoNLL counts it. Data in the layout of MasakhaNER (Adelani et
al. 2022, arXiv 2210.12391): ``LANG/{train,test}.txt``, a word and its tag a line (:mod:`hubkit.corpora.conll`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hubkit.corpora.conll import read_conll
from hubkit.corpora.examples import Tagged
from hubkit.errors import UsageError
from hubkit.evaluation.measure import Measure, Rows, View, f1_of_counts
from hubkit.evaluation.retrieval import centred, normalised
from hubkit.evaluation.tasks.linear_head import LinearHead, fit_head
from hubkit.evaluation.tasks.own_data import english_of, entry_of, needed_split, own_folder
from hubkit.evaluation.tasks.spans import counts, only

if TYPE_CHECKING:
    from hubkit.evaluation.task import Level, Tested
    from hubkit.languages import Language
    from hubkit.runtime.encoder import Encoder

    Vectors = npt.NDArray[np.float32]

NAME = "token-classification"
MOST_ENGLISH = 2000  # sentences that the head learns from: some 30,000 words, a minute on one core
STRENGTH = (100.0,)  # inverse regularisation; cross-validation on so many tokens would take too long
_EXTENSIONS = (".txt", ".conll", ".tsv")


@dataclass(frozen=True, slots=True)
class Items:
    """Tagged sentences: of English to learn from, of the language to be tested on."""

    language: str  # BCP-47 tag
    origin: str
    english: tuple[Tagged, ...]
    test: tuple[Tagged, ...]

    @property
    def kinds(self) -> set[str]:
        """The span types that English has, and so a head can find."""
        return {tag.partition("-")[2] for each in self.english for tag in each.tags} - {""}

    @property
    def unseen(self) -> list[str]:
        """The span types of the test set that English does not have; they are left out."""
        return sorted({tag.partition("-")[2] for each in self.test for tag in each.tags} - {""} - self.kinds)


class TokenClassification:
    """The task ``token-classification``. ``path`` is its folder; the default is that name in ``HUBKIT_SUITES``.

    Span types that English does not have count as ``O``: no head could find them.
    """

    level: Level = "standard"

    def __init__(self, path: Path | None = None, name: str = NAME, most_english: int = MOST_ENGLISH) -> None:
        self.name = name
        self.most_english = most_english
        self._path = path
        self._fitted: tuple[Encoder, Items, dict[View, LinearHead]] | None = None

    def items(self, language: Language) -> Items | None:
        """English to learn from and the language's test set; ``None`` without data in it, or for English.

        Raises :class:`UsageError` that names a bad line.
        """
        folder = own_folder(self.name, self._path)
        own = entry_of(folder, language) if folder and language.iso639_3 != "eng" else None
        if folder is None or own is None:
            return None
        why = "which the head learns from"
        english = needed_split(english_of(folder, why), ("train",), _EXTENSIONS, why)
        test = needed_split(own, ("test",), _EXTENSIONS, "which is measured on")
        learnt = tuple(read_conll(english)[: self.most_english])
        items = Items(language.tag, f"folder {folder.name}", learnt, tuple(read_conll(test)))
        if not items.kinds:
            raise UsageError(f"{english} has no spans: every word is O.", "Give English with B-TYPE and I-TYPE tags.")
        return items

    def texts(self, items: Items) -> Sequence[str]:
        """The sentences of the test set and of the English training set, words joined by spaces."""
        return [each.text for each in (*items.test, *items.english)]

    def measure(self, items: Items, system: Tested) -> list[Measure]:
        """Span F1 (the main metric) and accuracy over words, raw and centred; none for what is no encoder of hubkit."""
        encoder = system.encoder
        if encoder is None or encoder.network.folded is not None:
            return []
        own, known = word_vectors(encoder, [each.words for each in items.test])
        heads = self._heads(encoder, items)
        return [
            measure
            for view, head in heads.items()
            for measure in _measures(items, head, own if view == "raw" else centred(own), known, view)
        ]

    def _heads(self, encoder: Encoder, items: Items) -> dict[View, LinearHead]:
        """The heads on the core's English tokens, fitted once for all systems on one core."""
        if self._fitted is None or self._fitted[0].network is not encoder.network or self._fitted[1] != items:
            core = encoder.adapted(None)
            english, known = word_vectors(core, [each.words for each in items.english])
            tags = [tag for each in items.english for tag in each.tags]
            labels = [tag for tag, has in zip(tags, known, strict=True) if has]
            views: dict[View, Vectors] = {"raw": english[known], "centred": centred(english[known])}
            self._fitted = core, items, {view: fit_head(found, labels, STRENGTH) for view, found in views.items()}
        return self._fitted[2]


def word_vectors(encoder: Encoder, sentences: Sequence[Sequence[str]]) -> tuple[Vectors, npt.NDArray[np.bool_]]:
    """Vectors (words, h) of length 1 of all words in order, and which words have one: (words,).

    A word beyond the core's length, or of which the tokenizer leaves nothing, has none.
    """
    from hubkit.runtime.token_vectors import TokenVectors

    with TokenVectors(encoder) as tokens:
        found = normalised(np.concatenate(tokens.of_words(sentences)))
    known: npt.NDArray[np.bool_] = np.any(found, axis=1)
    return found, known


def _measures(
    items: Items, head: LinearHead, vectors: Vectors, known: npt.NDArray[np.bool_], view: View
) -> list[Measure]:
    guesses = np.where(known, np.array(head(vectors), dtype=object), "O")
    span_rows, word_rows, start = [], [], 0
    for each in items.test:
        found = list(guesses[start : start + len(each.words)])
        start += len(each.words)
        gold = only(each.tags, items.kinds)
        span_rows.append(counts(gold, found))
        word_rows.append((sum(map(str.__eq__, gold, found)), len(gold)))
    keys = tuple(each.key for each in items.test)
    facts = {
        "origin": items.origin,
        "english": len(items.english),
        "types": sorted(items.kinds),
        "types left out": items.unseen,
        "words without a vector": int((~known).sum()),
    }
    return [
        Measure("F1", np.array(span_rows, dtype=np.float64), f1_of_counts, keys, view, facts=facts),
        Measure("accuracy", np.array(word_rows, dtype=np.float64), share_of_words, keys, view, facts=facts),
    ]


def share_of_words(rows: Rows) -> npt.NDArray[np.float64]:
    """Right words among all, from rows (…, n, 2) of both counts a sentence."""
    shares: npt.NDArray[np.float64] = rows[..., 0].sum(axis=-1) / rows[..., 1].sum(axis=-1)
    return shares
