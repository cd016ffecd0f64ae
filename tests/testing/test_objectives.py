"""What is no objective is noticed, and why it is none is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from hubkit.errors import UsageError
from hubkit.testing import ConformanceError, check_objective
from hubkit.training.objective import Batch, Loss, Setup


def distance(student: Tensor, teacher: Tensor) -> Tensor:
    return (student - teacher).square().sum(dim=1).mean()


class Good:
    name = "good"

    def __call__(self, batch: Batch) -> Any:
        student, teacher, _ = batch.aligned()
        return Loss(distance(student, teacher))


class NoName(Good):
    name = ""


class ABareTensor(Good):
    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        return distance(student, teacher)


class Vector(Good):
    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        return Loss((student - teacher).square().sum(dim=1))


class Double(Good):
    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        return Loss(distance(student.double(), teacher.double()))


class Infinite(Good):
    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        return Loss(distance(student, teacher) / (student - teacher).abs().max())


class RootAtZero(Good):
    """Finite, with a gradient that is not where student and teacher are equal."""

    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        return Loss(distance(student, teacher).sqrt())


class NoNegativesLeft(Good):
    """All rows of a batch may have the same English side."""

    def __call__(self, batch):
        student, teacher, same = batch.aligned()
        others = (student @ teacher.T)[~same]
        return Loss(distance(student, teacher) + others.mean())


class Constant(Good):
    def __call__(self, batch):
        return Loss(torch.zeros(()))


class Detached(Good):
    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        return Loss(distance(student.detach(), teacher).requires_grad_())


class LogsTensors(Good):
    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        value = distance(student, teacher)
        return Loss(value, {"distance": value.detach()})


class LogsNothing(Good):
    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        return Loss(distance(student, teacher), {"distance": float("nan")})


class InPlace(Good):
    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        teacher += 0.1
        return Loss(distance(student, teacher))


class TrainsTheTeacher(Good):
    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        return Loss(distance(student, teacher.requires_grad_()))


class Projector(Good):
    def __init__(self) -> None:
        self.weight = torch.nn.Parameter(torch.eye(16))

    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        return Loss(distance(student @ self.weight, teacher))


class Unseeded(Good):
    generator = torch.Generator()

    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        return Loss(distance(student, teacher) * (1 + torch.rand((), generator=self.generator)))


class SeedsItself(Good):
    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        torch.manual_seed(0)
        return Loss(distance(functional.dropout(student, 0.1), teacher))


class Upwards(Good):
    def __call__(self, batch):
        student, teacher, _ = batch.aligned()
        return Loss(-1 / (1 + distance(student, teacher).detach()) + 0 * student.sum())


class WrongData(Good):
    data = "sentences"


class OfWords:
    """Guesses the label of each token by its nearest of fixed vectors."""

    name = "words"
    data = "tagged"
    targets = torch.randn(40, 16, generator=torch.Generator().manual_seed(0))

    def __call__(self, batch: Batch) -> Any:
        assert batch.hidden is not None and batch.labels is not None
        return Loss(functional.cross_entropy((batch.hidden @ self.targets.T).flatten(0, 1), batch.labels.flatten()))


class OfText(OfWords):
    """Guesses the tokens that it hides."""

    data = "text"

    def prepare(self, input_ids: Tensor, attention_mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        hidden = (torch.rand(input_ids.shape, generator=generator) < 0.5) & (attention_mask == 1)
        return input_ids.masked_fill(hidden, 3), input_ids.masked_fill(~hidden, -100)


class WithAHead(OfWords):
    """Learns what the labels are like; the head begins at zero."""

    def head(self, hidden_size: int, setup: Setup) -> torch.nn.Module:
        self.layer = torch.nn.Linear(hidden_size, len(setup.labels))
        torch.nn.init.zeros_(self.layer.weight)
        return self.layer

    def __call__(self, batch: Batch) -> Any:
        assert batch.hidden is not None and batch.labels is not None
        return Loss(functional.cross_entropy(self.layer(batch.hidden).flatten(0, 1), batch.labels.flatten()))


class AnotherHead(WithAHead):
    """The one that it returns is not the one that it uses."""

    def head(self, hidden_size, setup):
        super().head(hidden_size, setup)
        return torch.nn.Linear(hidden_size, 1)


class HidesInPlace(OfText):
    def prepare(self, input_ids, attention_mask, generator):
        input_ids[:, 0] = 3
        return super().prepare(input_ids, attention_mask, generator)


class HidesByTorchsChance(OfText):
    def prepare(self, input_ids, attention_mask, generator):
        return super().prepare(input_ids, attention_mask, torch.default_generator)


class GuessesPadding(OfText):
    def prepare(self, input_ids, attention_mask, generator):
        return input_ids, input_ids.clone()


class LabelsOfAnotherShape(OfText):
    def prepare(self, input_ids, attention_mask, generator):
        return input_ids, input_ids[:, 0]


class OfClasses(OfWords):
    data = "labelled"

    def __call__(self, batch):
        return Loss(functional.cross_entropy(batch.student @ self.targets[:3].T, batch.labels))


class OfScores(OfWords):
    data = "scored"

    def __call__(self, batch):
        cosine = (batch.student * batch.teacher).sum(dim=1)
        return Loss(functional.mse_loss(cosine, batch.labels), {"mean": float(cosine.detach().mean())})


class RowByRow(OfWords):
    """The mean of the rows' means: a row may be without a label."""

    def __call__(self, batch):
        scores = (batch.hidden @ self.targets.T).transpose(1, 2)
        of_token = functional.cross_entropy(scores, batch.labels, reduction="none")
        labelled = batch.labels >= 0
        return Loss(((of_token * labelled).sum(dim=1) / labelled.sum(dim=1)).mean())


