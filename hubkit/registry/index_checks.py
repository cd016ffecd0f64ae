"""Whether an index is as it should be: in itself, and compared with an earlier commit of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from hubkit.adapter.strict_json import parse_json
from hubkit.errors import HubkitError
from hubkit.plugins import plugin_manager
from hubkit.registry import git
from hubkit.registry.index import ENDING, Index, read_lines, read_records, split_lines
from hubkit.registry.names import NameTable, language_tag
from hubkit.registry.request import Request
from hubkit.registry.resolution import Policy, ResolutionError, Versions
from hubkit.registry.resolver import resolve

if TYPE_CHECKING:
    from hubkit.adapter.manifest import Dependency
    from hubkit.registry.record import Record

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Outline:
    """What of a record the others are compared with: an index of many records is not kept in memory."""

    name: str
    version: str
    core: str
    deps: tuple[Dependency, ...]
    yanked: bool
    owner: str
    published: datetime

    @classmethod
    def of(cls, record: Record) -> Outline:
        return cls(
            record.name, record.version, record.core.fingerprint, record.deps, bool(record.yanked), record.owner,
            record.published,
        )  # fmt: skip

    @property
    def key(self) -> str:
        return f"{self.name}=={self.version}"


def validate(index: Index, progress: Progress | None = None) -> list[Problem]:
    """Every problem of an index in itself: files, records, names, dependencies, and what plugins have against it."""
    walk = index.walk()
    problems = [Problem(path, "does not belong in an index") for path in walk.strangers]
    names: dict[str, list[Outline]] = {}
    for number, file in enumerate(walk.files):
        if progress is not None and number % 256 == 0:
            progress(file.name, number / len(walk.files))
        try:
            records = read_records(Path(file.path), file.name, index.root)
        except HubkitError as error:
            problems.append(Problem(file.path, error.what))
            continue
        if not records:
            problems.append(Problem(file.path, "has no record"))
            continue
        names[file.name] = [Outline.of(record) for record in records]
        problems += [Problem(record.key, what) for record in records for what in record_problems(record)]
    problems += _name_problems(names)
    problems += dependency_problems(names, index.versions)
    if progress is not None:
        progress("done", 1.0)
    return problems


def record_problems(record: Record) -> Iterator[str]:
    """What is wrong with a record alone, beyond its schema."""
    if record.kind in ("language", "finding"):
        tag = language_tag(record.name.partition("-")[2])
        tags = [language.bcp47 for language in record.languages]
        if record.kind == "language" and (tag is None or tag not in tags):
            yield f"a language adapter's name is lang- and one of its tags as it is spelt: {', '.join(tags[:5])}"
    yield from plugin_manager().problems_of(json.loads(record.line()))


def _name_problems(names: Mapping[str, Sequence[Outline]]) -> Iterator[Problem]:
    table = NameTable()
    for name in sorted(names, key=lambda name: (min(outline.published for outline in names[name]), name)):
        owner = names[name][0].owner
        for what in table.problems(name, owner):
            yield Problem(name, what)
        table.add(name, owner)


def owner_of(records: Sequence[Record]) -> str:
    """The account that a name's first version was published from."""
    return records[0].owner if records else ""


def dependency_problems(names: Mapping[str, Sequence[Outline]], versions: Versions) -> Iterator[Problem]:
    """A circle between names, or versions whose dependencies nothing in the index can meet."""
    below = {name: sorted({needed.name for each in names[name] for needed in each.deps}) for name in sorted(names)}
    try:
        ordered = list(TopologicalSorter(below).static_order())
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        yield Problem(circle[0], f"depends on itself: {' → '.join(circle)}")
        return
    met: set[str] = set()  # keys of the records whose dependencies can be met
    for name in ordered:  # what is below comes first
        for outline in names.get(name, ()):
            if what := _unmet(outline, names, met, versions):
                yield Problem(outline.key, what)
            else:
                met.add(outline.key)


