"""Masking and the restricted softmax, against what BERT's recipe and the full softmax say."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from hubkit.errors import HubkitError, UsageError
from hubkit.training.objective import UNLABELLED, Batch, HasHead, Prepares, Setup
from hubkit.training.objectives.mlm import Mlm

WORDS, WIDTH, MASK = 50, 8, 49
SPECIAL = (0, 1, 2, 3)
PIECES = torch.arange(4, 40, 2)  # the language has the even ones


def setup(**changes) -> Setup:
    embeddings = torch.randn(WORDS, WIDTH, generator=torch.Generator().manual_seed(0))
    return Setup(**{"pieces": PIECES, "embeddings": embeddings, "mask": MASK, "special": SPECIAL, **changes})


def ready(**options) -> Mlm:
    torch.manual_seed(0)
    objective = Mlm(**options)
    objective.head(WIDTH, setup())
    return objective


def text(rows: int = 400, length: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Pieces of the language between <s> and </s>, then padding."""
    generator = torch.Generator().manual_seed(1)
    ids = PIECES[torch.randint(len(PIECES), (rows, length), generator=generator)]
    mask = torch.ones_like(ids)
    ids[:, 0], ids[:, length - 1] = 0, 2
    ids[::2, 12:], mask[::2, 12:] = 1, 0
    ids[::2, 11] = 2
    return ids, mask


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_it_has_a_head_and_prepares():
    assert isinstance(Mlm(), HasHead) and isinstance(Mlm(), Prepares)
    assert Mlm.data == "text"


def test_shares_are_those_of_bert():
    ids, mask = text()
    before = ids.clone()
    seen, labels = ready().prepare(ids, mask, drawn())
    assert torch.equal(ids, before)
    chosen = labels != UNLABELLED
    assert torch.equal(labels[chosen], ids[chosen])
    assert chosen.sum(1)[0] == round(0.15 * 10) and chosen.sum(1)[1] == round(0.15 * 18)
    assert not (chosen & ((ids < 4) | (mask == 0))).any()
    assert torch.equal(seen[~chosen], ids[~chosen])
    masked = (seen[chosen] == MASK).float().mean()
    kept = (seen[chosen] == ids[chosen]).float().mean()
    replaced = seen[chosen][(seen[chosen] != MASK) & (seen[chosen] != ids[chosen])]
    assert float(masked) == pytest.approx(0.8, abs=0.03)
    assert float(kept) == pytest.approx(0.1 + 0.1 / len(PIECES), abs=0.03)
    assert set(replaced.tolist()) <= set(PIECES.tolist())
    assert len(set(replaced.tolist())) > 10


def test_every_sentence_has_one_at_least():
    ids = torch.tensor([[0, 4, 2, 1], [0, 2, 1, 1]])
    _, labels = ready().prepare(ids, (ids != 1).long(), drawn())
    assert (labels != UNLABELLED).sum(1).tolist() == [1, 0]


def test_what_is_masked_off_is_left():
    ids = PIECES[:8].repeat(50, 1)
    mask = torch.ones_like(ids)
    mask[:, 4:] = 0
    _, labels = ready(share=0.9).prepare(ids, mask, drawn())
    assert (labels[:, :4] != UNLABELLED).all()
    assert (labels[:, 4:] == UNLABELLED).all()


def test_the_generator_alone_decides():
    ids, mask = text()
    objective = ready()
    torch.manual_seed(5)
    first = objective.prepare(ids, mask, drawn(3))
    torch.manual_seed(6)
    again, other = objective.prepare(ids, mask, drawn(3)), objective.prepare(ids, mask, drawn(4))
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first[1], other[1])


def test_pieces_that_are_not_the_languages_are_neither_chosen_nor_put_in():
    ids = torch.tensor([[0, 5, 7, 9, 11, 13, 2]])
    seen, labels = ready().prepare(ids, torch.ones_like(ids), drawn())
    assert torch.equal(seen, ids)
    assert (labels == UNLABELLED).all()


