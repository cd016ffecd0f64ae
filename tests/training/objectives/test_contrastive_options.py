"""Margin, hard negatives and centring of the contrastive objective, each against a naive loop."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from hubkit.testing import check_objective
from hubkit.training.objective import Batch
from hubkit.training.objectives.contrastive import Contrastive

OPTIONS = [{"margin": 0.3}, {"hard_negatives": 0.5}, {"centred": True},
           {"margin": 0.2, "hard_negatives": 1.0, "centred": True, "temperature": 0.1}]  # fmt: skip


def batch(size: int = 6, seed: int = 0) -> Batch:
    """Rows 0 and 1 have the same English side."""
    generator = torch.Generator().manual_seed(seed)
    student = normalize(torch.randn(size, 8, generator=generator) + 0.5, dim=1).double().requires_grad_()
    teacher = normalize(torch.randn(size, 8, generator=generator) + 0.5, dim=1).double()
    teacher[1] = teacher[0]
    same = torch.eye(size, dtype=torch.bool)
    same[0, 1] = same[1, 0] = True
    return Batch(student, teacher, same)


def naive(given: Batch, temperature=0.02, margin=0.0, hard_negatives=0.0, centred=False) -> torch.Tensor:
    """Row by row, with sums of exponentials as the papers write them."""
    student, teacher, same = given.aligned()
    if centred:
        student, teacher = (normalize(side - side.mean(0), dim=1) for side in (student, teacher))
    cosines, total = student @ teacher.T, 0.0
    for matrix in (cosines, cosines.T):
        for row in range(len(matrix)):
            positive = ((matrix[row, row] - margin) / temperature).exp()
            others = [matrix[row, column] / temperature for column in range(len(matrix)) if not same[row, column]]
            weights = [(hard_negatives * other).exp() for other in others]
            mean = sum(weights) / len(weights)
            negatives = sum(weight / mean * other.exp() for weight, other in zip(weights, others, strict=True))
            total = total - (positive / (positive + negatives)).log() / len(matrix) / 2
    return total


@pytest.mark.parametrize("options", [{}, *OPTIONS])
def test_value_and_gradient_are_those_of_the_naive_loop(options):
    ours, theirs = batch(), batch()
    value, expected = Contrastive(**options)(ours).value, naive(theirs, **options)
    torch.testing.assert_close(value, expected)
    value.backward()
    expected.backward()
    torch.testing.assert_close(ours.student.grad, theirs.student.grad)


def test_the_defaults_are_what_they_were():
    """Bit by bit: the loss of InfoNCE without options."""
    given = batch()
    given = Batch(given.student.detach().float(), given.teacher.float(), given.same)
    student, teacher, same = given.aligned()
    labels = torch.arange(len(student))
    duplicate = same & ~torch.eye(len(student), dtype=torch.bool)
    logits = (student @ teacher.T / 0.02).masked_fill(duplicate, float("-inf"))
    expected = (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2
    assert torch.equal(Contrastive()(given).value, expected)


def test_a_margin_asks_for_more():
    vectors = torch.eye(4)
    same = torch.eye(4, dtype=torch.bool)
    given = Batch(vectors, vectors, same)
    assert float(Contrastive(temperature=1, margin=0.5)(given).value) > float(Contrastive(temperature=1)(given).value)
    expected = math.log(1 + 3 * math.exp(0 - (1 - 0.5)))
    assert float(Contrastive(temperature=1, margin=0.5)(given).value) == pytest.approx(expected)


def test_equal_negatives_weigh_one():
    vectors, same = torch.eye(4), torch.eye(4, dtype=torch.bool)
    given = Batch(vectors, vectors, same)
    hard = Contrastive(temperature=1, hard_negatives=3.0)(given).value
    torch.testing.assert_close(hard, Contrastive(temperature=1)(given).value)


def test_centring_takes_away_what_all_rows_share():
    """An offset of one whole side is nothing to the centred loss; without it, it is most of it."""
    generator = torch.Generator().manual_seed(0)
    teacher = normalize(torch.randn(16, 32, generator=generator), dim=1)
    shift = 5 * normalize(torch.randn(32, generator=generator), dim=0)
    same = torch.eye(16, dtype=torch.bool)
    shifted = Batch(normalize(teacher + shift, dim=1), teacher, same)
    aligned = Batch(teacher, teacher, same)
    for options in ({"temperature": 0.05}, {"temperature": 0.05, "centred": True}):
        gap = float(Contrastive(**options)(shifted).value - Contrastive(**options)(aligned).value)
        assert (gap < 0.05) == ("centred" in options), gap


@pytest.mark.parametrize("options", OPTIONS)
def test_it_passes_the_kit(options):
    check_objective(Contrastive, **options)
