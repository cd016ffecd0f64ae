"""The systems of an evaluation in each of its languages: the core, the subject, controls, references, further seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hubkit.errors import HubkitError
from hubkit.evaluation.control_systems import control_systems
from hubkit.evaluation.controls import ControlContext
from hubkit.evaluation.run import ADAPTER, CORE
from hubkit.evaluation.suite import loaded
from hubkit.evaluation.vectors import remembered
from hubkit.workflows.scope import DEFAULT_SUITE
from hubkit.workflows.sibling_seeds import sibling_seeds

if TYPE_CHECKING:
    from hubkit.evaluation.task import Tested
    from hubkit.languages import Language
    from hubkit.runtime.vector_cache import VectorCache
    from hubkit.workflows.events import Events
    from hubkit.workflows.subject import Subject
    from hubkit.workflows.training_text import TrainingText

REFERENCES = ("sentence-transformers:", "static:")
REFERENCE_NAMES = ("st-", "static-")  # how the systems of references are called
_PROBES = 6


def reference(name: str) -> str:
    """``static:PATH`` as it is; anything else is a model of sentence-transformers."""
    return name if name.startswith(REFERENCES) else f"{REFERENCES[0]}{name}"


class Systems:
    """The systems by language, their vectors remembered; ``unavailable`` says what could not be had, and why."""

    def __init__(self, subject: Subject, text: TrainingText, cache: VectorCache, events: Events) -> None:
        self._subject, self._text, self._cache, self._events = subject, text, cache, events
        self._probes = {language.tag: _texts_in(language) for language in subject.languages}
        self.unavailable: dict[str, str] = {}
        self.of: dict[str, list[Tested]] = {
            language.tag: [self._kept(system, language) for system in subject.systems()]
            for language in subject.languages
        }

    def _kept(self, system: Tested, language: Language, made_of: str | None = None) -> Tested:
        """The system with its vectors remembered; ``made_of`` identifies it beside its answers."""
        known = {CORE: "", ADAPTER: self._subject.digests}.get(system.name, system.description)
        return remembered(system, self._cache, self._probes[language.tag], known if made_of is None else made_of)

    def add(self, names: Sequence[str]) -> None:
        """Make the controls with these names, for each language."""
        wanted = [name for name in names if name != CORE]
        for language in self._subject.languages if wanted else ():
            if (context := self._context(language)) is None:
                self.unavailable |= dict.fromkeys(wanted, "what is evaluated is no single adapter")
                continue
            made = control_systems(wanted, context)
            self.of[language.tag] += [self._kept(system, language) for system in made]
            self.unavailable |= {each.name: each.reason for each in made.unavailable}

    def _context(self, language: Language) -> ControlContext | None:
        subject, events = self._subject, self._events
        if subject.adapter is None:
            return None
        config = subject.config
        work = self._text.work if config is not None and self._text.problem is None else None
        return ControlContext(
            language=language, adapter=subject.adapter, encoder=subject.encoder,
            recipe=config.recipe if config else None, targets=work.targets if work else None,
            steps=subject.steps, seed=config.seeds[0] if config else 0, pairs=work.data.pairs if work else None,
            sources=work.data.sources if work else (), under=subject.under, observe=events.training, events=events,
        )  # fmt: skip

    def seeds(self, seeds: Sequence[int]) -> dict[int, Tested]:
        """The adapter trained with further seeds than the first; none where they cannot be had."""
        if len(seeds) < 2:
            return {}
        try:
            made = sibling_seeds(self._subject, self._text.work, seeds[1:])
        except HubkitError as error:
            self.unavailable["seeds"] = error.what
            return {}
        language, digests = self._subject.languages[0], self._subject.digests
        return {seed: self._kept(system, language, f"seed {seed}; {digests}") for seed, system in made.items()}


def _texts_in(language: Language) -> list[str]:
    """A few sentences in the language, the same ones whatever is evaluated."""
    try:
        suite = loaded(DEFAULT_SUITE, language)
    except HubkitError:
        suite = None
    return list(dict.fromkeys(suite.texts))[:_PROBES] if suite is not None else ["one", "two"]