def test_special_tokens_among_the_pieces_are_left_out():
    objective = Mlm()
    head = objective.head(WIDTH, setup(pieces=torch.tensor([2, 0, 8, 4, 4, MASK])))
    assert head.pieces.tolist() == [4, 8]


def batch_of(labels: torch.Tensor) -> Batch:
    hidden = torch.randn(*labels.shape, WIDTH, generator=drawn(7)).requires_grad_()
    return Batch(student=hidden.mean(1), hidden=hidden, labels=labels)


def test_the_loss_is_the_full_softmax_restricted_to_the_pieces():
    """Scores over the whole vocabulary, those of other pieces minus infinity: same value, same gradients."""
    labels = torch.full((3, 5), UNLABELLED)
    labels[0, 1], labels[1, 3], labels[2, 2] = 4, 38, 10
    objective, ours, theirs = ready(), batch_of(labels), batch_of(labels)
    head = objective._head
    torch.nn.init.normal_(head.bias)
    torch.nn.init.normal_(head.dense.weight)
    value = objective(ours).value
    whole = torch.full((3, 5, WORDS), float("-inf"))
    scores = head.norm(head.dense(theirs.hidden)) @ setup().embeddings.T
    whole[..., PIECES] = scores[..., PIECES] + head.bias
    expected = cross_entropy(whole.flatten(0, 1), labels.flatten(), ignore_index=UNLABELLED)
    torch.testing.assert_close(value, expected)
    value.backward()
    gradients = [parameter.grad.clone() for parameter in head.parameters()]
    head.zero_grad()
    expected.backward()
    torch.testing.assert_close(ours.hidden.grad, theirs.hidden.grad)
    for ours_grad, parameter in zip(gradients, head.parameters(), strict=True):
        torch.testing.assert_close(ours_grad, parameter.grad)


def test_the_head_begins_as_the_tied_embeddings_and_does_not_learn_them():
    objective = ready()
    names = dict(objective._head.named_parameters())
    assert set(names) == {"dense.weight", "dense.bias", "norm.weight", "norm.bias", "bias"}
    assert "rows" not in objective._head.state_dict()
    hidden = torch.randn(4, WIDTH)
    normed = torch.nn.functional.layer_norm(hidden, (WIDTH,))
    torch.testing.assert_close(objective._head(hidden), normed @ setup().embeddings[PIECES].T)


def test_training_the_head_lowers_the_loss():
    labels = torch.full((8, 6), UNLABELLED)
    labels[:, 2] = PIECES[torch.arange(8) % 3]
    objective, given = ready(), batch_of(labels)
    optimiser = torch.optim.Adam(objective._head.parameters(), lr=0.05)
    curve = []
    for _ in range(60):
        loss = objective(given)
        optimiser.zero_grad()
        loss.value.backward()
        optimiser.step()
        curve.append(float(loss.value.detach()))
    assert curve[-1] < 0.3 * curve[0]
    assert loss.logged["accuracy"] == 1


def test_nothing_chosen_is_no_loss():
    given = batch_of(torch.full((2, 3), UNLABELLED))
    loss = ready()(given)
    assert float(loss.value.detach()) == 0
    loss.value.backward()
    assert float(given.hidden.grad.abs().sum()) == 0


def test_what_is_missing_is_named():
    with pytest.raises(UsageError, match="no mask token"):
        Mlm().head(WIDTH, setup(mask=None))
    with pytest.raises(UsageError, match="needs the pieces of the training text"):
        Mlm().head(WIDTH, setup(pieces=None))
    with pytest.raises(HubkitError, match="mlm has no head yet"):
        Mlm().prepare(*text(2), drawn())
    with pytest.raises(UsageError, match="masked text"):
        ready()(Batch(torch.zeros(2, WIDTH)))


@pytest.mark.parametrize("options", [{"share": 0}, {"share": 1.5}, {"masked": 0.9, "replaced": 0.2}, {"masked": -0.1}])
def test_shares_that_cannot_be(options):
    with pytest.raises(UsageError, match="masked and replaced together"):
        Mlm(**options)
