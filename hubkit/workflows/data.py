"""What an adapter is trained, tuned and judged on: own text, relatives, a development source, suites."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubkit.corpora.cleaning import sentences
from hubkit.corpora.family import gather_many
from hubkit.corpora.file import File
from hubkit.corpora.gather import Gathered, gather, sources
from hubkit.corpora.overlap import OverlapReport, overlap
from hubkit.corpora.source import Pair, Source
from hubkit.errors import UsageError
from hubkit.evaluation.suite import ParallelSuite, Suite
from hubkit.languages import Language, find, relatives
from hubkit.plugins import load_registered
from hubkit.training.config import TrainingConfig
from hubkit.training.objective import Objective
from hubkit.training.recipe import Recipe
from hubkit.training.strength import FEWEST_PAIRS, development_pairs
from hubkit.workflows.events import Events
from hubkit.workflows.labelled import (
    Examples,
    Further,
    check_counts,
    data_of,
    further_objectives,
    objective_of,
    read_files,
)
from hubkit.workflows.scope import DEFAULT_SUITE, Scope, scope_of
from hubkit.workflows.suites import suites_in, suites_of


@dataclass(slots=True)
class Data:
    """Everything textual of one run. ``development`` and the suites are disjoint from ``pairs`` by source.

    ``languages`` are those that the adapter is for, the main one first; ``pairs`` (their examples, whatever they are)
    may be in others too.
    """

    languages: tuple[Language, ...]
    pairs: Examples
    own: dict[str, Gathered]
    sources: list[Source]
    development: dict[str, list[Pair]]
    development_source: str | None
    suites: list[ParallelSuite]
    damage: Suite
    overlap: OverlapReport
    removed: int = 0
    taken_out: list[Any] = field(default_factory=list)  # the examples that were removed for meeting a suite
    held_out: tuple[Language, ...] = ()
    family: str | None = None
    further: tuple[Further, ...] = ()
    labels: tuple[str, ...] = ()
    file_report: dict[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def language(self) -> Language:
        """The main language."""
        return self.languages[0]

    def digests(self) -> dict[str, dict[str, Any]]:
        """Number and hash of the training examples, of each further objective's and of the development pairs."""
        parts = {f"training {tag}": found for tag, found in self.pairs.items()}
        for objective, examples, _ in self.further:
            parts |= {f"{objective.name} {tag}": found for tag, found in examples.items()}
        parts |= {f"development {tag}": found for tag, found in self.development.items()}
        return {name: {"examples": len(found), "sha256": digest_of(found)} for name, found in sorted(parts.items())}

    def digest(self) -> str:
        """Hash of all that training and tuning see."""
        return hashlib.sha256(repr(self.digests()).encode()).hexdigest()


def digest_of(examples: Sequence[Any]) -> str:
    """Hash of the examples with their answers, in their order."""
    state = hashlib.sha256()
    for one in examples:
        answers = (getattr(one, name, None) for name in ("english", "label", "tags", "score", "other"))
        state.update(repr((one.text, *answers)).encode())
    return state.hexdigest()


def collect(config: TrainingConfig, events: Events) -> Data:
    """Gather the text of the languages and their relatives, set a development source aside, load and clear the suites.

    Raises the error of what is missing or cannot be: nothing was trained then.
    """
    objective = objective_of(config.recipe.objective, config.recipe.objective_parameters)
    kind, found = data_of(objective), _Found(config)
    main, labels = (found.pairs(events), ()) if kind in ("pairs", "text") else found.examples(objective)
    if kind == "text":
        main = _with_plain_text(main, config, objective, found.scope.languages[0])
    further, names, warnings = further_objectives(config, main, labels, next(iter(found.scope.languages), None))
    if labels and names != labels:
        main, labels = found.examples(objective, names)
    development, development_source = _development(config, found.suites)
    texts, removed, proof = cleared(main, found.suites, [pair for pairs in development.values() for pair in pairs])
    own = [language.tag for language in found.scope.languages] if kind in ("pairs", "text") else list(texts)
    check_counts(texts, own, "usable sentences" if kind in ("pairs", "text") else f"{kind} examples")
    return Data(
        languages=found.scope.languages, held_out=found.scope.held_out, family=found.scope.family, pairs=texts,
        own=found.scope.trained, sources=found.asked, development=development, development_source=development_source,
        suites=found.suites, damage=load_registered("tasks", DEFAULT_SUITE)(), overlap=proof, removed=removed,
        taken_out=_missing(main, texts),
        further=tuple(
            (each, texts if examples is main else cleared(examples, found.suites, [])[0], weight)
            for each, examples, weight in further
        ),
        labels=names, file_report=found.file_report(), warnings=[*found.warnings, *warnings],
    )  # fmt: skip


def _with_plain_text(main: Examples, config: TrainingConfig, objective: Objective, default: Language) -> Examples:
    """The text of pairs, and plain text beside it."""
    if not any(each.kind == "text" for each in config.data):
        return main
    plain = read_files(config.data, objective, default).examples
    return {tag: [*main.get(tag, ()), *plain.get(tag, ())] for tag in {**main, **plain}}


