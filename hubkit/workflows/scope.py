"""Which languages a run trains on and which it only judges: tags, a family, or all that have text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from hubkit.corpora.cleaning import sentences
from hubkit.corpora.family import FEWEST_SENTENCES, LIMIT, gather_many
from hubkit.corpora.gather import Gathered, gather
from hubkit.corpora.source import Source
from hubkit.errors import NotFoundError, UsageError
from hubkit.evaluation.suite import loaded
from hubkit.languages import Language, family_of, find, languages
from hubkit.training.config import TrainingConfig

DEFAULT_SUITE = "udhr"
JUDGED = 8  # languages, trained on or held out, that a family is judged in
FEWEST_HELD_OUT = 2
FEWEST_TRAINED = 4  # so many stay when languages are held out that have text

Asked = Callable[[Language], Sequence[Source]]
"""Language → the sources to ask for it, its own files first."""


@dataclass(slots=True)
class Scope:
    """Languages with their text, those with most text first, and languages without."""

    trained: dict[str, Gathered]
    held_out: tuple[Language, ...] = ()
    family: str | None = None  # as asked for
    languages: tuple[Language, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.languages = tuple(each.language for each in self.trained.values())

    def judged(self) -> tuple[Language, ...]:
        """The languages to evaluate in."""
        return (*self.languages[:JUDGED], *self.held_out[:JUDGED])


def scope_of(config: TrainingConfig, asked: Asked) -> Scope:
    """The languages of ``config``. Raises :class:`NotFoundError` when they have no text, :class:`UsageError`."""
    words = config.asked_languages()
    family = words[0] if _names_several(config, words) else None
    if family is None:
        return _named(config, [find(word) for word in words], asked)
    members = _members(family)
    held_out = tuple(find(tag) for tag in config.held_out or ())
    found = gather_several((each for each in members if each not in held_out), asked)
    if config.held_out is None:
        held_out, found = _chosen_held_out(members, found)
    return Scope(_largest(found, config.most_languages or (LIMIT if family != "all" else len(found))), held_out, family)


def gather_several(members: Iterable[Language], asked: Asked) -> list[Gathered]:
    """The text of those of the languages that have some, the one with most sentences first."""
    found = [one for member in members for one in gather_many([member], asked(member), 1, FEWEST_SENTENCES)]
    if not found:
        raise NotFoundError("No source has text in a language of the family.", "Give files under data.")
    return sorted(found, key=lambda one: (-len(sentences(one.all())), one.language.tag))


def _names_several(config: TrainingConfig, words: Sequence[str]) -> bool:
    """Whether the configuration names a family, or all languages, instead of listing some."""
    if len(words) != 1 or config.kind not in ("family", "universal"):
        return False
    if words[0] == "all":
        return True
    try:
        family_of(words[0])
    except NotFoundError as error:
        try:
            find(words[0])
        except NotFoundError:
            raise error from None
        return False
    return True


def _members(family: str) -> list[Language]:
    """Languages once each, in their usual script."""
    every = languages() if family == "all" else family_of(family)
    return [language for language in every if "-" not in language.tag]


def _named(config: TrainingConfig, named: Sequence[Language], asked: Asked) -> Scope:
    held_out = tuple(find(tag) for tag in config.held_out or ())
    if both := [language.tag for language in named if language in held_out]:
        raise UsageError(f"{both[0]} is to be trained on and held out.", "Take it out of languages or held_out.")
    if len(set(named)) != len(named):
        raise UsageError("A language is listed twice.", "List it once.")
    found = [gather(language, asked(language)) for language in named]
    return Scope({one.language.tag: one for one in found}, held_out)


def _chosen_held_out(members: Sequence[Language], found: list[Gathered]) -> tuple[tuple[Language, ...], list[Gathered]]:
    """Relatives with the suite but without text; where there are too few, those with least text are left out."""
    with_text = {one.language.tag for one in found}
    without = (each for each in members if each.tag not in with_text and loaded(DEFAULT_SUITE, each) is not None)
    held_out, left = list(islice(without, JUDGED)), list(found)
    while len(held_out) < FEWEST_HELD_OUT and len(left) > FEWEST_TRAINED:
        smallest = next((one for one in reversed(left) if loaded(DEFAULT_SUITE, one.language) is not None), None)
        if smallest is None:
            break
        left.remove(smallest)
        held_out.append(smallest.language)
    return tuple(held_out), left


def _largest(found: Sequence[Gathered], most: int) -> dict[str, Gathered]:
    return {one.language.tag: one for one in found[:most]}
