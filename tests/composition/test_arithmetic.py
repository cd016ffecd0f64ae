"""The arithmetic on tensors, by hand and against PEFT's functions."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hubkit.composition.arithmetic import dropped, low_rank, ties, trimmed, weighted_sum


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_trimming_keeps_the_largest() -> None:
    tensor = torch.tensor([[3.0, -4.0], [1.0, 2.0]])
    assert trimmed(tensor, 0.5).tolist() == [[3, -4], [0, 0]]
    assert trimmed(tensor, 1).equal(tensor)
    assert trimmed(tensor, 0.01).tolist() == [[0, -4], [0, 0]]


def test_ties_by_hand() -> None:
    first = torch.tensor([1.0, 1.0, 1.0, 0.0, 1.0, -2.0])
    second = torch.tensor([3.0, -3.0, -1.0, 2.0, 0.0, -4.0])
    assert ties([first, second], [1, 1]).tolist() == [2, -3, 0, 2, 1, -3]
    assert ties([first, second], [3, 1]).tolist() == [1.5, 0, 1, 2, 1, -2.5]
    assert ties([first, second], [0.3, 0.1]).tolist() == pytest.approx([1.5, 0, 1, 2, 1, -2.5])


@pytest.mark.parametrize("density", [0.1, 0.5, 1.0])
def test_ties_is_that_of_peft_at_equal_weights(density: float) -> None:
    merge_utils = pytest.importorskip("peft.utils.merge_utils")
    tensors = [noise(6, 7, seed=seed) for seed in range(3)]
    theirs = merge_utils.ties(tensors, torch.ones(3, dtype=torch.float64), density)
    assert ties([trimmed(tensor, density) for tensor in tensors], [1, 1, 1]).allclose(theirs)


def test_dropping_keeps_the_expectation() -> None:
    tensor = noise(20, 20)
    drawn = [dropped(tensor, 0.25, str(key)) for key in range(400)]
    assert all(set(torch.unique(one / tensor).round(decimals=6).tolist()) == {0.0, 4.0} for one in drawn[:5])
    assert (torch.stack(drawn).mean(0) - tensor).norm() < 0.15 * tensor.norm()
    assert dropped(tensor, 0.25, "1").equal(drawn[1]) and not drawn[1].equal(drawn[2])
    assert dropped(tensor, 1, "1").equal(tensor)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_low_rank_is_the_truncated_svd(rows: int, columns: int, rank: int, seed: int) -> None:
    matrix = noise(rows, columns, seed=seed)
    up, down = low_rank(matrix, rank)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    values[rank:] = 0
    assert (up @ down).allclose(left @ values.diag() @ right, atol=1e-6)
    assert up.shape[1] == down.shape[0] == min(rank, rows, columns)


def test_low_rank_finds_the_rank() -> None:
    matrix = noise(8, 2) @ noise(2, 5, seed=1)
    up, down = low_rank(matrix, 5)
    assert up.shape == (8, 2) and (up @ down).allclose(matrix, atol=1e-6)
    assert low_rank(torch.zeros(3, 4), 2)[0].shape == (3, 0)


def test_weighted_sum_leaves_its_inputs() -> None:
    tensor = torch.ones(2)
    assert weighted_sum([tensor, tensor], [0.5, 2]).tolist() == [2.5, 2.5]
    assert tensor.tolist() == [1, 1]
