"""One annotator's way through the pairs; the terminal and the web page show it, each answer is kept at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from hubkit.errors import UsageError
from hubkit.evaluation.annotation.judgement import LABELS, Judgement, Label, Pair, digest, may_carry_text
from hubkit.evaluation.annotation.store import append_judgement, read_judgements
from hubkit.evaluation.suite import ParallelSuite


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What every judgement of a session has in common."""

    annotator: str
    suite: ParallelSuite
    system: str
    core: str
    seed: int


class Session:
    """The pairs to judge and the file that takes the answers; threads may share it.

    Raises :class:`UsageError` when the file is another annotator's.
    """

    def __init__(self, pairs: Sequence[Pair], circumstances: Circumstances, path: Path) -> None:
        self.pairs, self.about, self.path = list(pairs), circumstances, path
        self._by_id = {pair.id: pair for pair in pairs}
        self._lock = threading.RLock()
        self._labels: dict[str, Label] = {}
        self._order: list[str] = []  # in which they were answered, for going back
        self._again: list[str] = []  # to be asked again before anything else
        self._shown: dict[str, float] = {}
        for one in read_judgements(path) if path.exists() else ():
            self._take_up(one)

    def _take_up(self, one: Judgement) -> None:
        about = self.about
        if one.annotator != about.annotator:
            raise UsageError(
                f"{self.path} has the judgements of {one.annotator!r}, not of {about.annotator!r}.",
                "Give the same --annotator, or another --output.",
            )
        if (one.system, one.core) == (about.system, about.core) and one.id in self._by_id:
            self._labels[one.id] = one.label
            self._order.append(one.id)

    @property
    def done(self) -> int:
        """How many of the pairs have an answer."""
        return len(self._labels)

    def current(self) -> Pair | None:
        """The pair to show now; None when all have an answer."""
        with self._lock:
            waiting = [*self._again, *(pair.id for pair in self.pairs if pair.id not in self._labels)]
            if not waiting:
                return None
            self._shown[waiting[0]] = time.monotonic()
            return self._by_id[waiting[0]]

    def pair(self, pair_id: str) -> Pair:
        """The pair of this id; :class:`UsageError` when the session has none."""
        if pair_id not in self._by_id:
            raise UsageError("There is no such pair in this session.", "Load the page again.")
        return self._by_id[pair_id]

    def label(self, pair_id: str) -> Label | None:
        """What was answered."""
        return self._labels.get(pair_id)

    def answer(self, pair_id: str, label: str) -> None:
        """Keep an answer; a second one for the same pair corrects the first. Raises :class:`UsageError` for others."""
        if label not in LABELS:
            raise UsageError(f"{label[:20]!r} is no answer.", f"Answers are: {', '.join(LABELS)}.")
        with self._lock:
            pair = self.pair(pair_id)
            append_judgement(self.path, self._judgement(pair, label))
            self._labels[pair_id] = label
            self._again = [other for other in self._again if other != pair_id]
            self._order = [*(other for other in self._order if other != pair_id), pair_id]

    def back(self) -> None:
        """Ask for the last answered pair again; without one nothing happens."""
        with self._lock:
            if self._order:
                self._again.insert(0, self._order.pop())

    def _judgement(self, pair: Pair, label: Label) -> Judgement:
        about, shown = self.about, self._shown.get(pair.id)
        open_text = may_carry_text(about.suite)
        return Judgement(
            annotator=about.annotator,
            time=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            language=about.suite.language,
            suite=about.suite.name,
            license=about.suite.license,
            system=about.system,
            core=about.core,
            seed=about.seed,
            kind=pair.kind,
            key=pair.key,
            english_key=pair.english_key,
            text_sha256=digest(pair.text),
            english_sha256=digest(pair.english),
            text=pair.text if open_text else None,
            english=pair.english if open_text else None,
            cosine=pair.cosine,
            centred=pair.centred,
            stratum=pair.stratum,
            weight=pair.weight,
            label=label,
            seconds=None if shown is None else round(time.monotonic() - shown, 1),
        )
