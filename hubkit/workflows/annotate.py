"""``hubkit annotate``: which pairs are put before an annotator, and what the answers of all annotators come to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.composition.member import CORE, Member
from hubkit.composition.resolve import with_each_member
from hubkit.core.checkpoint import DEFAULT_CORE
from hubkit.durable import locked
from hubkit.errors import UsageError
from hubkit.evaluation.annotation.agreement import Agreement, agreement
from hubkit.evaluation.annotation.choose import Encoded, candidates, choose, same_pairs
from hubkit.evaluation.annotation.findings import Findings, findings
from hubkit.evaluation.annotation.session import Circumstances, Session
from hubkit.evaluation.annotation.store import annotation_file, read_all, read_judgements
from hubkit.evaluation.compare import encode_distinct
from hubkit.evaluation.controls.context import encode_with
from hubkit.languages import find
from hubkit.workflows.events import Events, Silent

if TYPE_CHECKING:
    from hubkit.evaluation.annotation.judgement import Judgement
    from hubkit.evaluation.suite import ParallelSuite
    from hubkit.languages import Language
    from hubkit.workflows.compare_versions import System

DEFAULT_PAIRS = 40
DEFAULT_SUITE = "udhr"


@dataclass(frozen=True, slots=True)
class AnnotateRequest:
    """What the user asked for. ``system`` has the cosines: as in ``hubkit compare``, by default the language's own."""

    language: str
    annotator: str
    suite: Path | None = None
    task: str | None = None
    system: str | None = None
    core: str = DEFAULT_CORE
    count: int = DEFAULT_PAIRS
    seed: int = 0
    same_as: Path | None = None
    output: Path | None = None


@contextmanager
def open_session(request: AnnotateRequest, events: Events | None = None) -> Iterator[Session]:
    """The pairs, with what the annotator's file has of them already; nobody else may write to that file meanwhile.

    Raises :class:`UsageError` for a bad request, :class:`hubkit.errors.BusyError` when a session is open elsewhere.
    """
    from hubkit.runtime.load import load
    from hubkit.workflows.compare_versions import open_system

    events = events or Silent()
    name = request.annotator.strip()
    if not 0 < len(name) <= 100 or not name.isprintable():
        raise UsageError(
            "The annotator's name is empty, longer than 100 characters, or cannot be printed.", "Shorten it."
        )
    if request.suite and request.task:
        raise UsageError("--suite and --task were both given.", "Judge one suite at a time.")
    language = find(request.language)
    events.phase("suite")
    suite = _suite(language, request.suite, request.task or DEFAULT_SUITE)
    path = request.output or annotation_file(language.tag, suite.name, name)
    with locked(path.with_suffix(".lock"), f"The file {path.name}"):
        events.phase("pairs")
        core = load(core=request.core)
        system = open_system(core, request.system or language.tag)
        texts = encode_distinct(encode_with(system.encoder), suite.texts)
        english = encode_distinct(encode_with(core), suite.english)
        encoded = Encoded.of(suite, texts, english)
        if request.same_as is not None:
            pairs = same_pairs(encoded, read_judgements(request.same_as))
        else:
            pairs = choose(candidates(encoded), request.count, request.seed)
        about = Circumstances(name, suite, _pinned(system), core.core.fingerprint, request.seed)
        yield Session(pairs, about, path)


def _suite(language: Language, path: Path | None, name: str) -> ParallelSuite:
    """The suite to judge; :class:`UsageError` for a task that has no sentence pairs."""
    from hubkit.workflows.compare_versions import find_suites, is_suite

    if path is None and not is_suite(name):
        raise UsageError(f"The task {name} has no sentence pairs to judge.", "Name a suite, or give --suite FILE.")
    (suite,) = find_suites(language, [path] if path else [], [] if path else [name])
    return suite


def _pinned(system: System) -> str:
    """The recipe with the version of every adapter that has one."""

    def pinned(member: Member) -> Member:
        version = system.versions.get(member.name)
        return member if version is None else Member(member.name, f"=={version}", member.strength)

    recipe = system.encoder.recipe
    return str(with_each_member(recipe, pinned)) if recipe.members() else CORE


def report(language: str) -> list[Findings]:
    """What all judgements of a language on this machine come to, suite by suite."""
    return findings(read_all(find(language).tag))


def compare_annotators(language: str, first: Path, second: Path) -> Agreement:
    """The agreement of two files. Raises :class:`UsageError` when they cannot be compared."""
    tag = find(language).tag
    sides: list[list[Judgement]] = [read_judgements(path) for path in (first, second)]
    for path, side in zip((first, second), sides, strict=True):
        if not side or any(one.language != tag for one in side):
            raise UsageError(f"{path} has no judgements of {tag}, or others too.", "Give files of one language.")
        if len({one.annotator for one in side}) > 1:
            raise UsageError(f"{path} has several annotators.", "Give a file of one annotator.")
    found = agreement(sides[0], sides[1])
    if found is None:
        raise UsageError(
            f"{first.name} and {second.name} have no pair in common.",
            f"Let the second annotator judge the same pairs with --same-as {first.name}.",
        )
    return found
