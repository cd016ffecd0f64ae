"""Several objectives at once, on one kind of data: a weighted sum, or weights that are learnt.

Learnt weights: Kendall, Gal & Cipolla 2018, "Multi-Task Learning Using Uncertainty to Weigh Losses", arXiv 1705.07115.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hubkit.errors import UsageError
from hubkit.training.objective import Batch, Data, HasHead, Loss, Objective, Prepares, Setup
from hubkit.training.objectives.heads import built, needed

if TYPE_CHECKING:
    from torch import Tensor, nn

DEFAULT: tuple[Mapping[str, Any], ...] = ({"objective": "contrastive"}, {"objective": "distillation"})
_KEYS = {"objective", "parameters", "weight"}


@dataclass(slots=True)
class Multitask:
    """The sum of ``objectives``, each ``{"objective": NAME, "parameters": {…}, "weight": 1}``.

    With ``weighting`` "uncertainty" each loss L becomes exp(−s) L + s / 2, where s is learnt and begins at 0: losses
    that stay large count less. All objectives need the same kind of data and see the same batch.
    """

    objectives: Sequence[Mapping[str, Any]] = DEFAULT
    weighting: Literal["fixed", "uncertainty"] = "fixed"
    name: str = "multitask"
    _made: tuple[Objective, ...] = field(default=(), init=False, repr=False, compare=False)
    _head: nn.ModuleList | None = field(default=None, init=False, repr=False, compare=False)
    _spread: nn.Parameter | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.weighting not in ("fixed", "uncertainty"):
            raise UsageError(f"There is no weighting {self.weighting!r}.", "Choose fixed or uncertainty.")
        self._made = tuple(_made(entry) for entry in self.objectives)
        if not self._made:
            raise UsageError(
                "multitask has no objectives.", 'Give some: {"objectives": [{"objective": "contrastive"}]}.'
            )
        if len(kinds := sorted({_data(each) for each in self._made})) > 1:
            raise UsageError(
                f"multitask sees one batch, and its objectives need {' and '.join(kinds)}.",
                "Put those of other data beside it in the recipe.",
            )
        if prepare := [each.name for each in self._made if isinstance(each, Prepares)]:
            raise UsageError(
                f"{prepare[0]} changes the tokens, and multitask sees one batch.", "Put it beside others in the recipe."
            )

    @property
    def data(self) -> Data:
        """The kind of data that all of them need."""
        return _data(self._made[0])

    @property
    def weights(self) -> tuple[float, ...]:
        """Factor of each loss as given."""
        return tuple(float(entry.get("weight", 1.0)) for entry in self.objectives)

    def head(self, hidden_size: int, setup: Setup) -> nn.Module:
        """The heads of those that have one, and with "uncertainty" the learnt spreads s."""
        import torch
        from torch import nn

        heads = [each.head(hidden_size, setup) for each in self._made if isinstance(each, HasHead)]
        self._head = nn.ModuleList(heads)
        if self.weighting == "uncertainty":
            self._spread = nn.Parameter(torch.zeros(len(self._made)))
            self._head.register_parameter("spread", self._spread)
        return self._head

    def __call__(self, batch: Batch) -> Loss:
        """The loss of a batch; each objective's own is logged under its name."""
        found = [each(batch) for each in self._made]
        logged = {
            f"{place}.{each.name}{key}": value
            for place, (each, loss) in enumerate(zip(self._made, found, strict=True))
            for key, value in {"": float(loss.value.detach()), **{f" {k}": v for k, v in loss.logged.items()}}.items()
        }
        values = [weight * loss.value for weight, loss in zip(self.weights, found, strict=True)]
        if self.weighting == "fixed":
            return Loss(_sum(values), logged)
        built(self._head, self.name)
        spread = needed(self._spread, self.name, "learnt weights")
        logged |= {f"{place}.spread": float(one) for place, one in enumerate(spread.detach())}
        return Loss(_sum([(-s).exp() * value + s / 2 for s, value in zip(spread, values, strict=True)]), logged)


def _sum(values: Sequence[Tensor]) -> Tensor:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _data(objective: Objective) -> Data:
    data: Data = getattr(objective, "data", "pairs")
    return data


def _made(entry: Mapping[str, Any]) -> Objective:
    from hubkit.plugins import load_registered

    if "objective" not in entry or (unknown := set(entry) - _KEYS):
        what = f"has {', '.join(sorted(unknown))}" if "objective" in entry else "names no objective"
        raise UsageError(f"An entry of multitask {what}: {dict(entry)}.", f"It has {', '.join(sorted(_KEYS))}.")
    if float(entry.get("weight", 1.0)) <= 0:
        raise UsageError(f"multitask gives {entry['objective']} the weight {entry['weight']}.", "A weight is above 0.")
    made: Objective = load_registered("objectives", entry["objective"])(**entry.get("parameters", {}))
    return made