def _unmet(outline: Outline, names: Mapping[str, Sequence[Outline]], met: set[str], versions: Versions) -> str | None:
    """Why the dependencies of a record cannot be met. One alone is looked up; several together are resolved."""
    if outline.yanked or not outline.deps:
        return None
    if len(outline.deps) == 1 and any(_meets(outline, other, met) for other in names.get(outline.deps[0].name, ())):
        return None
    policy = Policy(outline.core, any_hubkit=True, prereleases=Version(outline.version).is_prerelease)
    try:
        resolve([Request(outline.name, f"=={outline.version}")], versions, policy)
    except ResolutionError as error:
        return error.what
    return None


def _meets(outline: Outline, other: Outline, met: set[str]) -> bool:
    spec = SpecifierSet(outline.deps[0].spec)
    prereleases = Version(outline.version).is_prerelease or bool(spec.prereleases)
    return (
        not other.yanked
        and other.key in met
        and other.core == outline.core
        and spec.contains(other.version, prereleases=prereleases)
    )


def compare(index: Index, base: str, new_owners: bool = False) -> list[Problem]:
    """What changed since the git revision ``base`` and may not: all but lines added at the end and ``yanked`` set.

    A name's new versions come from the account that published the first one, unless ``new_owners``. Raises
    :class:`HubkitError` outside a git repository, :class:`NotFoundError` for an unknown revision.
    """
    commit = git.commit_of(index.root, base)
    there = git.files_at(index.root, commit)
    problems: list[Problem] = []
    for path in git.changed_since(index.root, commit):
        if not path.endswith(ENDING):
            continue
        before = split_lines(git.content_at(index.root, commit, path), path) if path in there else []
        problems += _changed_lines(index, path, before, new_owners)
    return problems


def new_records(index: Index, base: str | None) -> list[Record]:
    """The records that were added since the git revision ``base`` (all with ``None``), but for yanked ones."""
    if base is None:
        records = [record for file in index.walk().files for record in index.records(file.name)]
    else:
        commit = git.commit_of(index.root, base)
        there = git.files_at(index.root, commit)
        records = []
        for path in git.changed_since(index.root, commit):
            if path.endswith(ENDING) and (index.root / path).exists():
                before = git.content_at(index.root, commit, path).count(b"\n") if path in there else 0
                records += index.records(Path(path).stem)[before:]
    return [record for record in records if not record.yanked]


def below(index: Index) -> Callable[[Record], tuple[Record, ...]]:
    """A function: a record → what it stands on and itself, in the order of the stack, as the resolver chooses."""

    def stack(record: Record) -> tuple[Record, ...]:
        policy = Policy(record.core.fingerprint, prereleases=record.parsed_version.is_prerelease)
        request = Request(record.name, f"=={record.version}")
        return resolve([request], index.versions, policy).adapters

    return stack


def _changed_lines(index: Index, path: str, before: Sequence[bytes], new_owners: bool) -> Iterator[Problem]:
    file = index.root / path
    try:
        after = read_lines(file, index.root) if file.exists() else []
    except HubkitError as error:
        yield Problem(str(file), error.what)
        return
    if len(after) < len(before):
        yield Problem(str(file), f"has {len(after)} records, it had {len(before)}: none may be taken away")
    for number, (old, new) in enumerate(zip(before, after, strict=False), 1):
        if old != new and (what := _forbidden_change(old, new)):
            yield Problem(f"{file}, line {number}", what)
    if before and not new_owners:
        owner = _owner(before[0])
        for number, line in enumerate(after[len(before) :], len(before) + 1):
            if _owner(line) != owner:
                yield Problem(f"{file}, line {number}", f"comes from {_owner(line)}, the name belongs to {owner}")


def _forbidden_change(old: bytes, new: bytes) -> str | None:
    """What changed in a line that may not; ``None`` when it was yanked, or yanked for another reason."""
    try:
        before, after = parse_json(old, "the line before"), parse_json(new, "the line now")
        yanked = before.pop("yanked", False), after.pop("yanked", False)
    except (HubkitError, AttributeError, TypeError):
        return "was changed into something that is no record"
    if fields := sorted(key for key in {*before, *after} if before.get(key) != after.get(key)):
        return f"was changed in {', '.join(fields)}: only yanked may change"
    return "was yanked and is not any more" if yanked[0] and not yanked[1] else None


def _owner(line: bytes) -> str:
    try:
        return str(parse_json(line, "a line")["source"]["repo_id"]).partition("/")[0]
    except (HubkitError, KeyError, TypeError):
        return "nowhere"
