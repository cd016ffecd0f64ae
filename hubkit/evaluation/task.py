"""What a task is: held-out data in some languages, and how a system is measured on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy.typing as npt

if TYPE_CHECKING:
    from hubkit.evaluation.measure import Measure
    from hubkit.languages import Language
    from hubkit.runtime.encoder import Encoder

Encode = Callable[[list[str]], npt.ArrayLike]  # n sentences → vectors (n, d)
Level = Literal["smoke", "standard", "full"]
LEVELS: tuple[Level, ...] = ("smoke", "standard", "full")


@dataclass(frozen=True, slots=True)
class Tested:
    """An encoder under test: ``core``, ``adapter``, or a control.

    ``encode`` is applied to the language that is evaluated, ``english`` to the English side. ``encoder`` is there for
    those that are hubkit's own; a task that looks inside (token vectors, masked pieces) leaves the others out.
    """

    name: str
    description: str
    encode: Encode
    english: Encode
    encoder: Encoder | None = None


@runtime_checkable
class Task(Protocol):
    """Something to measure systems on, registered by the hook ``register_tasks``.

    A :class:`hubkit.evaluation.suite.Suite`, which has parallel sentences only, may be registered as well: it is
    measured by retrieval.
    """

    name: str
    level: Level  # the smallest plan that runs it

    def items(self, language: Language) -> Any | None:
        """The held-out items in ``language``; ``None`` when there are none. Fetches once, then works offline."""
        ...

    def texts(self, items: Any) -> Sequence[str]:
        """Every text of the items, those in English too: what training must not have seen."""
        ...

    def measure(self, items: Any, system: Tested) -> Sequence[Measure]:
        """The metrics of ``system``, or none where it cannot be measured: the first one is the task's main metric."""
        ...
