from __future__ import annotations

import pytest
import torch
from torch.nn.functional import mse_loss, normalize

from hubkit.errors import UsageError
from hubkit.testing import check_objective
from hubkit.training.objective import Batch
from hubkit.training.objectives.distillation import Distillation


def vectors(seed: int) -> torch.Tensor:
    return normalize(torch.randn(5, 8, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_it_is_the_mean_squared_error_and_the_cosine():
    student, teacher = vectors(0), vectors(1)
    loss = Distillation()(Batch(student, teacher, torch.eye(5, dtype=torch.bool)))
    cosine = float((student * teacher).sum(1).mean())
    torch.testing.assert_close(loss.value, 8 * mse_loss(student, teacher))
    assert float(loss.value) == pytest.approx(2 * (1 - cosine), rel=1e-5)
    assert loss.logged["cosine"] == pytest.approx(cosine)


def test_nothing_is_left_of_the_loss_when_it_is_reached():
    given = Batch(vectors(0), vectors(0), torch.eye(5, dtype=torch.bool))
    assert float(Distillation()(given).value) == 0


def test_centred_it_does_not_see_an_offset():
    teacher = vectors(0)
    shifted = normalize(teacher + 10, dim=1)
    given = Batch(shifted, teacher, torch.eye(5, dtype=torch.bool))
    assert float(Distillation()(given).value) > 1
    assert float(Distillation(centred=True)(given).value) < 0.1 * float(Distillation()(given).value)


def test_it_needs_english():
    with pytest.raises(UsageError, match="compares sentences with their English"):
        Distillation()(Batch(vectors(0)))


@pytest.mark.parametrize("centred", [False, True])
def test_it_passes_the_kit(centred):
    check_objective(Distillation, centred=centred)
