"""What a training objective is, and the batch that it sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

Data = Literal["pairs", "text", "labelled", "tagged", "scored"]
"""What an objective learns from; an objective says it in its class attribute ``data``."""
UNLABELLED = -100  # where there is no label


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


@dataclass(frozen=True, slots=True)
class Setup:
    """What a head, and a step of preparation, may need of the core and of the training data."""

    labels: tuple[str, ...] = ()  # names of the classes or tags in the order of their numbers; "labelled", "tagged"
    pieces: Tensor | None = None  # (p,) ids of the pieces that occur in the training text, ascending; "text"
    embeddings: Tensor | None = None  # (v, h) the core's input embeddings, added tokens' rows included; "text"
    mask: int | None = None  # id of the mask token; "text"
    special: tuple[int, ...] = ()  # ids that are no text: never masked, never guessed


@runtime_checkable
class HasHead(Protocol):
    """An objective with parameters of its own, which training learns and keeps in its checkpoint.

    The adapter does not take them along: what an adapter gives are vectors.
    """

    def head(self, hidden_size: int, setup: Setup) -> nn.Module:
        """Build the head, remember it and return it; called once, before the first batch, with torch seeded.

        Every later loss goes through this module, so that loading its state and moving it take effect.
        Raises :class:`UsageError` when ``setup`` lacks what it needs.
        """
        ...


@runtime_checkable
class Prepares(Protocol):
    """An objective that changes the tokens before the network sees them; called after :meth:`HasHead.head`."""

    def prepare(self, input_ids: Tensor, attention_mask: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Token ids and mask (b, t) → ids for the network and labels, both (b, t); the arguments stay as they are.

        ``generator`` is on the CPU and alone decides what is drawn, so that a resumed run draws the same.
        """
        ...
