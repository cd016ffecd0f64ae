"""Prove that nothing of a suite was trained on: exact, normalised and 8-word overlap."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hubkit.corpora.text import normal_form

WORDS = 8  # length of the word sequences that two texts may not share
Kind = Literal["exact", "normalised", "words"]
_UNSPACED = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff])")


@dataclass(frozen=True, slots=True)
class Offence:
    """A training text that meets a text of the suite; positions count from 0 in the order given."""

    kind: Kind
    training: int
    suite: int
    text: str  # the training text


@dataclass(frozen=True, slots=True)
class OverlapReport:
    """How much of the training text meets the suite; every offence is of the strictest kind that applies."""

    training: int
    suite: int
    offences: tuple[Offence, ...]

    @property
    def clean(self) -> bool:
        return not self.offences

    def count(self, kind: Kind) -> int:
        """How many training texts meet the suite in this way."""
        return sum(offence.kind == kind for offence in self.offences)

    def as_dict(self, examples: int = 5) -> dict[str, Any]:
        """Counts by kind and the first offences, as JSON values."""
        kinds: tuple[Kind, ...] = ("exact", "normalised", "words")
        counts: dict[str, int] = {kind: self.count(kind) for kind in kinds}
        shown = [asdict(offence) for offence in self.offences[:examples]]
        return {"training": self.training, "suite": self.suite, **counts, "examples": shown}

    def summary(self) -> str:
        """One line for people."""
        if self.clean:
            return f"No overlap: {self.training} training texts against {self.suite} of the suite."
        counts = (
            f"{self.count('exact')} exactly, {self.count('normalised')} normalised, {self.count('words')} in 8 words"
        )
        return f"{len(self.offences)} of {self.training} training texts meet the suite: {counts}."


def overlap(training: Iterable[str], suite: Iterable[str]) -> OverlapReport:
    """Compare every training text with every text of the suite; the suite is held in memory, training is streamed."""
    exact: dict[str, int] = {}
    normalised: dict[str, int] = {}
    sequences: dict[str, int] = {}
    size = seen = 0
    for size, text in enumerate(suite, start=1):
        exact.setdefault(text.strip(), size - 1)
        if form := normal_form(text):
            normalised.setdefault(form, size - 1)
            for sequence in _sequences(form):
                sequences.setdefault(sequence, size - 1)
    offences = []
    for seen, text in enumerate(training, start=1):
        if (met := _meeting(text, exact, normalised, sequences)) is not None:
            offences.append(Offence(met[0], seen - 1, met[1], text))
    return OverlapReport(seen, size, tuple(offences))


def _meeting(
    text: str, exact: dict[str, int], normalised: dict[str, int], sequences: dict[str, int]
) -> tuple[Kind, int] | None:
    if (place := exact.get(text.strip())) is not None and text.strip():
        return "exact", place
    form = normal_form(text)
    if (place := normalised.get(form)) is not None:
        return "normalised", place
    for sequence in _sequences(form):
        if (place := sequences.get(sequence)) is not None:
            return "words", place
    return None


def _sequences(form: str) -> Iterator[str]:
    """Every ``WORDS`` words in a row; where a script sets no spaces, every character counts as a word."""
    words = _UNSPACED.sub(r" \1 ", form).split()
    for start in range(len(words) - WORDS + 1):
        yield " ".join(words[start : start + WORDS])
