"""What a control is made from, and how one that is made is handed to the tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from hubkit.composition.member import Member
from hubkit.composition.recipe import Stack
from hubkit.errors import HubkitError
from hubkit.evaluation.task import Encode, Tested

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.adapter.store import Adapter
    from hubkit.corpora.source import Pair, Source
    from hubkit.languages import Language
    from hubkit.runtime.encoder import Encoder
    from hubkit.training.loop import Observer
    from hubkit.training.recipe import Recipe
    from hubkit.training.targets import Targets

PairsByTag = Mapping[str, Sequence["Pair"]]


class Notes(Protocol):
    """Who is told what is worth a line; the events of a workflow are one."""

    def note(self, text: str) -> None:
        """Something worth a line."""


class NotHadError(HubkitError):
    """A control that cannot be had here; the text is the reason that the report shows."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A control that was asked for and cannot be had, and why."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ControlContext:
    """What controls are made from.

    ``encoder`` is the frozen core's, ``adapter`` the one under test. ``recipe``, ``targets``, ``steps`` (those that the
    adapter had), ``seed`` and ``pairs`` (its training pairs by tag, or what gives them) are what training had;
    ``sources`` are those that it asked; ``under`` is what the adapter is stacked on, in pinned versions that the
    encoder's bank has or finds. A control that needs what is not there is unavailable.
    """

    language: Language
    adapter: Adapter
    encoder: Encoder
    recipe: Recipe | None = None
    targets: Targets | None = None
    steps: int = 0
    seed: int = 0
    pairs: PairsByTag | Callable[[], PairsByTag] | None = None
    sources: Sequence[Source] = ()
    under: Stack | None = None
    observe: Observer | None = None
    events: Notes | None = None

    def note(self, text: str) -> None:
        """Tell who watches."""
        if self.events is not None:
            self.events.note(text)

    def budget(self) -> tuple[Recipe, Targets]:
        """What trained controls have in common with the adapter. Raises :class:`NotHadError` when it is not known."""
        if self.recipe is None or self.targets is None or self.steps < 1:
            raise NotHadError("how the adapter was trained is not known, so nothing of equal budget can be")
        return self.recipe, self.targets

    def training_pairs(self) -> PairsByTag:
        """The adapter's training pairs by tag. Raises :class:`NotHadError` when there are none."""
        found = self.pairs() if callable(self.pairs) else self.pairs
        if not found or not any(found.values()):
            raise NotHadError("the adapter's training text is not here")
        if not all(hasattr(one, "english") for some in found.values() for one in some[:1]):
            raise NotHadError("the adapter was not trained on sentence pairs")
        return found

    def acting(self, adapter: Adapter, role: str) -> Encoder:
        """An encoder with an adapter that is not installed, over what the one under test is stacked on.

        Adapters of different roles can be used at the same time.
        """
        if self.under is None:
            return self.encoder.adapted(adapter)
        key = f"{adapter.name} {role} control"
        self.encoder.bank.add(adapter, key)
        return self.encoder.with_recipe(Stack(*self.under.parts, Member(key)))


def tested(context: ControlContext, name: str, description: str, encoder: Encoder) -> Tested:
    """A system of hubkit's own; its English side is the frozen core's."""
    return Tested(name, description, encode_with(encoder), encode_with(context.encoder), encoder)


def encode_with(encoder: Encoder) -> Encode:
    """The encoder as a plain function of sentences, without a progress bar."""

    def encode(texts: list[str]) -> NDArray[Any]:
        vectors: NDArray[Any] = encoder.encode(texts, show_progress_bar=False)
        return vectors

    return encode
