"""What training relies on in an objective: a finite scalar, a gradient for the adapter alone, the seed's word."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from hubkit.testing.error import require, require_text
from hubkit.testing.objective_batches import KINDS, Example, Small, examples, prepared, rows_of, small
from hubkit.training.objective import UNLABELLED, Batch, Data, Loss, Objective, Prepares

if TYPE_CHECKING:
    from torch import Tensor

Make = Callable[..., Objective]
_STEPS = 40
_OURS = {"student", "hidden"}  # the fields of a batch that carry a gradient


def check_objective(objective: Make, **parameters: Any) -> None:
    """Check a class with the protocol :class:`hubkit.training.objective.Objective`, made with ``parameters``.

    Its attribute ``data`` says what its batches are made of: ``pairs`` (the default), ``text``, ``labelled``,
    ``tagged`` or ``scored``. On batches of several sizes, with equal rows and with what else may happen to such data:
    the loss is a finite float32 scalar, its gradient is finite, what is logged is finite numbers, and the batch stays
    as it was. The gradient reaches the adapter of a small network, and the objective's own head where it has one, and
    nothing else; the same seed gives the same loss; a few steps lower it. What :meth:`prepare` draws is its
    generator's alone. Raises :class:`hubkit.testing.ConformanceError`.
    """
    made = objective(**parameters)
    require_text(getattr(made, "name", None), "an objective's name")
    data: Data = getattr(made, "data", "pairs")
    require(data in KINDS, f"{made.name}: its data is one of {', '.join(KINDS)}, not {data!r}")
    small(made, data)  # builds its head, if it has one
    _check_preparation(made, data)
    for example in examples(made, data):
        _check_loss(made, example)
    _check_gradient(small(objective(**parameters), data))
    _check_seed(lambda: objective(**parameters), data)
    _check_descent(small(objective(**parameters), data))


def _check_preparation(made: Objective, data: Data) -> None:
    import torch

    if not isinstance(made, Prepares):
        return
    given = rows_of(data, 8, torch.Generator().manual_seed(0))
    ids, mask, state = given.input_ids.clone(), given.attention_mask.clone(), torch.get_rng_state()
    drawn = [prepared(made, given, torch.Generator().manual_seed(0)) for _ in range(2)]
    labels = drawn[0].labels
    kept = torch.equal(ids, given.input_ids) and torch.equal(mask, given.attention_mask)
    require(kept, f"{made.name}: prepare changes its arguments in place")
    require(torch.equal(state, torch.get_rng_state()), f"{made.name}: prepare draws from torch's own generator")
    require(
        isinstance(labels, torch.Tensor) and labels.shape == drawn[0].input_ids.shape == ids.shape,
        f"{made.name}: prepare must give ids and labels of the shape {tuple(ids.shape)}",
    )
    assert labels is not None and drawn[1].labels is not None
    again = torch.equal(drawn[0].input_ids, drawn[1].input_ids) and torch.equal(labels, drawn[1].labels)
    require(again, f"{made.name}: prepare gives something else with the same generator")
    require(bool((labels[mask == 0] == UNLABELLED).all()), f"{made.name}: prepare labels padding")


def _check_loss(made: Objective, example: Example) -> None:
    import torch

    batch = _copied(example.batch)
    loss = made(batch)
    where = f"{made.name}, with {example.name}"
    require(isinstance(loss, Loss), f"{where}: it must return a Loss, not {type(loss).__name__}")
    value = loss.value
    require(isinstance(value, torch.Tensor), f"{where}: the loss must be a tensor, not {type(value).__name__}")
    require(value.ndim == 0, f"{where}: the loss must be a scalar, it has shape {tuple(value.shape)}")
    require(value.dtype == torch.float32, f"{where}: the loss must be float32 as the vectors are, not {value.dtype}")
    require(math.isfinite(value.item()), f"{where}: the loss is {value.item()}")
    require(value.requires_grad, f"{where}: the loss does not depend on the student's vectors")
    for key, logged in loss.logged.items():
        require_text(key, f"{where}: the name of what is logged")
        number = isinstance(logged, (int, float)) and math.isfinite(logged)
        require(number, f"{where}: {key!r} must be a finite number to log, not {logged!r}")
    value.backward()  # type: ignore[no-untyped-call]
    _check_gradients_of(batch, where)
    _check_unchanged(batch, example.batch, where)


def _copied(batch: Batch) -> Batch:
    """The same numbers in other tensors, of which the student's take a gradient."""
    tensors: dict[str, Any] = {name: value.clone() for name, value in _tensors(batch).items()}
    for name in tensors.keys() & _OURS:
        tensors[name].requires_grad_()
    return replace(batch, **tensors)


