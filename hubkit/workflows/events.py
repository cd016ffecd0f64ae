"""What a workflow tells the one who watches it; the command line draws it, a library user may ignore it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hubkit.training.loop import Progress


class Events(Protocol):
    """Receives what happens, in order."""

    def phase(self, title: str) -> None:
        """A new phase begins; the one before is done."""

    def advance(self, what: str, fraction: float) -> None:
        """Progress within the phase, 0 to 1."""

    def training(self, progress: Progress) -> None:
        """Progress of a training run."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def warn(self, text: str) -> None:
        """Something that may limit the result; it is in the report too."""


class Silent:
    """Events that go nowhere."""

    def phase(self, title: str) -> None:
        return

    def advance(self, what: str, fraction: float) -> None:
        return

    def training(self, progress: Progress) -> None:
        return

    def note(self, text: str) -> None:
        return

    def warn(self, text: str) -> None:
        return
