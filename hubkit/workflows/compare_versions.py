"""``hubkit compare``: two versions of an adapter, or any two recipes, on the same sentences."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.adapter.manifest import is_adapter_name
from hubkit.composition.member import CORE, member_from_text
from hubkit.core.checkpoint import DEFAULT_CORE
from hubkit.errors import NotFoundError, UsageError
from hubkit.evaluation.assemble import language_info
from hubkit.evaluation.compare import encode_distinct
from hubkit.evaluation.controls.context import encode_with
from hubkit.evaluation.sentences import Compared, ComparisonReport, SuiteComparison, compare_sentences
from hubkit.evaluation.suite import ParallelSuite, Suite, loaded
from hubkit.evaluation.task import Task, Tested
from hubkit.evaluation.task_items import TaskComparison, compare_on_task
from hubkit.evaluation.tasks.folder import FolderSuite
from hubkit.languages import Language, find
from hubkit.plugins import make_registered, registered
from hubkit.runtime.languages import NoAdapterWarning
from hubkit.runtime.load import choose, load
from hubkit.version import __version__
from hubkit.workflows.events import Events, Silent

if TYPE_CHECKING:
    from hubkit.runtime.encoder import Encoder

DEFAULT_SUITE = "udhr"
_RECIPE_MARKS = frozenset("+*(")


@dataclass(frozen=True, slots=True)
class CompareRequest:
    """What the user asked for. ``before`` and ``after``: an adapter, a language, a recipe or ``core``."""

    before: str
    after: str
    language: str | None = None
    suites: tuple[Path, ...] = ()
    tasks: tuple[str, ...] = ()
    core: str = DEFAULT_CORE


@dataclass(frozen=True, slots=True)
class System:
    """A name as an encoder, with the languages (tags) that it is made for and the versions of its adapters.

    The core has neither.
    """

    name: str
    encoder: Encoder
    languages: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def compared(self) -> Compared:
        """As the comparison names it."""
        return Compared(name=self.name, description=self.encoder.explain(), versions=dict(self.versions))


def compare_versions(request: CompareRequest, events: Events | None = None) -> ComparisonReport:
    """Both systems on every suite, sentence by sentence.

    Raises :class:`UsageError` when the language does not follow from the two, :class:`NotFoundError` for a system or a
    suite that is not there.
    """
    events = events or Silent()
    events.phase("systems")
    core = load(core=request.core)
    before, after = (open_system(core, text) for text in (request.before, request.after))
    language = find(request.language) if request.language else common_language(before, after)
    events.phase("suites")
    names = request.tasks if request.tasks or request.suites else (DEFAULT_SUITE,)
    suites = find_suites(language, request.suites, [name for name in names if is_suite(name)])
    tasks = find_tasks(language, [name for name in names if not is_suite(name)])
    events.phase("sentences")
    return ComparisonReport(
        language=language_info(language),
        before=before.compared(),
        after=after.compared(),
        suites=_on_suites(suites, core, before, after, events),
        tasks=_on_tasks(tasks, core, before, after, events),
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        hubkit_version=__version__,
    )


def _on_suites(
    suites: Sequence[ParallelSuite], core: Encoder, before: System, after: System, events: Events
) -> list[SuiteComparison]:
    found: list[SuiteComparison] = []
    for number, suite in enumerate(suites):
        events.advance(suite.name, number / len(suites))
        english = encode_distinct(encode_with(core), suite.english)
        found += compare_sentences(encode_with(before.encoder), encode_with(after.encoder), suite, english)
    return found


def _on_tasks(
    tasks: Sequence[tuple[Task, Any]], core: Encoder, before: System, after: System, events: Events
) -> list[TaskComparison]:
    sides = [
        Tested(letter, system.name, encode_with(system.encoder), encode_with(core), system.encoder)
        for letter, system in (("A", before), ("B", after))
    ]
    found: list[TaskComparison] = []
    for number, (task, items) in enumerate(tasks):
        events.advance(task.name, number / len(tasks))
        found += compare_on_task(task, items, sides[0], sides[1])
    return found


def open_system(core: Encoder, text: str) -> System:
    """``core``, an adapter (``lang-rw==0.1.0``), a recipe (``0.5*fam-bantu + lang-rw``) or a language's own recipe.

    ``core`` is an encoder that :func:`hubkit.load` made without anything; all share its model.
    """
    text = text.strip()
    if text == CORE:
        return System(text, core)
    if _RECIPE_MARKS & set(text):
        return _system(text, choose(core, recipe=text))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoAdapterWarning)  # the description says it
        encoder = choose(core, text)
    found = _system(text, encoder)
    return found if _is_adapter(text) else replace(found, languages=(find(text).tag,))


def _is_adapter(text: str) -> bool:
    try:
        return "/" in text or is_adapter_name(member_from_text(text).name)
    except UsageError:
        return False


def _system(text: str, encoder: Encoder) -> System:
    """With the languages of the recipe's adapters, those of its last one first."""
    languages: list[str] = []
    versions: dict[str, str] = {}
    for member in reversed(encoder.recipe.members()):
        with encoder.bank.using(f"{member.name}{member.spec}") as entry:
            languages += entry.languages
            if entry.version is not None:
                versions[member.name] = entry.version
    return System(text, encoder, tuple(dict.fromkeys(languages)), versions)


def common_language(before: System, after: System) -> Language:
    """The one language that both are made for, or that one of them is when the other is the core."""
    sides = [set(system.languages) for system in (before, after) if system.languages]
    shared = sorted(set.intersection(*sides)) if sides else []
    if len(shared) == 1:
        return find(shared[0])
    listed = f": {', '.join(shared[:8])}" if shared else ""
    what = f"{before.name} and {after.name} have {'several languages' if shared else 'no language'} in common{listed}."
    raise UsageError(what, "Say in which to compare them with --language TAG.")


def is_suite(name: str) -> bool:
    """Whether what is registered under ``name`` has sentence pairs; :class:`NotFoundError` when nothing is."""
    return isinstance(make_registered("tasks", name), Suite)


def find_suites(language: Language, paths: Sequence[Path], names: Sequence[str]) -> list[ParallelSuite]:
    """The suites in ``language``: files and folders of the user's, and registered ones.

    Raises :class:`NotFoundError` for one that has nothing in the language.
    """
    asked = [(str(path), FolderSuite(path).load(language)) for path in paths]
    asked += [(name, loaded(name, language)) for name in names]
    _check(asked, language)
    return [suite for _, suite in asked if suite is not None]


def find_tasks(language: Language, names: Sequence[str]) -> list[tuple[Task, Any]]:
    """The registered tasks that are no suites, each with its items in ``language``; as :func:`find_suites`."""
    tasks: list[Task] = [make_registered("tasks", name) for name in names]
    known = registered("tasks")
    items = [known[name].run(partial(task.items, language)) for name, task in zip(names, tasks, strict=True)]
    _check(list(zip(names, items, strict=True)), language)
    return list(zip(tasks, items, strict=True))


def _check(asked: Sequence[tuple[str, object | None]], language: Language) -> None:
    if missing := [name for name, found in asked if found is None]:
        raise NotFoundError(
            f"{', '.join(missing)}: nothing in {language.name} ({language.tag}).",
            "Give sentence pairs of your own with --suite FILE, or another suite with --task NAME.",
        )
