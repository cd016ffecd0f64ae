"""What objectives with a head share: it is built once, before the first batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.errors import HubkitError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.training.objective import Setup


def built(head: Any, name: str) -> Any:
    """The head. Raises :class:`HubkitError` when it was not built."""
    if head is None:
        raise HubkitError(
            f"The objective {name} has no head yet.", "Call head(hidden_size, setup) before the first batch."
        )
    return head


def needed(value: Tensor | None, name: str, what: str) -> Tensor:
    """A field of the batch. Raises :class:`UsageError` when the data does not have it."""
    if value is None:
        raise UsageError(f"The objective {name} needs {what}, which this data does not have.", "Give other data.")
    return value


def class_names(setup: Setup, name: str) -> tuple[str, ...]:
    """The classes. Raises :class:`UsageError` for fewer than two, of which nothing can be learnt."""
    if len(setup.labels) < 2:
        raise UsageError(
            f"The objective {name} has {len(setup.labels)} classes: {', '.join(setup.labels) or 'none'}.",
            "Give examples of two classes or more.",
        )
    return setup.labels


def check_range(labels: Tensor, classes: int, name: str) -> None:
    """Raise :class:`UsageError` for a label that is no number of a class."""
    least, most = int(labels.min()), int(labels.max())
    if least < 0 or most >= classes:
        raise UsageError(
            f"The objective {name} has {classes} classes and got the label {least if least < 0 else most}.",
            f"Labels are numbers from 0 to {classes - 1}, in the order of the names that the head was built with.",
        )
