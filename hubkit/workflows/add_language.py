"""``hubkit add-language``: from nothing to an evaluated, documented, installed adapter for one language."""

from __future__ import annotations

from collections.abc import Sequence

from hubkit.training.config import DEFAULT_BUDGET
from hubkit.workflows.events import Events
from hubkit.workflows.train import Outcome, train
from hubkit.workflows.work import Request

__all__ = ["DEFAULT_BUDGET", "Outcome", "Request", "add_language"]


def add_language(request: Request, events: Events | None = None, track: Sequence[str] = ()) -> Outcome:
    """Train, evaluate and install an adapter for a language. Interrupted, the same request goes on where it stopped.

    ``track`` names experiment trackers. Raises the :class:`hubkit.errors.HubkitError` of the part that failed; nothing
    is installed then.
    """
    return train(request.config(), events, track=track)