def _tensors(batch: Batch) -> dict[str, Tensor]:
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return {name: value for name, value in values.items() if value is not None and name != "languages"}


def _check_gradients_of(batch: Batch, where: str) -> None:
    import torch

    gradients = [value.grad for name, value in _tensors(batch).items() if name in _OURS and value.grad is not None]
    require(gradients, f"{where}: no gradient reaches the student's vectors")
    require(all(bool(torch.isfinite(each).all()) for each in gradients), f"{where}: the gradient is not finite")


def _check_unchanged(batch: Batch, before: Batch, where: str) -> None:
    import torch

    given = {name: value for name, value in _tensors(batch).items() if name not in _OURS}
    taking = [name for name, value in given.items() if value.requires_grad or value.grad is not None]
    require("teacher" not in taking, f"{where}: the teacher is frozen, it takes no gradient")
    require(not taking, f"{where}: {', '.join(taking)} is given, it takes no gradient")
    kept = all(torch.equal(value.detach(), getattr(before, name)) for name, value in _tensors(batch).items())
    require(kept, f"{where}: it changes its batch in place")


def _check_gradient(network: Small) -> None:
    import torch

    name, own = network.made.name, network.parameters()
    value = network.value()
    strangers = [leaf for leaf in _leaves(value) if not any(leaf is parameter for parameter in own)]
    require(
        not strangers,
        f"{name}: the gradient reaches {len(strangers)} tensors outside the adapter, the first of shape "
        f"{[tuple(leaf.shape) for leaf in strangers[:1]]}; nothing trains or stores them",
    )
    value.backward()  # type: ignore[no-untyped-call]
    if network.head:  # one that begins at zero passes nothing on before its first step
        torch.optim.Adam(network.head, lr=0.05).step()
        network.value().backward()  # type: ignore[no-untyped-call]
    for what, parameters in (("adapter", list(network.adapter.parameters())), ("head", network.head)):
        reached = all(each.grad is not None and bool(each.grad.abs().max() > 0) for each in parameters)
        require(reached, f"{name}: no gradient reaches the {what}")


def _leaves(value: Tensor) -> list[Tensor]:
    """The tensors that backward would give a gradient."""
    found, seen, left = [], set(), [value.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if (leaf := getattr(node, "variable", None)) is not None:
            found.append(leaf)
        left += [parent for parent, _ in node.next_functions]
    return found


def _check_seed(make: Callable[[], Objective], data: Data) -> None:
    import torch

    values, states = [], []
    with torch.random.fork_rng(devices=[]):
        for seed in (1, 1, 2):
            network = small(make(), data)
            torch.manual_seed(seed)
            values.append(network.value().detach())
            states.append(torch.get_rng_state())
    name = network.made.name
    require(torch.equal(values[0], values[1]), f"{name}: the same seed gives {values[0]} and then {values[1]}")
    require(not torch.equal(states[0], states[2]), f"{name}: it seeds torch itself, which is the run's to do")


def _check_descent(network: Small) -> None:
    """Adam lowers the loss of the small network, taken over the first and the last five steps."""
    import torch

    curve: list[float] = []
    optimiser = torch.optim.Adam(network.parameters(), lr=0.05)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(_STEPS):
            value = network.value()
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            curve.append(float(value.detach()))
    first, last = sum(curve[:5]) / 5, sum(curve[-5:]) / 5
    require(last < first, f"{network.made.name}: {_STEPS} steps of Adam take the loss from {first:.4g} to {last:.4g}")
