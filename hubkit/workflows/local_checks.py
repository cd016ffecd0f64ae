"""What an index's pull request is checked for, run before anything is published: each check with what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.errors import HubkitError
from hubkit.registry.index import Index
from hubkit.registry.index_checks import compare, validate
from hubkit.registry.index_edit import check_record
from hubkit.registry.publishable import checked_folder
from hubkit.registry.request import parse_request
from hubkit.registry.resolution import Policy
from hubkit.registry.resolver import resolve
from hubkit.workflows.check_record import adapter_problems

if TYPE_CHECKING:
    from hubkit.core import Core
    from hubkit.registry.record import Record

Say = Callable[[str], None]
BASE = "HEAD"
UNSTATED = frozenset({"unspecified", "unknown", ""})


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what is wrong, and what could not be looked at or is for a human to judge."""

    name: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.problems


def check_files(folder: Path, core: Core) -> Check:
    """Hashes and sizes against the manifest, tensors strictly on the core, the card's metadata."""
    try:
        checked_folder(folder, core)
    except HubkitError as error:
        return Check("files", (error.what,))
    return Check("files")


def check_index(record: Record, root: Path) -> Check:
    """Whether the index takes the record, is valid in itself, and has only grown since its last commit."""
    index = Index(root.absolute(), root.name)
    try:
        there = next((each for each in index.records(record.name) if each.version == record.version), None)
        if there is not None and _is_of(record, there):
            notes = ["it is there already"]
        else:
            notes = ["it is there already"] if check_record(root, record).was_there else []
        problems = [*map(str, validate(index))]
        try:
            problems += map(str, compare(index, BASE))
        except HubkitError as error:  # no git repository, or one without a commit
            notes.append(f"not compared with git: {error.what}")
    except HubkitError as error:
        return Check("index", (error.what,))
    return Check("index", tuple(problems), tuple(notes))


def _is_of(record: Record, there: Record) -> bool:
    """Whether the two are of the same publication; ``record`` may not know its commit and time yet."""
    if record.source is None or there.source is None or record.source.repo_id != there.source.repo_id:
        return False
    unknown = {"source": there.source, "published": there.published, "yanked": there.yanked}
    return record.model_copy(update=unknown) == there


def check_licences(record: Record) -> Check:
    """Every corpus has a licence: a note each that has none, for it is a human who judges licences."""
    notes = [
        f"{dataset.id} has no stated licence" for dataset in record.train.datasets
        if dataset.license.casefold() in UNSTATED
    ]  # fmt: skip
    return Check("licences", (), tuple(notes))


def check_acting(record: Record, folder: Path, core: Core, index: Path, say: Say) -> Check:
    """Golden vectors, tensors of odd size, the declared figures measured again, the gate: as CI does it."""
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text.removeprefix(f"{record.key}: "))
        say(text)

    try:
        problems = list(_acting(record, folder, core, index, note))
    except HubkitError as error:  # what it stands on cannot be had
        problems = [error.what]
    return Check("golden vectors, tensors, figures, gate", tuple(problems), tuple(notes))


def _acting(record: Record, folder: Path, core: Core, index: Path, note: Say) -> Iterator[str]:
    from hubkit.registry.fetch import fetch_record

    below = [fetch_record(each) for each in dependencies(record, Index(index.absolute(), index.name))]
    yield from adapter_problems(record, [*below, folder], core, note)


def dependencies(record: Record, index: Index) -> Sequence[Record]:
    """What a record that is not in the index yet will stand on, in the order of the stack.

    Raises :class:`NotFoundError` for a dependency that the index does not have.
    """
    if not record.deps:
        return ()
    policy = Policy(record.core.fingerprint, prereleases=record.parsed_version.is_prerelease)
    wanted = [parse_request(f"{each.name}{each.spec}") for each in record.deps]
    return resolve(wanted, index.versions, policy).adapters
