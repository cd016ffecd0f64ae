"""The contrastive objective on vectors whose loss is known."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import normalize

from hubkit.training.objective import Batch
from hubkit.training.objectives.contrastive import Contrastive

NOTHING_SHARED = torch.eye(4, dtype=torch.bool)


def test_orthogonal_pairs_have_almost_no_loss():
    vectors = torch.eye(4)
    assert float(Contrastive()(Batch(vectors, vectors, NOTHING_SHARED)).value) < 1e-6


def test_equal_vectors_have_the_loss_of_chance():
    vectors = normalize(torch.ones(4, 8), dim=-1)
    assert float(Contrastive()(Batch(vectors, vectors, NOTHING_SHARED)).value) == torch.tensor(math.log(4)).item()


def test_rows_with_the_same_english_are_no_negatives():
    vectors = torch.eye(4)[[0, 0, 2, 3]]
    same = NOTHING_SHARED.clone()
    same[0, 1] = same[1, 0] = True
    objective = Contrastive()
    assert float(objective(Batch(vectors, vectors, same)).value) < 1e-6
    assert float(objective(Batch(vectors, vectors, NOTHING_SHARED)).value) > 0.3


def test_the_gradient_reaches_the_student_and_pulls_it_to_its_teacher():
    torch.manual_seed(0)
    student = normalize(torch.randn(4, 8), dim=-1).requires_grad_()
    teacher = normalize(torch.randn(4, 8), dim=-1)
    before = (student * teacher).sum(-1).mean()
    Contrastive()(Batch(student, teacher, NOTHING_SHARED)).value.backward()
    assert student.grad is not None
    moved = normalize(student - 0.01 * student.grad, dim=-1)
    assert (moved * teacher).sum(-1).mean() > before
