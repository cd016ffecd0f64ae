"""Draws that every resampled statistic of one set of items shares: how often each item is drawn, which are swapped.

The same seed, keys and number of resamples give the same draws, so that what is computed from them for two systems is
paired.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from hubkit.evaluation.intervals import PSEUDO_ITEMS

Weights = npt.NDArray[np.float64]
CHUNK = 1_000  # resamples that are held at a time
_NUMBERS = 2_000_000  # that are held at a time


def chunk_sizes(resamples: int, width: int = 1) -> list[int]:
    """``resamples`` in parts of at most :data:`CHUNK`, fewer where each is ``width`` numbers and these are many."""
    most = max(1, min(CHUNK, _NUMBERS // width))
    return [min(most, resamples - start) for start in range(0, resamples, most)]


def item_weights(keys: int, seed: int, resamples: int, groups: int = 0) -> Iterator[Weights]:
    """Chunks (size, keys + 2 · groups): how often each item is drawn when ``keys`` are drawn with replacement.

    Each group adds two pseudo-items, which are drawn :data:`PSEUDO_ITEMS` as often as an item.
    """
    rng = np.random.default_rng(seed)
    width, mass = keys + 2 * groups, keys + 2 * groups * PSEUDO_ITEMS
    for size in chunk_sizes(resamples, keys):
        points = rng.random((size, keys)) * mass
        pseudo = keys + (points - keys) / PSEUDO_ITEMS
        drawn = np.where(points < keys, points, pseudo).astype(np.int64).clip(0, width - 1)
        drawn += width * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * width).reshape(size, width).astype(np.float64)


def item_swaps(keys: int, seed: int, resamples: int) -> Iterator[Weights]:
    """Chunks (size, keys): 1 where an item's two systems are swapped, else 0; each with chance ½."""
    rng = np.random.default_rng(seed)
    for size in chunk_sizes(resamples, keys):
        yield rng.integers(0, 2, size=(size, keys)).astype(np.float64)
