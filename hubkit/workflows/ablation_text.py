"""What the cells of an ablation are trained on and scored on; no cell's training text meets a text to score on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubkit.corpora.cleaning import sentences
from hubkit.corpora.family import LIMIT, gather_many
from hubkit.corpora.file import NAME, File
from hubkit.corpora.gather import gather, sources
from hubkit.corpora.source import Pair, Source
from hubkit.corpora.text import normal_form
from hubkit.errors import NotFoundError, UsageError
from hubkit.evaluation.controls import LANGUAGES_IN_CONTROL, wrong_family
from hubkit.evaluation.suite import ParallelSuite, loaded
from hubkit.evaluation.tasks.folder import FolderSuite
from hubkit.languages import Language, family_of, find, relatives
from hubkit.plugins import registered
from hubkit.training.strength import development_pairs
from hubkit.workflows.ablation_plan import Arm, Plan
from hubkit.workflows.data import cleared
from hubkit.workflows.tuning import WATCHED_PAIRS

DEVELOPMENT = "development"
FEWEST = 20  # pairs of development text in a language
PairsByTag = Mapping[str, Sequence[Pair]]


def tests_of(plan: Plan) -> list[ParallelSuite]:
    """Development text and suites in every language of the plan that they have.

    Raises :class:`UsageError` for development text of a language that the plan does not evaluate, and
    :class:`NotFoundError` for a language without any.
    """
    languages = {find(tag).tag: find(tag) for tag in plan.languages}
    if odd := [tag for tag in plan.development if find(tag).tag not in languages]:
        raise UsageError(f"There is development text in {odd[0]}, which the plan does not evaluate.", "Add it there.")
    tests = [_development(find(tag), files, slice(plan.development_pairs)) for tag, files in plan.development.items()]
    for named in plan.suites:
        tests += [test for language in languages.values() if (test := _load(named, language)) is not None]
    if missing := sorted(languages.keys() - {test.language for test in tests}):
        raise NotFoundError(f"There is nothing to score {', '.join(missing)} on.", "Give development text in it.")
    return tests


def _load(named: str, language: Language) -> ParallelSuite | None:
    return loaded(named, language) if named in registered("tasks") else FolderSuite(Path(named)).load(language)


def watched_of(plan: Plan) -> list[ParallelSuite]:
    """What the runs themselves may go by: the pairs of the development text after those that are scored on.

    Raises :class:`UsageError` where hardly any are left.
    """
    part = slice(plan.development_pairs, plan.development_pairs + WATCHED_PAIRS)
    return [_development(find(tag), files, part) for tag, files in plan.development.items()]


def _development(language: Language, files: Sequence[str], part: slice) -> ParallelSuite:
    pairs = development_pairs(sentences(gather(language, [File(list(files))]).all()))
    if len(pairs[part]) < FEWEST:
        beside = f" beside the {part.start} that are scored on" if part.start else ""
        raise UsageError(
            f"The development text in {language.name} has {len(pairs[part])} usable sentence pairs{beside}; at least "
            f"{FEWEST} are needed.",
            "Give more.",
        )
    pairs = pairs[part]
    return ParallelSuite(
        DEVELOPMENT, ", ".join(Path(file).name for file in files), "as stated by its owner", "user", language.tag,
        tuple(pair.text for pair in pairs), tuple(pair.english for pair in pairs),
        tuple(normal_form(pair.english) for pair in pairs),
    )  # fmt: skip


def digest_of_tests(tests: Sequence[ParallelSuite]) -> str:
    """Hash of every sentence."""
    state = hashlib.sha256()
    for test in tests:
        state.update(f"{test.name}\0{test.language}\n".encode())
        for text, english in zip(test.texts, test.english, strict=True):
            state.update(f"{text}\0{english}\n".encode())
    return state.hexdigest()


def digest_of_pairs(pairs: PairsByTag) -> str:
    """Hash of every pair in its order."""
    state = hashlib.sha256()
    for tag in sorted(pairs):
        for pair in pairs[tag]:
            state.update(f"{tag}\0{pair.text}\0{pair.english}\0{pair.source}\n".encode())
    return state.hexdigest()


@dataclass(slots=True)
class Texts:
    """The training text of subjects; gathered and cleared once for each set of sources and files."""

    tests: Sequence[ParallelSuite]
    _gathered: dict[tuple[object, ...], list[Pair]] = field(default_factory=dict)
    _families: dict[tuple[object, ...], tuple[str, ...]] = field(default_factory=dict)

    def right(self, arm: Arm, tag: str) -> PairsByTag:
        """Of one language's adapter: its own text, and its relatives' unless the arm has none of that."""
        kin = self._kin(arm, find(tag)) if arm.relatives else ()
        return self.shared(arm, (tag, *kin))

    def shared(self, arm: Arm, tags: Sequence[str]) -> PairsByTag:
        """Of one adapter of several languages."""
        asked = sources(arm.sources)
        return {find(tag).tag: self._pairs(find(tag), asked, arm) for tag in tags}

    def wrong(self, arm: Arm, tag: str) -> tuple[str, tuple[str, ...]]:
        """Name and languages of what is wrong for ``tag``: the arm's, else a family that is unrelated."""
        if arm.families.wrong:
            return "wrong", arm.families.wrong
        family = wrong_family(find(tag))
        key = (family, arm.sources)
        if key not in self._families:
            members = [language for language in family_of(family) if "-" not in language.tag]
            found = gather_many(members, sources(arm.sources), LANGUAGES_IN_CONTROL)
            self._families[key] = tuple(each.language.tag for each in found)
        if not self._families[key]:
            raise NotFoundError(f"The sources have no text of the control's family, {family}.", "Give families.wrong.")
        return family.lower().replace(" ", "-"), self._families[key]

    def _kin(self, arm: Arm, language: Language) -> tuple[str, ...]:
        """Relatives that the sources or the arm's files have, nearest first."""
        kin = [relative for relative, _ in relatives(language) if relative.iso639_3 != language.iso639_3]
        key = ("relatives of", language.tag, arm.sources, *sorted(arm.extra_data))
        if key not in self._families:
            files = {find(tag).tag for tag in arm.extra_data}
            given = [each.tag for each in kin if each.tag in files]
            found = gather_many(kin, sources(arm.sources), LIMIT) if arm.sources != () else []
            self._families[key] = tuple(dict.fromkeys([*given, *(each.language.tag for each in found)]))
        return self._families[key]

    def _pairs(self, language: Language, asked: Sequence[Source], arm: Arm) -> list[Pair]:
        files = next((paths for tag, paths in arm.extra_data.items() if find(tag) == language), ())
        key = (language.tag, arm.sources, files, arm.recipe.min_words, arm.recipe.max_words)
        if key not in self._gathered:
            given: list[Source] = [File(list(files))] if files else []
            found = gather(language, [*given, *asked]).all()
            usable = sentences(found, arm.recipe.min_words, arm.recipe.max_words)
            usable = usable or sentences(found, 1, arm.recipe.max_words)
            kept, _, proof = cleared({language.tag: usable}, self.tests, [])
            if not kept[language.tag] or not proof.clean:
                raise NotFoundError(
                    f"Nothing of the text in {language.name} ({language.tag}) is left beside what is scored on.",
                    "Give more with extra_data, or leave the language out.",
                )
            self._gathered[key] = kept[language.tag]
        return self._gathered[key]


def domains(arm: Arm) -> dict[str, str]:
    """The domain of each of the arm's sources, by its name."""
    return {NAME: "prose", **{source.name: source.domain for source in sources(arm.sources)}}
