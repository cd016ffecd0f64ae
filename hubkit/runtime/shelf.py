"""Preallocated memory for adapters of one layout: a slot holds all tensors of one adapter, in one piece."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

SLOTS = 32  # slots of a block; memory that no adapter was written to yet costs nothing
Layout = tuple[tuple[str, tuple[int, ...]], ...]
"""Key and shape of each tensor, in the order in which they lie."""


def layout_of(tensors: Mapping[str, Tensor]) -> Layout:
    """The layout of these tensors."""
    return tuple((key, tuple(tensor.shape)) for key, tensor in tensors.items())


class Shelf:
    """Blocks of ``SLOTS`` slots of one layout. Not thread-safe: its bank holds a lock."""

    def __init__(self, layout: Layout, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self.layout = layout
        self.numel = sum(math.prod(shape) for _, shape in layout)
        self._device, self._dtype = device, dtype
        self._blocks: dict[int, Tensor] = {}
        self._free: dict[int, list[int]] = {}  # block → slots, for blocks that have free ones
        self._next_block = 0

    def put(self, tensors: Mapping[str, Tensor]) -> tuple[tuple[int, int], dict[str, Tensor]]:
        """Copy the tensors into a free slot; return the slot and views by key."""
        if not self._free:
            self._blocks[self._next_block] = torch.empty((SLOTS, self.numel), device=self._device, dtype=self._dtype)
            self._free[self._next_block] = list(reversed(range(SLOTS)))
            self._next_block += 1
        block = next(iter(self._free))
        slot = self._free[block].pop()
        if not self._free[block]:
            del self._free[block]
        row, views, position = self._blocks[block][slot], {}, 0
        for key, shape in self.layout:
            size = math.prod(shape)
            views[key] = row[position : position + size].view(shape)
            views[key].copy_(tensors[key])
            position += size
        return (block, slot), views

    def free(self, place: tuple[int, int]) -> None:
        """Give a slot back; a block without adapters gives its memory back."""
        block, slot = place
        free = self._free.setdefault(block, [])
        free.append(slot)
        if len(free) == SLOTS:
            del self._blocks[block], self._free[block]
