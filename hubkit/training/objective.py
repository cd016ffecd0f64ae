"""What a training objective is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(slots=True)
class Loss:
    """A scalar to minimise, and scalars to log."""

    value: Tensor
    logged: Mapping[str, float] = field(default_factory=dict)


class Objective(Protocol):
    """Pulls the adapted core's vectors of sentences towards the frozen core's vectors of their English sides."""

    @property
    def name(self) -> str:
        """What it is registered as."""
        ...

    def __call__(self, student: Tensor, teacher: Tensor, same: Tensor) -> Loss:
        """Loss of unit vectors ``student`` (b, h) for frozen unit vectors ``teacher`` (b, h).

        ``same`` (b, b) is true where two rows have the same English side; its diagonal is true.
        """
        ...
