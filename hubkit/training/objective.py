"""What a training objective is, and the batch that it sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step sees: b sentences of t tokens, hidden size h.

    ``student`` and ``hidden`` are what the network in training makes of them and carry its gradient; everything else is
    given. What the objective's data does not have is ``None``.
    """

    student: Tensor  # (b, h), unit sentence vectors
    teacher: Tensor | None = None  # (b, h), the frozen core's unit vectors of the English sides
    same: Tensor | None = None  # (b, b), true where two rows have the same English side; its diagonal is true
    hidden: Tensor | None = None  # (b, t, h), token vectors of the last layer
    input_ids: Tensor | None = None  # (b, t)
    attention_mask: Tensor | None = None  # (b, t)
    labels: Tensor | None = None  # (b,) class numbers or scores, or (b, t) with -100 where there is no label
    languages: tuple[str, ...] = ()  # BCP-47 tag of each row

    def aligned(self) -> tuple[Tensor, Tensor, Tensor]:
        """``student``, ``teacher`` and ``same``. Raises :class:`UsageError` when the data has no English sides."""
        if self.teacher is None or self.same is None:
            raise UsageError("This objective compares sentences with their English.", "Give sentence pairs.")
        return self.student, self.teacher, self.same


@dataclass(slots=True)
class Loss:
    """A scalar to minimise, and scalars to log."""

    value: Tensor
    logged: Mapping[str, float] = field(default_factory=dict)


class Objective(Protocol):
    """What training minimises; its fields are the recipe's ``objective_parameters``."""

    @property
    def name(self) -> str:
        """What it is registered as."""
        ...

    def __call__(self, batch: Batch) -> Loss:
        """The loss of a batch; an objective of sentence pairs finds ``teacher`` and ``same`` there."""
        ...
