"""A bilingual word list: words of a language and of English, and which translate each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from hubkit.evaluation.task import Level
    from hubkit.languages import Language


@dataclass(frozen=True, slots=True)
class Lexicon:
    """``pairs`` (word, English) are the translations; a word may have several, and an English word too."""

    name: str  # "freedict"
    origin: str
    license: str
    language: str  # BCP-47 tag
    pairs: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if len(set(self.pairs)) != len(self.pairs) or not all(word and english for word, english in self.pairs):
            raise HubkitError(
                f"The word list {self.name} of {self.language} has a pair twice or half a pair.", "Correct the list."
            )

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the language, each once, in order."""
        return _once(word for word, _ in self.pairs)

    @property
    def english(self) -> tuple[str, ...]:
        """The English words, each once, in order."""
        return _once(english for _, english in self.pairs)


@runtime_checkable
class Lexicons(Protocol):
    """Word lists in many languages, held out of training."""

    name: str
    level: Level

    def load(self, language: Language) -> Lexicon | None:
        """The word list of ``language``; ``None`` when there is none. Fetches once, then works offline."""
        ...


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
