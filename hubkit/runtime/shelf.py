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
        self._free: list[tuple[int, int]] = []
        self._next_block = 0

    def put(self, tensors: Mapping[str, Tensor]) -> tuple[tuple[int, int], dict[str, Tensor]]:
        """Copy the tensors into a free slot; return the slot and views by key."""
        if not self._free:
            self._blocks[self._next_block] = torch.empty((SLOTS, self.numel), device=self._device, dtype=self._dtype)
            self._free = [(self._next_block, slot) for slot in reversed(range(SLOTS))]
            self._next_block += 1
        block, slot = place = self._free.pop()
        row, views, position = self._blocks[block][slot], {}, 0
        for key, shape in self.layout:
            size = math.prod(shape)
            views[key] = row[position : position + size].view(shape)
            views[key].copy_(tensors[key])
            position += size
        return place, views

    def free(self, place: tuple[int, int]) -> None:
        """Give a slot back; a block without adapters gives its memory back."""
        self._free.append(place)
        of_block = [free for free in self._free if free[0] == place[0]]
        if len(of_block) == SLOTS:
            del self._blocks[place[0]]
            self._free = [free for free in self._free if free[0] != place[0]]
