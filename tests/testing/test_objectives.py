"""What is no objective is noticed, and why it is none is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from hubkit.testing import ConformanceError, check_objective
from hubkit.training.objective import Loss


def distance(student: Tensor, teacher: Tensor) -> Tensor:
    return (student - teacher).square().sum(dim=1).mean()


class Good:
    name = "good"

    def __call__(self, student: Tensor, teacher: Tensor, same: Tensor) -> Any:
        return Loss(distance(student, teacher))


class NoName(Good):
    name = ""


class ABareTensor(Good):
    def __call__(self, student, teacher, same):
        return distance(student, teacher)


class Vector(Good):
    def __call__(self, student, teacher, same):
        return Loss((student - teacher).square().sum(dim=1))


class Double(Good):
    def __call__(self, student, teacher, same):
        return Loss(distance(student.double(), teacher.double()))


class Infinite(Good):
    def __call__(self, student, teacher, same):
        return Loss(distance(student, teacher) / (student - teacher).abs().max())


class RootAtZero(Good):
    """Finite, with a gradient that is not where student and teacher are equal."""

    def __call__(self, student, teacher, same):
        return Loss(distance(student, teacher).sqrt())


class NoNegativesLeft(Good):
    """All rows of a batch may have the same English side."""

    def __call__(self, student, teacher, same):
        others = (student @ teacher.T)[~same]
        return Loss(distance(student, teacher) + others.mean())


class Constant(Good):
    def __call__(self, student, teacher, same):
        return Loss(torch.zeros(()))


class Detached(Good):
    def __call__(self, student, teacher, same):
        return Loss(distance(student.detach(), teacher).requires_grad_())


class LogsTensors(Good):
    def __call__(self, student, teacher, same):
        value = distance(student, teacher)
        return Loss(value, {"distance": value.detach()})


class LogsNothing(Good):
    def __call__(self, student, teacher, same):
        return Loss(distance(student, teacher), {"distance": float("nan")})


class InPlace(Good):
    def __call__(self, student, teacher, same):
        teacher += 0.1
        return Loss(distance(student, teacher))


class TrainsTheTeacher(Good):
    def __call__(self, student, teacher, same):
        return Loss(distance(student, teacher.requires_grad_()))


class Projector(Good):
    def __init__(self) -> None:
        self.weight = torch.nn.Parameter(torch.eye(16))

    def __call__(self, student, teacher, same):
        return Loss(distance(student @ self.weight, teacher))


class Unseeded(Good):
    generator = torch.Generator()

    def __call__(self, student, teacher, same):
        return Loss(distance(student, teacher) * (1 + torch.rand((), generator=self.generator)))


class SeedsItself(Good):
    def __call__(self, student, teacher, same):
        torch.manual_seed(0)
        return Loss(distance(functional.dropout(student, 0.1), teacher))


class Upwards(Good):
    def __call__(self, student, teacher, same):
        return Loss(-1 / (1 + distance(student, teacher).detach()) + 0 * student.sum())


@dataclass
class NeedsAnArgument:
    weight: float
    name: str = "needs"

    def __call__(self, student: Tensor, teacher: Tensor, same: Tensor) -> Loss:
        return Loss(self.weight * distance(student, teacher))


def test_a_good_one_is_taken() -> None:
    check_objective(Good)
    check_objective(NeedsAnArgument, weight=0.5)


WRONG = {
    NoName: "name must be a non-empty string",
    ABareTensor: "must return a Loss, not Tensor",
    Vector: "must be a scalar",
    Double: "must be float32",
    Infinite: "the loss is nan",
    RootAtZero: "the gradient is not finite",
    NoNegativesLeft: "the loss is nan",
    Constant: "does not depend on the student",
    Detached: "no gradient reaches the student",
    LogsTensors: "finite number to log",
    LogsNothing: "finite number to log",
    InPlace: "changes its arguments in place",
    TrainsTheTeacher: "the teacher is frozen",
    Projector: r"reaches 1 tensors outside the adapter, the first of shape \[\(16, 16\)\]",
    Unseeded: "the same seed gives",
    SeedsItself: "it seeds torch itself",
    Upwards: "no gradient reaches the adapter",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_one_is_refused(wrong: Any) -> None:
    with pytest.raises(ConformanceError, match=WRONG[wrong]):
        check_objective(wrong)


def test_one_that_cannot_be_made_says_so_itself() -> None:
    with pytest.raises(TypeError, match="weight"):
        check_objective(NeedsAnArgument)


def test_the_run_s_generator_stays_where_it_was() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    check_objective(Good)
    assert torch.equal(torch.get_rng_state(), before)
