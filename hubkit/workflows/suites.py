"""What a run is judged on: the user's suites, the Universal Declaration, or text held out of training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hubkit.corpora.cleaning import sentences
from hubkit.corpora.gather import Gathered
from hubkit.errors import NotFoundError
from hubkit.evaluation.suite import ParallelSuite, loaded
from hubkit.evaluation.tasks.folder import FolderSuite
from hubkit.evaluation.tasks.heldout import from_pairs
from hubkit.languages import Language
from hubkit.plugins import registered
from hubkit.workflows.scope import DEFAULT_SUITE

LARGEST_HELD_OUT_SHARE = 0.5
FEWEST_SUITE_PAIRS = 20
SPLIT_SHARE = 0.2


def suites_of(language: Language, own: Gathered, named: Sequence[str], warnings: list[str]) -> list[ParallelSuite]:
    """The suites of one language, the main one first: the user's, then UDHR; else text that is taken out of ``own``.

    Raises :class:`NotFoundError` for a suite that does not have the language, and when too little text is left.
    """
    found = []
    for name in named:
        if (suite := _named(name, language)) is None:
            raise NotFoundError(f"The suite {name} has nothing in {language.name} ({language.tag}).", "Check --suite.")
        found.append(suite)
    if DEFAULT_SUITE not in named and (default := loaded(DEFAULT_SUITE, language)) is not None:
        found.append(default)
    return found or [_held_out(language, own, warnings)]


def suites_in(languages: Sequence[Language], named: Sequence[str]) -> list[ParallelSuite]:
    """Every suite in each of several languages that it has; :class:`NotFoundError` when that is nothing at all."""
    names = [*named, *(() if DEFAULT_SUITE in named else (DEFAULT_SUITE,))]
    found = [suite for language in languages for name in names if (suite := _named(name, language)) is not None]
    if not found:
        tags = ", ".join(language.tag for language in languages)
        raise NotFoundError(f"None of the suites {', '.join(names)} has one of {tags}.", "Give one with --suite.")
    return found


def _named(name: str, language: Language) -> ParallelSuite | None:
    return loaded(name, language) if name in registered("tasks") else FolderSuite(Path(name)).load(language)


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
    source = max(sizes, key=lambda name: (sizes[name], name), default="")
    if sizes.get(source, 0) * SPLIT_SHARE < FEWEST_SUITE_PAIRS:
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
