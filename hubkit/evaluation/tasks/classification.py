"""Topic or intent classification, transferred: a head learnt from English is applied to another language's vectors.

The head is fitted on the frozen core's vectors of English and never sees the language: it works as far as the system
puts the language where English is. Data in the layout of SIB-200 (Adelani et al. 2024, arXiv 2309.07445):
``LANG/{train,dev,test}.tsv`` with the columns ``index_id category text``, or your own (:mod:`hubkit.corpora.labelled`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hubkit.corpora.examples import Labelled
from hubkit.corpora.labelled import read_labelled
from hubkit.errors import UsageError
from hubkit.evaluation.compare import encode_distinct
from hubkit.evaluation.measure import Measure, Rows, View, mean_of_items
from hubkit.evaluation.retrieval import centred, normalised
from hubkit.evaluation.tasks.linear_head import LinearHead, fit_head
from hubkit.evaluation.tasks.own_data import english_of, entry_of, needed_split, own_folder

if TYPE_CHECKING:
    from hubkit.evaluation.task import Level, Tested
    from hubkit.languages import Language

NAME = "classification"
_EXTENSIONS = (".tsv", ".jsonl")


@dataclass(frozen=True, slots=True)
class Items:
    """Labelled sentences: of English to learn from, of the language to be tested on."""

    language: str  # BCP-47 tag
    origin: str
    english: tuple[Labelled, ...]
    test: tuple[Labelled, ...]


class Classification:
    """The task ``classification``. ``path`` is its folder; the default is ``classification/`` in ``HUBKIT_SUITES``."""

    level: Level = "standard"

    def __init__(self, path: Path | None = None, name: str = NAME) -> None:
        self.name = name
        self._path = path

    def items(self, language: Language) -> Items | None:
        """English to learn from and the language's test set; ``None`` without data in it, or for English.

        Raises :class:`UsageError` that names a bad line, or the classes that English does not have.
        """
        folder = own_folder(self.name, self._path)
        own = entry_of(folder, language) if folder and language.iso639_3 != "eng" else None
        if folder is None or own is None:
            return None
        english = needed_split(
            english_of(folder, "which the head learns from"), ("train",), _EXTENSIONS, "which the head learns from"
        )
        test = needed_split(own, ("test",), _EXTENSIONS, "which is measured on")
        items = Items(language.tag, f"folder {folder.name}", _read(english), _read(test))
        _check_classes(items, test)
        return items

    def texts(self, items: Items) -> Sequence[str]:
        """The sentences of the test set and of the English training set."""
        return [text for each in (*items.test, *items.english) for text in (each.text, each.other) if text]

    def measure(self, items: Items, system: Tested) -> list[Measure]:
        """Accuracy (the main metric) and macro F1, raw and with each side's mean removed."""
        english = normalised(encode_distinct(system.english, [each.text for each in items.english]))
        own = normalised(encode_distinct(system.encode, [each.text for each in items.test]))
        labels = tuple(each.label for each in items.english)
        return [
            *_measures(items, fitted(english.tobytes(), english.shape, labels), own, "raw"),
            *_measures(items, fitted(centred(english).tobytes(), english.shape, labels), centred(own), "centred"),
        ]


@lru_cache(maxsize=8)
def fitted(vectors: bytes, shape: tuple[int, int], labels: tuple[str, ...]) -> LinearHead:
    """A head on float32 vectors; remembered, as every system of a comparison has the same English side."""
    return fit_head(np.frombuffer(vectors, np.float32).reshape(shape), labels)


def _measures(items: Items, head: LinearHead, vectors: npt.NDArray[np.float32], view: View) -> list[Measure]:
    names = sorted({each.label for each in items.english})
    gold = np.array([names.index(each.label) for each in items.test])
    found = np.array([names.index(label) for label in head(vectors)])
    keys = tuple(each.key for each in items.test)
    facts = {"origin": items.origin, "english": len(items.english), "classes": names, "regularisation C": head.strength}
    right = (gold == found)[:, None].astype(np.float64)
    both = np.stack([gold, found], axis=1).astype(np.float64)
    strata = {"class": tuple(each.label for each in items.test)}
    return [
        Measure("accuracy", right, mean_of_items, keys, view, strata=strata, facts=facts),
        Measure("macro-F1", both, macro_f1, keys, view, strata=strata, facts=facts),
    ]


def macro_f1(rows: Rows) -> npt.NDArray[np.float64]:
    """Mean F1 of the classes among rows (…, n, 2) of true and found class; classes that are in neither do not count."""
    gold, found = rows[..., 0], rows[..., 1]
    total = np.zeros(gold.shape[:-1])
    classes = np.zeros(gold.shape[:-1])
    for label in np.unique(rows):
        right = ((gold == label) & (found == label)).sum(axis=-1)
        sizes = (gold == label).sum(axis=-1) + (found == label).sum(axis=-1)
        total += 2 * right / np.maximum(sizes, 1)
        classes += sizes > 0
    means: npt.NDArray[np.float64] = total / np.maximum(classes, 1)
    return means


def _read(path: Path) -> tuple[Labelled, ...]:
    return tuple(read_labelled(path))


def _check_classes(items: Items, path: Path) -> None:
    known = {each.label for each in items.english}
    for each in items.test:
        if each.label not in known:
            raise UsageError(
                f"{path} has the class {each.label!r} ({each.key}), which English does not have.",
                f"English has: {', '.join(sorted(known))}.",
            )
