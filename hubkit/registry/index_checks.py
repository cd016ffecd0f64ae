"""Whether an index is as it should be: in itself, and compared with an earlier commit of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from hubkit.adapter.strict_json import parse_json
from hubkit.errors import HubkitError
from hubkit.plugins import plugin_manager
from hubkit.registry import git
from hubkit.registry.index import ENDING, Index, read_lines, split_lines
from hubkit.registry.names import NameTable, language_tag
from hubkit.registry.request import Request
from hubkit.registry.resolver import Policy, ResolutionError, resolve

if TYPE_CHECKING:
    from hubkit.registry.record import Record

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def validate(index: Index, progress: Progress | None = None) -> list[Problem]:
    """Every problem of an index in itself: files, records, names, dependencies, and what plugins have against it."""
    walk = index.walk()
    problems = [Problem(path, "does not belong in an index") for path in walk.strangers]
    names: dict[str, tuple[Record, ...]] = {}
    for number, file in enumerate(walk.files):
        if progress is not None and number % 256 == 0:
            progress(file.name, number / len(walk.files))
        try:
            names[file.name] = index.records(file.name)
        except HubkitError as error:
            problems.append(Problem(file.path, error.what))
            continue
        if not names[file.name]:
            problems.append(Problem(file.path, "has no record"))
        for record in names[file.name]:
            problems += [Problem(record.key, what) for what in record_problems(record)]
    problems += _name_problems(names)
    problems += dependency_problems(names)
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


def _name_problems(names: Mapping[str, Sequence[Record]]) -> Iterator[Problem]:
    table = NameTable()
    for name in sorted(names, key=lambda name: (_first_published(names[name]), name)):
        owner = owner_of(names[name])
        for what in table.problems(name, owner):
            yield Problem(name, what)
        table.add(name, owner)


def _first_published(records: Sequence[Record]) -> str:
    return min((record.published.isoformat() for record in records), default="")


def owner_of(records: Sequence[Record]) -> str:
    """The account that a name's first version was published from."""
    return records[0].source.repo_id.partition("/")[0] if records else ""


def dependency_problems(names: Mapping[str, Sequence[Record]]) -> Iterator[Problem]:
    """A circle between names, or versions whose dependencies nothing in the index can meet."""
    order = TopologicalSorter(
        {name: sorted({d.name for record in names[name] for d in record.deps}) for name in sorted(names)}
    )
    try:
        ordered = list(order.static_order())
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        yield Problem(circle[0], f"depends on itself: {' → '.join(circle)}")
        return
    met: set[str] = set()  # keys of the records whose dependencies can be met
    for name in ordered:  # what is below comes first
        for record in names.get(name, ()):
            if what := _unmet(record, names, met):
                yield Problem(record.key, what)
            else:
                met.add(record.key)


def _unmet(record: Record, names: Mapping[str, Sequence[Record]], met: set[str]) -> str | None:
    """Why the dependencies of a record cannot be met. One alone is looked up; several together are resolved."""
    if record.yanked or not record.deps:
        return None
    if len(record.deps) == 1 and any(_meets(record, other, met) for other in names.get(record.deps[0].name, ())):
        return None
    policy = Policy(record.core.fingerprint, any_hubkit=True, prereleases=record.parsed_version.is_prerelease)
    try:
        resolve([Request(record.name, f"=={record.version}")], lambda name: _newest_first(names.get(name, ())), policy)
    except ResolutionError as error:
        return error.what
    return None


def _meets(record: Record, other: Record, met: set[str]) -> bool:
    spec = SpecifierSet(record.deps[0].spec)
    return (
        not other.yanked
        and other.key in met
        and other.core.fingerprint == record.core.fingerprint
        and spec.contains(other.version, prereleases=record.parsed_version.is_prerelease or bool(spec.prereleases))
    )


def _newest_first(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda record: record.parsed_version, reverse=True)


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
