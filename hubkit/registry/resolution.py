"""What the resolver is told and what it answers: a policy, a resolution, rejections, or an error with all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubkit.errors import NotFoundError

if TYPE_CHECKING:
    from hubkit.registry.record import Record

Versions = Callable[[str], Sequence["Record"]]
"""Name → its records, newest first."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A version that was not chosen, and why."""

    name: str
    version: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} {self.reason}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be chosen. ``locked``: name → version to keep where it fits, and that may be yanked.

    ``core`` is the fingerprint that every adapter must be made for. ``unusable`` says for a record why it cannot be
    used here (its files are not in the cache, for one), or nothing. ``any_hubkit`` lets those for another hubkit pass.
    """

    core: str
    locked: Mapping[str, str] = field(default_factory=dict)
    prereleases: bool = False
    unusable: Callable[[Record], str | None] | None = None
    any_hubkit: bool = False


class ResolutionError(NotFoundError):
    """Nothing fits; ``rejected`` has every version that was looked at."""

    def __init__(self, what: str, fix: str, rejected: Sequence[Rejection] = ()) -> None:
        super().__init__(what, fix)
        self.rejected = tuple(rejected)


@dataclass(frozen=True, slots=True)
class Resolution:
    """One version of everything needed, dependencies before what is stacked on them, and what was rejected."""

    adapters: tuple[Record, ...]
    rejected: tuple[Rejection, ...]
