"""The two objectives, as hubkit meets them, and on vectors whose loss is known."""

from __future__ import annotations

from typing import Any

import pytest
from hubkit.errors import UsageError
from hubkit.testing import check_objective, check_plugin
from hubkit.training.objective import Batch

from hubkit_vicreg import BarlowTwins, Vicreg

BOTH = pytest.mark.parametrize("objective", [Vicreg, BarlowTwins], ids=lambda objective: objective().name)


def rows(count: int, width: int = 8, seed: int = 0, offset: float = 0.0) -> Any:
    """Unit vectors (count, width), around a common direction where there is an offset."""
    import torch

    vectors = torch.randn(count, width, generator=torch.Generator().manual_seed(seed))
    vectors[:, 0] += offset
    return torch.nn.functional.normalize(vectors, dim=1)


def batch(student: Any, teacher: Any) -> Batch:
    import torch

    return Batch(student, teacher, torch.eye(len(student), dtype=torch.bool))


def test_the_plugin_loads() -> None:
    check_plugin("vicreg")


@BOTH
@pytest.mark.parametrize("reference", ["teacher", "isotropic"])
def test_it_is_an_objective(objective: Any, reference: str) -> None:
    check_objective(objective, reference=reference)


def test_every_term_is_an_objective_of_its_own() -> None:
    check_objective(Vicreg, variance=0.0, covariance=0.0)
    check_objective(Vicreg, invariance=1.0, variance=1.0, covariance=0.04)
    check_objective(BarlowTwins, redundancy=0.1, offset=0.0)


@BOTH
def test_a_student_that_equals_its_teacher_loses_nothing(objective: Any) -> None:
    vectors = rows(32, offset=1.0)
    assert float(objective()(batch(vectors, vectors)).value) == pytest.approx(0.0, abs=1e-3)
    assert float(objective(reference="isotropic")(batch(vectors, vectors)).value) > 1e-4


@BOTH
def test_an_offset_that_all_sentences_share_costs(objective: Any) -> None:
    teacher = rows(64)
    import torch

    shifted = torch.nn.functional.normalize(teacher + torch.eye(8)[0], dim=1)
    logged = objective()(batch(shifted, teacher)).logged
    assert logged["lacking spread" if objective is Vicreg else "offset"] > 0.05
    without = objective()(batch(teacher, teacher)).logged
    assert without["lacking spread" if objective is Vicreg else "offset"] == pytest.approx(0.0, abs=1e-6)


def test_the_variance_term_takes_rows_apart() -> None:
    """Nothing else is asked for: a step against the gradient makes the students less alike."""
    import torch

    student, teacher = rows(16, offset=4.0).requires_grad_(), rows(16, seed=1)
    Vicreg(invariance=0.0, covariance=0.0)(batch(student, teacher)).value.backward()  # type: ignore[no-untyped-call]
    moved = torch.nn.functional.normalize(student - 0.1 * student.grad, dim=1).detach()
    assert float((moved @ moved.T).mean()) < float((student @ student.T).mean().detach())


def test_on_the_sphere_the_deviation_is_one_only_without_a_mean() -> None:
    centred, shifted = rows(4096, width=32), rows(4096, width=32, offset=8.0)
    spread = [Vicreg(reference="isotropic")(batch(each, each)).logged["lacking spread"] for each in (centred, shifted)]
    assert spread[0] < 0.02
    assert spread[1] > 0.3


def test_distance_is_that_of_cosines() -> None:
    student, teacher = rows(16), rows(16, seed=1)
    cosine = float((student * teacher).sum(dim=1).mean())
    assert Vicreg()(batch(student, teacher)).logged["distance"] == pytest.approx(2 * (1 - cosine), abs=1e-5)


def test_barlow_twins_is_the_paper_s_where_it_is_asked_to_be() -> None:
    """Zbontar et al. 2021, algorithm 1, divided by the width."""
    import torch

    student, teacher = rows(64, seed=2), rows(64, seed=3)
    ours, theirs = ((each - each.mean(0)) / each.std(0, correction=0) for each in (student, teacher))
    difference = (ours.T @ theirs / 64 - torch.eye(8)).pow(2)
    difference[~torch.eye(8, dtype=torch.bool)] *= 5e-3
    value = BarlowTwins(reference="isotropic", offset=0.0)(batch(student, teacher)).value
    assert float(value) == pytest.approx(float(difference.sum()) / 8, rel=1e-2)


def test_vicreg_is_the_paper_s_where_it_is_asked_to_be() -> None:
    """Bardes et al. 2022, algorithm 1, of the student's branch."""
    import torch

    student, teacher = rows(64, seed=2), rows(64, seed=3)
    scaled, other = student * 8**0.5, teacher * 8**0.5
    spread = torch.relu(1 - torch.sqrt(scaled.var(dim=0) + 1e-4)).mean()
    centred = scaled - scaled.mean(dim=0)
    covariance = centred.T @ centred / 63
    covariance[torch.eye(8, dtype=torch.bool)] = 0
    expected = 25 * (scaled - other).pow(2).mean() + 25 * spread + covariance.pow(2).sum() / 8
    assert float(Vicreg(reference="isotropic")(batch(student, teacher)).value) == pytest.approx(float(expected))


@BOTH
def test_it_needs_english_sides(objective: Any) -> None:
    with pytest.raises(UsageError, match="compares sentences with their English"):
        objective()(Batch(rows(4)))


@BOTH
def test_another_reference_is_refused(objective: Any) -> None:
    with pytest.raises(UsageError, match="Known: teacher, isotropic"):
        objective(reference="students")
