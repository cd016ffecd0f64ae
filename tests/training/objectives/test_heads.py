"""Objectives with a linear head: their loss is the naive one, labels out of range are named, the head learns."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from hubkit.errors import HubkitError, UsageError
from hubkit.training.objective import UNLABELLED, Batch, HasHead, Setup
from hubkit.training.objectives.classification import Classification
from hubkit.training.objectives.pair import Pair, features
from hubkit.training.objectives.regression import Regression
from hubkit.training.objectives.similarity import Similarity
from hubkit.training.objectives.token_classification import TokenClassification

WIDTH = 8
SETUP = Setup(labels=("a", "b", "c"))
MADE = [Classification, Pair, Regression, TokenClassification]


def batch(make: type, rows: int = 12, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(rows, 4, WIDTH, generator=generator).requires_grad_()
    labels = torch.arange(rows) % 3
    if make is TokenClassification:
        labels = torch.randint(3, (rows, 4), generator=generator)
        labels[:, 0] = labels[2:5, 1] = UNLABELLED
    if make is Regression:
        labels = torch.randn(rows, generator=generator)
    other = normalize(torch.randn(rows, WIDTH, generator=generator), dim=1)
    return Batch(normalize(hidden.mean(1), dim=1), teacher=other, hidden=hidden, labels=labels)


def ready(make: type, seed: int = 0, **options):
    objective = make(**options)
    torch.manual_seed(seed)
    objective.head(WIDTH, SETUP)
    return objective


def naive(objective, given: Batch) -> torch.Tensor:
    """One example at a time."""
    weight, bias = objective._head.weight, objective._head.bias
    losses = []
    for row, label in enumerate(given.labels):
        u, v = given.student[row], given.teacher[row]
        if isinstance(objective, TokenClassification):
            for token, tag in enumerate(label):
                if tag != UNLABELLED:
                    losses.append(-(weight @ given.hidden[row, token] + bias).log_softmax(0)[tag])
        elif isinstance(objective, Regression):
            losses.append((objective.scale * u @ weight[0] + bias[0] - label) ** 2)
        else:
            inputs = torch.cat([u, v, (u - v).abs(), u * v]) if isinstance(objective, Pair) else u
            losses.append(-(weight @ (objective.scale * inputs) + bias).log_softmax(0)[label])
    return torch.stack(losses).mean()


@pytest.mark.parametrize("make", MADE)
def test_value_and_gradient_are_the_naive_ones(make):
    objective, ours, theirs = ready(make), batch(make), batch(make)
    assert isinstance(objective, HasHead)
    value = objective(ours).value
    value.backward()
    gradients = [parameter.grad.clone() for parameter in objective._head.parameters()]
    objective._head.zero_grad()
    expected = naive(objective, theirs)
    torch.testing.assert_close(value, expected)
    expected.backward()
    torch.testing.assert_close(ours.hidden.grad, theirs.hidden.grad)
    for gradient, parameter in zip(gradients, objective._head.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad)


@pytest.mark.parametrize("make", MADE)
def test_the_seed_decides_the_head(make):
    first, again, other = ready(make), ready(make), ready(make, seed=1)
    assert torch.equal(first(batch(make)).value, again(batch(make)).value)
    assert not torch.equal(first._head.weight, other._head.weight)


@pytest.mark.parametrize("make", MADE)
def test_the_head_learns(make):
    objective = ready(make)
    optimiser = torch.optim.Adam(objective._head.parameters(), lr=0.05)
    curve = []
    for _ in range(200):
        loss = objective(batch(make))
        optimiser.zero_grad()
        loss.value.backward()
        optimiser.step()
        curve.append(float(loss.value.detach()))
    assert curve[-1] < 0.85 * curve[0]
    assert all(isinstance(value, float) for value in loss.logged.values())


@pytest.mark.parametrize("make", MADE)
def test_a_loaded_head_takes_effect(make):
    objective, other = ready(make), ready(make, seed=1)
    other._head.load_state_dict(objective._head.state_dict())
    assert torch.equal(objective(batch(make)).value, other(batch(make)).value)


@pytest.mark.parametrize("make", MADE)
def test_without_a_head_it_says_so(make):
    with pytest.raises(HubkitError, match="has no head yet"):
        make()(batch(make))


@pytest.mark.parametrize("make", [Classification, Pair, TokenClassification])
def test_labels_out_of_range_are_named(make):
    given = batch(make)
    for label in (3, -7):
        given.labels[-1, ...] = label
        with pytest.raises(UsageError, match=f"has 3 classes and got the label {label}"):
            ready(make)(given)


@pytest.mark.parametrize("make", [Classification, Pair, TokenClassification])
def test_one_class_is_none(make):
    with pytest.raises(UsageError, match="has 1 classes: a"):
        make().head(WIDTH, Setup(labels=("a",)))


def test_a_batch_without_a_label():
    given = batch(TokenClassification)
    given.labels[:] = UNLABELLED
    loss = ready(TokenClassification)(given)
    assert loss.value.item() == 0
    loss.value.backward()
    assert float(given.hidden.grad.abs().sum()) == 0


def test_smoothing():
    given, objective = batch(Classification), ready(Classification, smoothing=0.2)
    logits = objective._head(20 * given.student)
    torch.testing.assert_close(objective(given).value, cross_entropy(logits, given.labels, label_smoothing=0.2))


def test_features_of_equal_sentences():
    u = normalize(torch.ones(1, 4), dim=1)
    assert features(u, u).tolist() == [[0.5] * 4 + [0.5] * 4 + [0.0] * 4 + [0.25] * 4]


def test_similarity():
    u = torch.eye(4)
    given = Batch(u, teacher=u[[0, 1, 3, 2]], labels=torch.tensor([5.0, 0, 0, 2.5]))
    loss = Similarity(highest=5)(given)
    assert float(loss.value) == pytest.approx((0 + 1 + 0 + 0.25) / 4)
    assert loss.logged["absolute error"] == pytest.approx((1 + 0.5) / 4)
    with pytest.raises(UsageError, match=r"outside 0.0 … 1.0: they go from 0 to 5"):
        Similarity()(given)
    with pytest.raises(UsageError, match="lowest must be below highest"):
        Similarity(lowest=1)
    with pytest.raises(UsageError, match="needs a second sentence"):
        Similarity()(Batch(u, labels=torch.zeros(4)))
