"""Which recipe serves a language: plans, remembered, and for text of unknown language a router."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from hubkit.composition.candidates import Candidate, candidates_families, candidates_for, candidates_installed
from hubkit.composition.member import Member
from hubkit.composition.planner import Plan, plan
from hubkit.composition.recipe import CoreAlone, Recipe, Stack
from hubkit.errors import UsageError
from hubkit.languages import find
from hubkit.languages.family import group

if TYPE_CHECKING:
    from hubkit.core import Core
    from hubkit.languages import Language
    from hubkit.runtime.router import Decision, Router

AUTO = "auto"


class NoAdapterWarning(UserWarning):
    """There is no adapter for the language that was asked for; the core answers alone."""


class Planned:
    """Plans for languages on one core, from installed and published adapters (or those given), each made once.

    With ``default`` languages, sentences without a language are routed among these ("auto": all that adapters are for).
    """

    def __init__(
        self,
        core: Core,
        default: Sequence[str] | str | None = None,
        available: Sequence[Candidate] | None = None,
    ) -> None:
        self._core = core
        self._available = available
        self._plans: dict[str, Plan] = {}
        self._families: dict[str, Recipe] = {}
        self._router: Router | None = None
        self.is_default = default is not None
        self._among: list[Language] | None = None
        if default is not None and default != AUTO:
            if isinstance(default, str):
                raise UsageError(f"languages={default!r} is neither a list nor 'auto'.", f"Write [{default!r}].")
            self._among = [find(tag) for tag in default]

    def plan(self, language: str | Language) -> Plan:
        """The plan for a language; :class:`hubkit.errors.NotFoundError` with suggestions for an unknown one."""
        found = find(language) if isinstance(language, str) else language
        if found.tag not in self._plans:
            available = self._available
            if available is None:
                available = candidates_for(found, installed=self._installed)
            self._plans[found.tag] = plan(found, available, self._core.fingerprint)
        return self._plans[found.tag]

    def explain(self, language: str) -> str:
        """The plan for a language with the reason for every step."""
        found = self.plan(language)
        lines = [f"{found.language.name} ({found.language.tag}): {found.recipe or 'core'}"]
        return "\n".join(lines + [f"{'→' if reason.chosen else ' '} {reason}" for reason in found.steps])

    def recipe(self, language: str | Language) -> Recipe:
        """The recipe for a language; the core alone where nothing serves it."""
        found = self.plan(language)
        return CoreAlone() if found.recipe is None else found.recipe

    def recipes(self, texts: Sequence[str], languages: str | Sequence[str] | None) -> list[Recipe]:
        """The recipe of each text, by its language; "auto" and None let the router decide.

        Raises :class:`UsageError` when the numbers of texts and languages differ.
        """
        if languages is None or languages == AUTO:
            return self._routed(texts)
        if isinstance(languages, str):
            return [self.recipe(languages)] * len(texts)
        if len(languages) != len(texts):
            raise UsageError(
                f"{len(languages)} languages were given for {len(texts)} sentences.",
                "Give one language for all, or one a sentence.",
            )
        unsaid = [place for place, tag in enumerate(languages) if tag == AUTO]
        routed = dict(zip(unsaid, self._routed([texts[place] for place in unsaid]), strict=True))
        return [routed[place] if place in routed else self.recipe(tag) for place, tag in enumerate(languages)]

    def _routed(self, texts: Sequence[str]) -> list[Recipe]:
        if not texts:
            return []
        if self._router is None:
            from hubkit.runtime.router import Router

            self._router = Router(self._among)
        return [self._decided(decision) for decision in self._router.route(list(texts))]

    def _decided(self, decision: Decision) -> Recipe:
        if decision.language is not None:
            return self.recipe(decision.language)
        return CoreAlone() if decision.group is None else self.family(decision.group)

    def family(self, name: str) -> Recipe:
        """The recipe for text of a family: the adapter of the nearest group that has it, else the core."""
        if name not in self._families:
            self._families[name] = self._nearest(group(name))
        return self._families[name]

    @cached_property
    def _installed(self) -> list[Candidate]:
        return candidates_installed()

    def _nearest(self, path: tuple[str, ...]) -> Recipe:
        best: tuple[int, Stack] | None = None
        for one in candidates_families(self._installed) if self._available is None else self._available:
            if one.kind != "family" or one.problem or one.core_fingerprint != self._core.fingerprint or not one.family:
                continue
            own = group(one.family)
            if path[: len(own)] == own and (best is None or len(own) > best[0]):
                best = len(own), Stack(Member(one.name, f"=={one.version}"))
        return CoreAlone() if best is None else best[1]


def warn_of_core(found: Plan, stacklevel: int = 3) -> None:
    """Say that the core answers alone for a language, and what is known of its own adapter."""
    own = "; ".join(str(reason) for reason in found.steps if reason.step == "own")
    warnings.warn(
        f"The core answers alone for {found.language.name} ({found.language.tag}): no adapter here is known to do "
        f"better ({own}). Run `hubkit add-language {found.language.tag}` to train one.",
        NoAdapterWarning,
        stacklevel=stacklevel,
    )
