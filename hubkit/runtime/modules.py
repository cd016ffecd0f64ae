"""Adapters as parts of a network: plain modules that hold an adapter's tensors, without hooks or context variables.

They stand where the core has a block or its embeddings, and compute what the hooks would; a network with them can be
exported, saved and compiled like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from hubkit.adapter.sites import Coupling
from hubkit.core.pooling import pool
from hubkit.runtime.forward import BlockState
from hubkit.runtime.operations import couple
from hubkit.runtime.program import Height, Span, Step

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.runtime.hooks import PlacedBlock


class SentenceModel(nn.Module):
    """A network and what follows it: token ids → unit vectors, (optionally) minus a mean and of length 1 again."""

    mean: Tensor | None

    def __init__(self, model: nn.Module, pooling: str, mean: Tensor | None = None) -> None:
        super().__init__()
        self.model = model
        self.pooling = pooling
        self.register_buffer("mean", None if mean is None else mean.detach().clone())

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Vectors (n, hidden), float32, of token ids (n, t) whose mask (n, t) is 1 at real tokens and 0 at padding."""
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        vectors = functional.normalize(pool(hidden, attention_mask, self.pooling).float(), dim=1)
        return vectors if self.mean is None else functional.normalize(vectors - self.mean, dim=1)


class StoredStep(nn.Module):
    """A step of a program with copies of its adapter's tensors as buffers; a fusion holds its branches' steps too."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self._kind: type[Any] = type(step.site)
        self._constants: dict[str, Any] = {}
        for part in fields(step.site):
            value = getattr(step.site, part.name)
            if isinstance(value, torch.Tensor):
                self.register_buffer(part.name, value.detach().clone())
            else:
                self._constants[part.name] = value
        self._factor = step.factor
        self.branches = nn.ModuleList(StoredHeights(branch) for branch in step.branches)

    def step(self) -> Step:
        """The step, with the tensors as they are now."""
        site = self._kind(**self._buffers, **self._constants)
        return Step(site, self._factor, tuple(branch.steps() for branch in self.branches))  # type: ignore[operator]


class StoredHeights(nn.ModuleList):
    """Steps that follow one another, over all rows of any batch."""

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__(StoredStep(step) for step in steps)

    def steps(self) -> tuple[Step, ...]:
        """The steps in order."""
        return tuple(stored.step() for stored in self)  # type: ignore[operator]

    def heights(self) -> tuple[Height, ...]:
        """The same as the heights of a program."""
        return tuple((Span(0, -1, step),) for step in self.steps())


class AdaptedOutput(nn.Module):
    """In place of the module that ends a block with a dense layer, the sum with x and a norm, such as BERT's output."""

    def __init__(self, dense: nn.Module, norm: nn.Module, adapters: StoredHeights) -> None:
        super().__init__()
        self.dense, self.norm, self.adapters = dense, norm, adapters

    def forward(self, hidden_states: Tensor, input_tensor: Tensor) -> Tensor:
        """The block's output (n, t, hidden) from what the dense layer reads and x (n, t, hidden)."""
        hidden = self.dense(hidden_states)
        state = BlockState(hidden + input_tensor, hidden, input_tensor, self.norm)
        return state.run(self.adapters.heights()).normed()


class AdaptedBranch(nn.Module):
    """Around a module that computes h from x, its first argument; the sum and the norm are left to what calls it.

    ``norm`` is the one that follows the sum, where adapters read it.
    """

    def __init__(self, inner: nn.Module, norm: nn.Module | None, adapters: StoredHeights) -> None:
        super().__init__()
        self.inner, self.norm, self.adapters = inner, norm, adapters

    def forward(self, *arguments: Any, **named: Any) -> Any:
        """The inner module's outputs, the first of which is h (n, t, hidden) and what the adapters add."""
        given = arguments[0] if arguments else next(iter(named.values()))
        outputs = self.inner(*arguments, **named)
        hidden = outputs[0] if isinstance(outputs, tuple) else outputs
        state = BlockState(hidden + given, hidden, given, self.norm).run(self.adapters.heights())
        return (state.hidden, *outputs[1:]) if isinstance(outputs, tuple) else state.hidden


class CoupledEmbeddings(nn.Module):
    """Around the embeddings: what they give goes through additive couplings."""

    def __init__(self, inner: nn.Module, adapters: StoredHeights) -> None:
        super().__init__()
        self.inner, self.adapters = inner, adapters

    def forward(self, *arguments: Any, **named: Any) -> Tensor:
        """Embeddings (n, t, hidden)."""
        embeddings: Tensor = self.inner(*arguments, **named)
        for step in self.adapters.steps():
            assert isinstance(step.site, Coupling)
            embeddings = couple(step.site, step.factor, embeddings)
        return embeddings


def adapt_block(model: nn.Module, block: PlacedBlock, steps: Sequence[Step], reads: frozenset[str]) -> None:
    """Put steps into a block of ``model``, whose parts ``block`` names; what bottlenecks read there is in ``reads``."""
    adapters = StoredHeights(steps)
    if _is_ended_by_its_site(model, block):
        assert block.norm is not None
        ended = AdaptedOutput(model.get_submodule(block.dense), block.norm, adapters)
        model.set_submodule(block.site, ended)
        return
    both = zip(block.dense.split("."), block.input.split("."), strict=False)
    path = ".".join(part for part, _ in takewhile(lambda pair: pair[0] == pair[1], both))
    norm = block.norm if "norm" in reads else None
    model.set_submodule(path, AdaptedBranch(model.get_submodule(path), norm, adapters))


def _is_ended_by_its_site(model: nn.Module, block: PlacedBlock) -> bool:
    """Whether the site is the path of a module that holds the block's dense layer and its norm."""
    if block.norm_first or not block.dense.startswith(f"{block.site}."):
        return False
    return any(part is block.norm for part in model.get_submodule(block.site).modules())


def couple_embeddings(model: nn.Module, path: str, steps: Sequence[Step]) -> None:
    """Put couplings behind the embeddings of ``model``."""
    model.set_submodule(path, CoupledEmbeddings(model.get_submodule(path), StoredHeights(steps)))
