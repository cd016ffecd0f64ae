"""What an adapter is trained, tuned and judged on: own text, relatives, a development source, suites."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.corpora.cleaning import sentences
from hubkit.corpora.family import gather_many
from hubkit.corpora.file import File
from hubkit.corpora.gather import Gathered, gather, sources
from hubkit.corpora.overlap import OverlapReport, overlap
from hubkit.corpora.source import Pair, Source
from hubkit.errors import NotFoundError, UsageError
from hubkit.evaluation.suite import ParallelSuite, Suite
from hubkit.evaluation.tasks.folder import FolderSuite
from hubkit.evaluation.tasks.heldout import from_pairs
from hubkit.languages import Language, relatives
from hubkit.plugins import load_registered
from hubkit.training.strength import FEWEST_PAIRS, development_pairs
from hubkit.workflows.events import Events

if TYPE_CHECKING:
    from hubkit.training.recipe import Recipe

DEFAULT_SUITE = "udhr"
LARGEST_HELD_OUT_SHARE = 0.5
FEWEST_SUITE_PAIRS = 20
SPLIT_SHARE = 0.2


@dataclass(slots=True)
class Data:
    """Everything textual of one run. ``development`` and the suites are disjoint from ``pairs`` by source."""

    language: Language
    pairs: dict[str, list[Pair]]
    own: Gathered
    sources: list[Source]
    development: list[Pair]
    development_source: str | None
    suites: list[ParallelSuite]
    damage: Suite
    overlap: OverlapReport
    removed: int = 0
    file_report: dict[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def digest(self) -> str:
        """Hash of all training pairs and the development pairs."""
        state = hashlib.sha256()
        for tag in sorted(self.pairs):
            for pair in self.pairs[tag]:
                state.update(f"{tag}\0{pair.text}\0{pair.english}\n".encode())
        for pair in self.development:
            state.update(f"dev\0{pair.text}\0{pair.english}\n".encode())
        return state.hexdigest()


def collect(
    language: Language, recipe: Recipe, data: Sequence[str], suite_paths: Sequence[Path], dev: Sequence[str],
    source_names: Sequence[str] | None, data_license: str, events: Events,
) -> Data:  # fmt: skip
    """Gather text of ``language`` and its relatives, set a development source aside, load and clear the suites."""
    asked = sources(source_names)
    files = File(list(data), license=data_license) if data else None
    own = gather(language, [*([files] if files else []), *asked])
    warnings = [f"source {name}: {problem}" for name, problem in own.problems.items()]
    events.note(f"{language.name}: {_amounts(own)}")
    if files and files.report.problems:
        events.warn(files.report.summary())
    suites = _suites(language, own, suite_paths, warnings)
    development, development_source = _development(language, dev, data_license, suites)
    pairs = _training_pairs(language, own, asked, recipe, events)
    training_pairs, removed, proof = cleared(pairs, suites, development)
    return Data(
        language=language, pairs=training_pairs, own=own, sources=asked, development=development,
        development_source=development_source, suites=suites, damage=load_registered("tasks", DEFAULT_SUITE)(),
        overlap=proof, removed=removed, file_report=files.report.as_dict() if files else {}, warnings=warnings,
    )  # fmt: skip


def _amounts(gathered: Gathered) -> str:
    return ", ".join(f"{name} {len(found):,} pairs" for name, found in gathered.pairs.items())


def _suites(language: Language, own: Gathered, paths: Sequence[Path], warnings: list[str]) -> list[ParallelSuite]:
    """The main suite first: the user's, then UDHR; without either, text that is taken out of ``own``."""
    found = []
    for path in paths:
        suite = FolderSuite(path).load(language)
        if suite is None:
            raise NotFoundError(f"The suite {path} has nothing in {language.name} ({language.tag}).", "Check --suite.")
        found.append(suite)
    default = load_registered("tasks", DEFAULT_SUITE)().load(language)
    if default is not None:
        found.append(default)
    return found or [_held_out(language, own, warnings)]


