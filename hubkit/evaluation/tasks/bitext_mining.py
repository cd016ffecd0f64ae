"""The task of finding translations in pools where a third of the sentences of each side has none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluation.compare import encode_distinct
from hubkit.evaluation.measure import Measure, View, f1_of_counts, mean_of_items
from hubkit.evaluation.mining import Candidate, best_threshold, candidates, margins, nearest_neighbour_f1
from hubkit.evaluation.retrieval import Vectors, centred, folded
from hubkit.evaluation.strata import length_classes
from hubkit.evaluation.suite import ParallelSuite, Suite
from hubkit.evaluation.task import Level, Tested
from hubkit.evaluation.tasks.tatoeba import Tatoeba
from hubkit.evaluation.tasks.udhr import Udhr

if TYPE_CHECKING:
    import numpy.typing as npt

    from hubkit.languages import Language

SINGLE = 0.5  # of the pairs lose a side: half of these the text, half the English
FEWEST = 20  # whole pairs; with fewer there is no task
Half = bool


@dataclass(frozen=True, slots=True)
class Pools:
    """A suite, and which of its rows are in the pool of texts, in that of English sentences, and in the first half."""

    suite: ParallelSuite
    texts: tuple[int, ...]
    english: tuple[int, ...]
    first: frozenset[int]

    @property
    def pairs(self) -> frozenset[int]:
        """Rows with both sides in the pools: what is to be found."""
        return frozenset(self.texts) & frozenset(self.english)


class BitextMining:
    """Measures ``F1`` of mining by margin score, and ``F1 (mteb)`` of nearest neighbours in the whole suite.

    The threshold for one half of the texts is the best one for the other half: no pair is judged by a threshold that
    was chosen on it. ``facts`` has precision, recall and both thresholds.
    """

    def __init__(self, suite: Suite, level: Level = "standard") -> None:
        self._suite, self.level = suite, level
        self.name = f"{suite.name}-mining"

    def items(self, language: Language) -> Pools | None:
        """The pools of ``language``, by the hashes of keys; ``None`` when the suite has too little."""
        suite = self._suite.load(language)
        if suite is None:
            return None
        made = pools(suite)
        return made if len(made.pairs) >= FEWEST else None

    def texts(self, items: Pools) -> Sequence[str]:
        """Both sides of the whole suite."""
        return [*items.suite.texts, *items.suite.english]

    def measure(self, items: Pools, system: Tested) -> Sequence[Measure]:
        """``F1`` first, raw and centred; an item of it is a text: is it found rightly, wrongly, or not."""
        texts = encode_distinct(system.encode, items.suite.texts)
        english = encode_distinct(system.english, items.suite.english)
        sides: dict[View, tuple[Vectors, Vectors]] = {
            "raw": (texts, english),
            "centred": (centred(texts), centred(english)),
        }
        mined = [_mined(*vectors, view, items) for view, vectors in sides.items()]
        return [*mined, *(_as_in_mteb(*vectors, view, items.suite) for view, vectors in sides.items())]


def tatoeba_mining() -> BitextMining:
    """Mining in the Tatoeba test set."""
    return BitextMining(Tatoeba())


def udhr_mining() -> BitextMining:
    """Mining in the Universal Declaration of Human Rights: small pools, many languages."""
    return BitextMining(Udhr(), "full")


def pools(suite: ParallelSuite) -> Pools:
    """Divide a suite by the hashes of its keys; a row that repeats an earlier text or English side is left out."""
    texts, english, first = [], [], set()
    for row in _distinct(suite):
        digest = hashlib.sha256(f"mining {suite.keys[row]}".encode()).digest()
        fate = int.from_bytes(digest[:4], "big") / 2**32
        if not SINGLE / 2 <= fate < SINGLE:
            texts.append(row)
        if not fate < SINGLE / 2:
            english.append(row)
        if digest[4] % 2:
            first.add(row)
    return Pools(suite, tuple(texts), tuple(english), frozenset(first))


def _distinct(suite: ParallelSuite) -> list[int]:
    seen: tuple[set[str], set[str]] = (set(), set())
    kept = []
    for row, sides in enumerate(zip(suite.texts, suite.english, strict=True)):
        forms = [folded(side) for side in sides]
        if all(form not in known for form, known in zip(forms, seen, strict=True)):
            kept.append(row)
            for form, known in zip(forms, seen, strict=True):
                known.add(form)
    return kept


def _mined(texts: Vectors, english: Vectors, view: View, items: Pools) -> Measure:
    scores = margins(texts[list(items.texts)], english[list(items.english)])
    found = [Candidate(items.texts[each.text], items.english[each.english], each.score) for each in candidates(scores)]
    thresholds = {half: _threshold(found, items, half) for half in (True, False)}
    accepted = [each for each in found if each.score >= thresholds[each.text not in items.first]]
    rows = _counts(accepted, items)
    right, wrong, missed = rows.sum(axis=0)
    facts = {
        "suite": items.suite.name,
        "pairs": len(items.pairs),
        "precision": _share(right, right + wrong),
        "recall": _share(right, right + missed),
        "thresholds": [None if np.isinf(value) else round(value, 4) for value in thresholds.values()],
    }
    keys = tuple(items.suite.keys[row] for row in items.texts)
    lengths = length_classes([items.suite.english[row] for row in items.texts])
    strata = {"domain": (items.suite.domain,) * len(keys), "length": lengths}
    return Measure("F1", rows, f1_of_counts, keys, view, strata=strata, facts=facts)


def _threshold(found: Sequence[Candidate], items: Pools, half: Half) -> float:
    """The best threshold for the texts of one half."""
    own = [each for each in found if (each.text in items.first) is half]
    gold = sum((row in items.first) is half for row in items.pairs)
    return best_threshold([each.score for each in own], [each.text == each.english for each in own], gold)


def _counts(accepted: Sequence[Candidate], items: Pools) -> npt.NDArray[np.float64]:
    """True positive, false positive, miss of each text (n, 3)."""
    partner = {each.text: each.english for each in accepted}
    rows = [
        (row in partner and partner[row] == row, row in partner and partner[row] != row,
         row in items.pairs and partner.get(row) != row)
        for row in items.texts
    ]  # fmt: skip
    return np.array(rows, dtype=np.float64)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _as_in_mteb(texts: Vectors, english: Vectors, view: View, suite: ParallelSuite) -> Measure:
    column = nearest_neighbour_f1(texts, english)
    strata = {"domain": (suite.domain,) * len(suite), "length": length_classes(suite.english)}
    return Measure("F1 (mteb)", column[:, None], mean_of_items, suite.keys, view, strata=strata)