class Correlated(OfScores):
    """All scores may be equal."""

    def __call__(self, batch):
        cosine = (batch.student * batch.teacher).sum(dim=1)
        return Loss(-torch.corrcoef(torch.stack([cosine, batch.labels]))[0, 1])


class TakesLabels(OfClasses):
    def __call__(self, batch):
        batch.labels[0] = 0
        return super().__call__(batch)


class TrainsScores(OfScores):
    def __call__(self, batch):
        batch.labels.requires_grad_()
        return super().__call__(batch)


class NotItsData(OfWords):
    """Its batches have no English."""

    def __call__(self, batch):
        return Loss(distance(*batch.aligned()[:2]))


@dataclass
class NeedsAnArgument:
    weight: float
    name: str = "needs"

    def __call__(self, batch: Batch) -> Loss:
        student, teacher, _ = batch.aligned()
        return Loss(self.weight * distance(student, teacher))


def test_a_good_one_is_taken() -> None:
    check_objective(Good)
    check_objective(NeedsAnArgument, weight=0.5)


@pytest.mark.parametrize("good", [OfWords, OfText, OfClasses, OfScores, WithAHead])
def test_a_good_one_of_other_data_is_taken(good: Any) -> None:
    check_objective(good)


def test_one_that_asks_for_what_its_data_has_not_says_so_itself() -> None:
    with pytest.raises(UsageError, match="compares sentences with their English"):
        check_objective(NotItsData)


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
    InPlace: "changes its batch in place",
    TrainsTheTeacher: "the teacher is frozen",
    Projector: r"reaches 1 tensors outside the adapter, the first of shape \[\(16, 16\)\]",
    Unseeded: "the same seed gives",
    SeedsItself: "it seeds torch itself",
    Upwards: "no gradient reaches the adapter",
    WrongData: "data is one of pairs, text, labelled, tagged, scored, not 'sentences'",
    RowByRow: "with a row without a label: the loss is nan",
    Correlated: "with equal scores: the loss is nan",
    TakesLabels: "changes its batch in place",
    TrainsScores: "labels is given",
    AnotherHead: "tensors outside the adapter",
    HidesInPlace: "prepare changes its arguments in place",
    HidesByTorchsChance: "draws from torch's own generator",
    GuessesPadding: "labels padding",
    LabelsOfAnotherShape: "of the shape",
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