def _held_out(language: Language, own: Gathered, warnings: list[str]) -> ParallelSuite:
    """The smallest source that is large enough, taken out of ``own``; else a split of the largest, with a warning."""
    sizes = {name: len(sentences(found)) for name, found in own.pairs.items()}
    total = sum(sizes.values())
    fitting = [name for name, size in sizes.items() if FEWEST_SUITE_PAIRS <= size <= LARGEST_HELD_OUT_SHARE * total]
    absent = f"{language.name} is not in {DEFAULT_SUITE}"
    if fitting:
        source = min(fitting, key=lambda name: (sizes[name], name))
        warnings.append(f"{absent}: the source {source} is held out of training and used instead.")
        return from_pairs(source, sentences(own.pairs.pop(source)), language=language.tag)
    source = max(sizes, key=lambda name: (sizes[name], name))
    if sizes[source] * SPLIT_SHARE < FEWEST_SUITE_PAIRS:
        raise NotFoundError(
            f"{absent}, and its sources have too little text ({total} sentences) to hold any out.",
            "Give held-out sentence pairs with --suite FILE.",
        )
    suite = from_pairs(
        f"{source}-split",
        sentences(own.pairs[source]),
        round(sizes[source] * SPLIT_SHARE),
        language=language.tag,
        origin=f"a split of the training source {source}",
    )
    taken = set(suite.texts)
    own.pairs[source] = [pair for pair in own.pairs[source] if pair.text not in taken]
    warnings.append(
        f"{absent} and has one source only, {source}: a split of it is the suite, which flatters the adapter. "
        "Give text of another origin with --suite FILE for an honest figure."
    )
    return suite


def _development(
    language: Language, dev: Sequence[str], license: str, suites: Sequence[ParallelSuite]
) -> tuple[list[Pair], str | None]:
    """Pairs to choose the strength on, of an origin that training does not see; none of them meets a suite."""
    if not dev:
        return [], None
    given = sentences(gather(language, [File(list(dev), license=license)]).all())
    kept, _, _ = cleared({language.tag: given}, suites, [])
    chosen = development_pairs(kept[language.tag])
    if len(chosen) < FEWEST_PAIRS:
        raise UsageError(
            f"--dev has {len(chosen)} usable sentence pairs; at least {FEWEST_PAIRS} are needed.",
            "Give more, or leave it out.",
        )
    return chosen, ", ".join(Path(path).name for path in dev)


def _training_pairs(
    language: Language, own: Gathered, asked: Sequence[Source], recipe: Recipe, events: Events
) -> dict[str, list[Pair]]:
    kin = [relative for relative, _ in relatives(language) if relative.iso639_3 != language.iso639_3]
    found = gather_many(kin, asked)
    if found:
        events.note(f"relatives: {', '.join(each.language.tag for each in found)}")
    texts = {each.language.tag: each.all() for each in found}
    texts[language.tag] = own.all()
    usable = {tag: sentences(pairs, recipe.min_words, recipe.max_words) for tag, pairs in texts.items()}
    if not usable[language.tag]:
        usable[language.tag] = sentences(texts[language.tag], 1, recipe.max_words)
    return usable


def cleared(
    pairs: dict[str, list[Pair]], suites: Sequence[ParallelSuite], development: Sequence[Pair]
) -> tuple[dict[str, list[Pair]], int, OverlapReport]:
    """Take every pair out of training that meets a suite or the development text, and prove that none is left."""
    suite_texts = [text for suite in suites for text in (*suite.texts, *suite.english)]
    suite_texts += [text for pair in development for text in (pair.text, pair.english)]
    flat = [(tag, pair) for tag, found in pairs.items() for pair in found]
    offending: set[int] = set()
    for side in ("text", "english"):
        report = overlap((getattr(pair, side) for _, pair in flat), suite_texts)
        offending |= {offence.training for offence in report.offences}
    kept: dict[str, list[Pair]] = {tag: [] for tag in pairs}
    for index, (tag, pair) in enumerate(flat):
        if index not in offending:
            kept[tag].append(pair)
    left = [text for found in kept.values() for pair in found for text in (pair.text, pair.english)]
    return kept, len(offending), overlap(left, suite_texts)
