"""What a source of parallel text is, and the sentence pairs it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from hubkit.languages import Language

Domain = Literal["interface", "lexicon", "prose", "mixed"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence (or term) in a language with its English translation."""

    text: str
    english: str
    source: str  # name of the source: "mediawiki"
    key: str  # where in the source: "extensions/Cite:cite-error"
    license: str  # SPDX-like: "GPL-2.0-or-later"


@runtime_checkable
class Source(Protocol):
    """A source of parallel text, registered by the hook ``register_sources``."""

    name: str
    license: str
    domain: Domain
    origin: str  # what it is fetched from: "Debian package mediawiki"

    def pairs(self, language: Language) -> list[Pair]:
        """All pairs of ``language``, uncleaned; ``[]`` when there are none. Fetches once, then works offline."""
        ...


class SourceUnavailable(HubkitError):  # noqa: N818 - what it is, not that it is an error
    """A source cannot be fetched here: its client is missing, the network is away, or the registry refused."""
