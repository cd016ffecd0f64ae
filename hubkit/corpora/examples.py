"""Text with what is known about it: nothing, a class, a tag for each word, a score. Readers: see the modules beside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence; ``key`` says where it stands: ``corpus.txt:12``."""

    text: str
    key: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A sentence, or a pair of sentences, with the name of its class."""

    text: str
    label: str
    key: str
    other: str | None = None  # the second sentence


@dataclass(frozen=True, slots=True)
class Scored:
    """A sentence, or a pair of sentences, with a number."""

    text: str
    score: float
    key: str
    other: str | None = None  # the second sentence


@dataclass(frozen=True, slots=True)
class Tagged:
    """The words of a sentence with a tag for each: ``("Kigali", …)``, ``("B-LOC", …)``."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    key: str

    @property
    def text(self) -> str:
        """The words with spaces between them."""
        return " ".join(self.words)


Example = Text | Labelled | Scored | Tagged
