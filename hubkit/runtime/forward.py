"""One forward pass of a program: what the hooks ask, and how a stack is worked off at a place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from hubkit.adapter.sites import Bottleneck, Coupling, Fusion, LowRank, Scale, Site
from hubkit.runtime.operations import bottleneck, bottleneck_each, couple, fuse, low_rank, low_rank_each, scaled
from hubkit.runtime.program import Height, Program, Step, reads

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCHED = 4  # as many slices as this go through one batched product


class Pass:
    """One forward pass of a program; see :class:`hubkit.runtime.hooks.Acting`.

    ``added_rows`` (n, t, hidden) and ``is_added`` (n, t) hold the embeddings of tokens that adapters add.
    """

    __slots__ = ("_added", "_inputs", "_outputs", "_program")

    def __init__(self, program: Program, added: tuple[Tensor, Tensor] | None = None) -> None:
        self._program = program
        self._added = added
        self._inputs: dict[str, Tensor] = {}
        self._outputs: dict[str, Tensor] = {}

    def at_linear(self, path: str, inputs: Tensor, outputs: Tensor) -> Tensor:
        program = self._program
        for height in program.heights.get(path, ()):
            outputs = _at_linear(height, inputs, outputs)
        if path in program.kept_inputs:
            self._inputs[path] = inputs
        if path in program.kept_outputs:
            self._outputs[path] = outputs
        block = program.first_blocks.get(path)
        if block is None:
            return outputs
        given = self._inputs.pop(block.input)
        state = BlockState(outputs + given, outputs, given, block.norm).run(program.heights[block.site])
        assert state.hidden is not None
        return state.hidden

    def at_norm(self, path: str, inputs: Tensor, outputs: Tensor) -> Tensor:
        program = self._program
        heights = program.heights.get(path)
        if heights is None:
            return outputs
        block = program.placed.blocks[path]
        hidden, residual = self._outputs.pop(block.dense, None), self._inputs.get(block.input)
        return BlockState(inputs, hidden, residual, block.norm, outputs).run(heights).normed()

    def at_embeddings(self, outputs: Tensor) -> Tensor:
        for height in self._program.heights.get(self._program.placed.embeddings, ()):
            outputs = _at_embeddings(height, outputs)
        return outputs

    def at_word_embeddings(self, outputs: Tensor) -> Tensor:
        if self._added is None:
            return outputs
        rows, is_added = self._added
        return torch.where(is_added.unsqueeze(-1), rows, outputs)


class BlockState:
    """The sum z = h + x of a block while its stack is worked off; the norm of z is computed when it is needed."""

    __slots__ = ("_norm", "_normed", "hidden", "residual", "z")

    def __init__(
        self,
        z: Tensor,
        hidden: Tensor | None,
        residual: Tensor | None,
        norm: nn.Module | None,
        normed: Tensor | None = None,
    ) -> None:
        self.z, self.hidden, self.residual = z, hidden, residual
        self._norm, self._normed = norm, normed

    def normed(self) -> Tensor:
        """The norm of z as it is now (z itself where no norm follows)."""
        if self._normed is None:
            # forward() rather than a call: a call would run the very hook that we are in.
            self._normed = self.z if self._norm is None else self._norm.forward(self.z)
        return self._normed

    def run(self, heights: Sequence[Height]) -> BlockState:
        """Work off a stack."""
        for height in heights:
            if _covers_all(height, self.z):
                step = height[0].step
                self.add(_change_of(step, self), step.factor)
            else:
                self.add(_change(height, self))
        return self

    def add(self, change: Tensor, factor: float = 1.0) -> None:
        self.z = torch.add(self.z, change, alpha=factor)
        self.hidden = None if self.hidden is None else torch.add(self.hidden, change, alpha=factor)
        self._normed = None

    def read(self, what: str) -> Tensor:
        value = self.normed() if what == "norm" else self.hidden if what == "hidden" else self.residual
        assert value is not None
        return value

    def rows(self, start: int, stop: int) -> BlockState:
        """The same state for some rows."""
        hidden = None if self.hidden is None else self.hidden[start:stop]
        residual = None if self.residual is None else self.residual[start:stop]
        normed = None if self._normed is None else self._normed[start:stop]
        return BlockState(self.z[start:stop], hidden, residual, self._norm, normed)


def _change(height: Height, state: BlockState) -> Tensor:
    """What one height of the stacks adds to z (n, t, hidden), factors included."""
    if (groups := _equal_groups(height, state.z.shape[0])) is not None and _are_alike(height):
        sites: list[Bottleneck] = [span.step.site for span in height]  # type: ignore[misc]
        read = state.read(sites[0].reads)
        change = bottleneck_each(sites, read.reshape(groups, -1, read.shape[-1])) * _factors(height, read)
        return change.view_as(state.z)
    change = torch.zeros_like(state.z)
    if any(read == "norm" for span in height for read in reads(span.step)):
        state.normed()  # once, over all rows
    for span in height:
        rows = slice(span.start, span.stop)
        torch.mul(_change_of(span.step, state.rows(span.start, span.stop)), span.step.factor, out=change[rows])
    return change


def _change_of(step: Step, state: BlockState) -> Tensor:
    """What one step adds, at factor 1."""
    if isinstance(step.site, Fusion):
        return _fused(step.site, step.branches, state)
    assert isinstance(step.site, Bottleneck)
    return bottleneck(step.site, state.read(step.site.reads))


def _fused(site: Fusion, branches: Sequence[Sequence[Step]], state: BlockState) -> Tensor:
    changes, read = [], state.normed()
    for branch in branches:
        own, total = state.rows(0, state.z.shape[0]), torch.zeros_like(state.z)
        for inner in branch:
            assert isinstance(inner.site, Bottleneck)
            read = state.read(inner.site.reads)
            change = _change_of(inner, own)
            own.add(change, inner.factor)
            total = torch.add(total, change, alpha=inner.factor)
        changes.append(total)
    return fuse(site, read, torch.stack(changes, dim=-2))


def _at_linear(height: Height, inputs: Tensor, outputs: Tensor) -> Tensor:
    if _covers_all(height, outputs):
        return _linear_of(height[0].step, inputs, outputs)
    if (groups := _equal_groups(height, outputs.shape[0])) is not None and _are_alike(height):
        sites = [span.step.site for span in height]
        given, made = inputs.reshape(groups, -1, inputs.shape[-1]), outputs.reshape(groups, -1, outputs.shape[-1])
        return low_rank_each(sites, _factors(height, outputs), given, made).view_as(outputs)  # type: ignore[arg-type]
    changed = outputs.clone()
    for span in height:
        rows = slice(span.start, span.stop)
        changed[rows] = _linear_of(span.step, inputs[rows], outputs[rows])
    return changed


def _linear_of(step: Step, inputs: Tensor, outputs: Tensor) -> Tensor:
    if isinstance(step.site, Scale):
        return scaled(step.site, step.factor, outputs)
    assert isinstance(step.site, LowRank)
    return low_rank(step.site, step.factor, inputs, outputs)


def _at_embeddings(height: Height, embeddings: Tensor) -> Tensor:
    if _covers_all(height, embeddings):
        return _coupled(height[0].step, embeddings)
    changed = embeddings.clone()
    for span in height:
        rows = slice(span.start, span.stop)
        changed[rows] = _coupled(span.step, embeddings[rows])
    return changed


def _coupled(step: Step, embeddings: Tensor) -> Tensor:
    assert isinstance(step.site, Coupling)
    return couple(step.site, step.factor, embeddings)


def _covers_all(height: Height, batch: Tensor) -> bool:
    """Whether the first span is the whole batch (−1: whatever its size)."""
    return height[0].stop == -1 or (height[0].start == 0 and height[0].stop == batch.shape[0])


def _equal_groups(height: Height, rows: int) -> int | None:
    """How many spans of equal size cover the whole batch; None when they do not, or are few."""
    size = height[0].stop - height[0].start
    if len(height) < BATCHED or size * len(height) != rows:
        return None
    return len(height) if all(span.stop - span.start == size for span in height) else None


def _are_alike(height: Height) -> bool:
    """Whether all spans have sites of one kind and shape."""
    return len({_shape(span.step.site) for span in height}) == 1 and _shape(height[0].step.site) is not None


def _shape(site: Site) -> tuple[object, ...] | None:
    if isinstance(site, Bottleneck):
        return Bottleneck, site.down.shape, site.activation, site.reads
    return (LowRank, site.down.shape) if isinstance(site, LowRank) else None


def _factors(height: Height, like: Tensor) -> Tensor:
    return like.new_tensor([span.step.factor for span in height]).view(-1, 1, 1)
