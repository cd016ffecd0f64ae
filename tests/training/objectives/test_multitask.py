from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from hubkit.errors import HubkitError, UsageError
from hubkit.testing import registering
from hubkit.training.objective import Batch, Setup
from hubkit.training.objectives.classification import Classification
from hubkit.training.objectives.contrastive import Contrastive
from hubkit.training.objectives.distillation import Distillation
from hubkit.training.objectives.mlm import Mlm
from hubkit.training.objectives.multitask import Multitask


@pytest.fixture(autouse=True)
def registered():
    made = {"distillation": Distillation, "mlm": Mlm, "classification": Classification}
    from contextlib import ExitStack

    from hubkit.plugins import registered as known

    with ExitStack() as stack:
        for name, target in made.items():
            if name not in known("objectives"):
                stack.enter_context(registering("objectives", name, target))
        yield


def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    student, teacher = (normalize(torch.randn(6, 8, generator=generator), dim=1) for _ in range(2))
    return Batch(student.requires_grad_(), teacher, torch.eye(6, dtype=torch.bool), labels=torch.arange(6) % 2)


TWO = [{"objective": "contrastive", "parameters": {"temperature": 0.1}, "weight": 2.0}, {"objective": "distillation"}]


def test_a_weighted_sum():
    loss = Multitask(TWO)(batch())
    first, second = Contrastive(0.1)(batch()), Distillation()(batch())
    torch.testing.assert_close(loss.value, 2 * first.value + second.value)
    assert loss.logged["0.contrastive"] == pytest.approx(first.value.item())
    assert loss.logged["1.distillation cosine"] == second.logged["cosine"]
    assert Multitask().data == "pairs"


def test_learnt_weights_begin_as_the_given_ones_and_move_apart():
    objective = Multitask(TWO, weighting="uncertainty")
    head = objective.head(8, Setup())
    assert [name for name, _ in head.named_parameters()] == ["spread"]
    torch.testing.assert_close(objective(batch()).value, Multitask(TWO)(batch()).value)
    with torch.no_grad():
        head.spread.copy_(torch.tensor([1.0, -0.5]))
    loss = objective(batch())
    first, second = 2 * Contrastive(0.1)(batch()).value, Distillation()(batch()).value
    expected = first * torch.tensor(-1.0).exp() + 0.5 + second * torch.tensor(0.5).exp() - 0.25
    torch.testing.assert_close(loss.value, expected)
    assert loss.logged["1.spread"] == -0.5
    loss.value.backward()  # d/ds = −exp(−s) L + 1/2
    torch.testing.assert_close(head.spread.grad[0], (0.5 - first * torch.tensor(-1.0).exp()).detach())


def test_learnt_weights_settle_where_the_losses_are():
    """At the best s, exp(s) = 2 L: the larger loss counts less."""
    objective = Multitask(TWO, weighting="uncertainty")
    head = objective.head(8, Setup())
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(400):
        optimiser.zero_grad()
        objective(batch()).value.backward()
        optimiser.step()
    values = torch.stack([2 * Contrastive(0.1)(batch()).value, Distillation()(batch()).value])
    torch.testing.assert_close(head.spread.exp(), 2 * values, rtol=0.01, atol=0)


def test_heads_are_kept_together():
    objective = Multitask([{"objective": "classification"}, {"objective": "classification", "weight": 3}])
    torch.manual_seed(0)
    head = objective.head(8, Setup(labels=("a", "b")))
    assert sorted(head.state_dict()) == ["0.bias", "0.weight", "1.bias", "1.weight"]
    assert objective.data == "labelled"
    objective(batch()).value.backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in head.parameters())


def test_without_its_head_it_says_so():
    with pytest.raises(HubkitError, match="multitask has no head yet"):
        Multitask(TWO, weighting="uncertainty")(batch())


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "has no objectives"),
        ([{"objective": "contrastive"}, {"objective": "classification"}], "need labelled and pairs"),
        ([{"objective": "mlm"}], "mlm changes the tokens"),
        ([{"parameters": {}}], "names no objective"),
        ([{"objective": "contrastive", "factor": 2}], "has factor"),
        ([{"objective": "contrastive", "weight": 0}], "the weight 0"),
    ],
)
def test_what_cannot_be(entries, message):
    with pytest.raises(UsageError, match=message):
        Multitask(entries)


def test_an_unknown_weighting():
    with pytest.raises(UsageError, match="no weighting 'learnt'"):
        Multitask(weighting="learnt")  # type: ignore[arg-type]