class _Found:
    """What the configuration's sources and files have, as it is found."""

    def __init__(self, config: TrainingConfig) -> None:
        self.config, self.warnings = config, list[str]()
        self.asked = sources(config.sources)
        self.files: dict[str, File] = {}
        self.scope: Scope
        self.suites: list[ParallelSuite] = []

    def pairs(self, events: Events) -> Examples:
        """Parallel text of the languages and, for a language, of its relatives."""
        self._open_files()
        self.scope = scope = scope_of(self.config, self._sources_of)
        for tag, gathered in scope.trained.items():
            self.warnings += [f"source {name}: {problem}" for name, problem in gathered.problems.items()]
            events.note(f"{gathered.language.name}: {_amounts(gathered)}")
            if (file := self.files.get(tag)) is not None and file.report.problems:
                events.warn(file.report.summary())
        self._find_suites()
        texts = {tag: gathered.all() for tag, gathered in scope.trained.items()}
        if self.config.relatives and self.config.kind in ("language", "fusion"):
            texts |= self._relatives(scope.languages[0], events)
        return usable(texts, self.config.recipe)

    def examples(self, objective: Objective, labels: Sequence[str] = ()) -> tuple[Examples, tuple[str, ...]]:
        """Examples with answers from the configuration's files, and the names of their classes."""
        words = self.config.asked_languages()
        default = find(words[0]) if words != ("all",) else None
        found = read_files(self.config.data, objective, default, labels)
        if not labels:
            self.warnings += found.warnings
        self.asked = []
        languages = [find(word) for word in words] if words != ("all",) else [find(tag) for tag in found.examples]
        self.scope = Scope({language.tag: Gathered(language) for language in languages})
        self._find_suites()
        return {tag: list(some) for tag, some in found.examples.items()}, found.labels

    def file_report(self) -> dict[str, object]:
        """What was read of the files in the main language."""
        file = self.files.get(self.scope.languages[0].tag)
        return file.report.as_dict() if file is not None else {}

    def _open_files(self) -> None:
        words = self.config.asked_languages()
        for each in self.config.data:
            if each.kind == "pairs":
                tag = find(each.language or words[0]).tag
                if tag in self.files:
                    self.files[tag].paths += list(each.paths)
                else:
                    self.files[tag] = File(list(each.paths), license=each.license)

    def _sources_of(self, language: Language) -> Sequence[Source]:
        own = self.files.get(language.tag)
        return [*([own] if own else []), *self.asked]

    def _find_suites(self) -> None:
        scope, named = self.scope, self.config.suites
        if self.config.kind in ("language", "fusion"):
            language = scope.languages[0]
            self.suites = suites_of(language, scope.trained[language.tag], named, self.warnings)
        else:
            self.suites = suites_in(scope.judged(), named)

    def _relatives(self, language: Language, events: Events) -> dict[str, list[Pair]]:
        kin = [relative for relative, _ in relatives(language) if relative.iso639_3 != language.iso639_3]
        found = gather_many(kin, self.asked)
        given = [gather(find(tag), [file]) for tag, file in self.files.items() if tag != language.tag]
        if found or given:
            events.note(f"relatives: {', '.join(each.language.tag for each in [*given, *found])}")
        texts: dict[str, list[Pair]] = {}
        for each in (*given, *found):
            texts.setdefault(each.language.tag, []).extend(each.all())
        return texts


def usable(texts: Mapping[str, Sequence[Pair]], recipe: Recipe) -> Examples:
    """The pairs of fitting length; all short ones in a language that has no others."""
    return {
        tag: sentences(pairs, recipe.min_words, recipe.max_words) or sentences(pairs, 1, recipe.max_words)
        for tag, pairs in texts.items()
    }


def _amounts(gathered: Gathered) -> str:
    return ", ".join(f"{name} {len(found):,} pairs" for name, found in gathered.pairs.items())


def _development(config: TrainingConfig, suites: Sequence[ParallelSuite]) -> tuple[dict[str, list[Pair]], str | None]:
    """Pairs to choose the strength on, of an origin that training does not see; none of them meets a suite."""
    chosen: dict[str, list[Pair]] = {}
    for tag, paths in config.development.items():
        language = find(tag)
        given = sentences(gather(language, [File(list(paths))]).all())
        kept, _, _ = cleared({language.tag: given}, suites, [])
        pairs = development_pairs(kept[language.tag])
        if len(pairs) < FEWEST_PAIRS:
            raise UsageError(
                f"--dev has {len(pairs)} usable sentence pairs in {language.name}; at least {FEWEST_PAIRS} are needed.",
                "Give more, or leave it out.",
            )
        chosen[language.tag] = pairs
    names = dict.fromkeys(Path(path).name for paths in config.development.values() for path in paths)
    return chosen, ", ".join(names) or None


def cleared(
    pairs: Mapping[str, Sequence[Any]], suites: Sequence[ParallelSuite], development: Sequence[Pair]
) -> tuple[Examples, int, OverlapReport]:
    """Take every example out of training that meets a suite or the development text, and prove that none is left."""
    suite_texts = [text for suite in suites for text in (*suite.texts, *suite.english)]
    suite_texts += [text for pair in development for text in (pair.text, pair.english)]
    flat = [(tag, pair) for tag, found in pairs.items() for pair in found]
    offending: set[int] = set()
    for side in ("text", "english", "other"):
        places = [place for place, (_, pair) in enumerate(flat) if getattr(pair, side, None)]
        report = overlap((getattr(flat[place][1], side) for place in places), suite_texts)
        offending |= {places[offence.training] for offence in report.offences}
    kept: Examples = {tag: [] for tag in pairs}
    for index, (tag, pair) in enumerate(flat):
        if index not in offending:
            kept[tag].append(pair)
    left = [text for found in kept.values() for pair in found for text in _sides(pair)]
    return kept, len(offending), overlap(left, suite_texts)


def _missing(before: Examples, after: Examples) -> list[Any]:
    """The examples that are not there any more; those that are stay the same objects."""
    kept = {id(one) for found in after.values() for one in found}
    return [one for found in before.values() for one in found if id(one) not in kept]


def _sides(example: Any) -> list[str]:
    return [text for side in ("text", "english", "other") if (text := getattr(example, side, None))]
