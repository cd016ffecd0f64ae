"""What training relies on in an objective: a finite scalar, a gradient for the adapter alone, the seed's word."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.testing.error import require, require_text
from hubkit.training.objective import Loss, Objective

if TYPE_CHECKING:
    from torch import Tensor

Make = Callable[..., Objective]
_WIDTH, _STEPS = 16, 40


class _Batch(NamedTuple):
    """Unit vectors (b, h) twice and which rows have the same English side (b, b)."""

    name: str
    student: Tensor
    teacher: Tensor
    same: Tensor


def check_objective(objective: Make, **parameters: Any) -> None:
    """Check a class with the protocol :class:`hubkit.training.objective.Objective`, made with ``parameters``.

    On batches of several sizes, with repeated English sides, with equal rows and with a student that has reached its
    teacher: the loss is a finite float32 scalar, its gradient is finite, what is logged is finite numbers, and the
    arguments stay as they were. The gradient reaches the adapter of a small network and nothing else; the same seed
    gives the same loss; a few steps lower it. Raises :class:`hubkit.testing.ConformanceError`.
    """
    require_text(getattr(objective(**parameters), "name", None), "an objective's name")
    for batch in _batches():
        _check_loss(objective(**parameters), batch)
    _check_gradient(objective(**parameters))
    _check_seed(objective, parameters)
    _check_descent(objective(**parameters))


def _batches() -> Iterator[_Batch]:
    import torch

    generator = torch.Generator().manual_seed(0)
    for size in (2, 8, 33):
        student, teacher = (_unit(torch.randn(size, _WIDTH, generator=generator)) for _ in range(2))
        yield _Batch(f"{size} rows", student, teacher, torch.eye(size, dtype=torch.bool))
    repeated = torch.eye(33, dtype=torch.bool)
    repeated[0, 1] = repeated[1, 0] = True
    teacher = teacher.clone()
    teacher[1] = teacher[0]
    yield _Batch("a repeated English side", student, teacher, repeated)
    yield _Batch("a student that equals its teacher", teacher.clone(), teacher, repeated)
    row = teacher[:1].expand(4, -1).clone()
    yield _Batch("equal rows", _unit(row + 0.1), row, torch.ones(4, 4, dtype=torch.bool))


def _unit(vectors: Tensor) -> Tensor:
    from torch.nn.functional import normalize

    return normalize(vectors, dim=-1)


def _check_loss(made: Objective, batch: _Batch) -> None:
    import torch

    student = batch.student.clone().requires_grad_()
    teacher, same = batch.teacher.clone(), batch.same.clone()
    loss = made(student, teacher, same)
    where = f"{made.name}, with {batch.name}"
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
    require(student.grad is not None, f"{where}: no gradient reaches the student's vectors")
    require(torch.isfinite(student.grad).all(), f"{where}: the gradient is not finite")  # type: ignore[arg-type]
    require(not teacher.requires_grad and teacher.grad is None, f"{where}: the teacher is frozen, it takes no gradient")
    before = (batch.student, batch.teacher, batch.same)
    kept = all(torch.equal(now.detach(), old) for now, old in zip((student, teacher, same), before, strict=True))
    require(kept, f"{where}: it changes its arguments in place")


class _Small(NamedTuple):
    """A network with a frozen core and a trainable adapter, and what it is to align."""

    core: Any
    adapter: Any
    inputs: Tensor
    teacher: Tensor

    def student(self) -> Tensor:
        return _unit(self.core(self.inputs) + self.adapter(self.inputs))


def _small() -> _Small:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        core, adapter = (torch.nn.Linear(_WIDTH, _WIDTH) for _ in range(2))
        inputs = torch.randn(12, _WIDTH)
        teacher = _unit(torch.randn(12, _WIDTH))
    core.requires_grad_(False)
    return _Small(core, adapter, inputs, teacher)


def _check_gradient(made: Objective) -> None:
    import torch

    small = _small()
    value = made(small.student(), small.teacher, torch.eye(12, dtype=torch.bool)).value
    reached, own = _leaves(value), list(small.adapter.parameters())
    strangers = [leaf for leaf in reached if not any(leaf is parameter for parameter in own)]
    require(
        not strangers,
        f"{made.name}: the gradient reaches {len(strangers)} tensors outside the adapter, the first of shape "
        f"{[tuple(leaf.shape) for leaf in strangers[:1]]}; nothing trains or stores them",
    )
    value.backward()  # type: ignore[no-untyped-call]
    require(
        all(parameter.grad is not None and bool(parameter.grad.abs().max() > 0) for parameter in own),
        f"{made.name}: no gradient reaches the adapter",
    )


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


def _check_seed(objective: Make, parameters: dict[str, Any]) -> None:
    import torch

    values, states = [], []
    with torch.random.fork_rng(devices=[]):
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            small = _small()
            made = objective(**parameters)
            values.append(made(small.student(), small.teacher, torch.eye(12, dtype=torch.bool)).value.detach())
            states.append(torch.get_rng_state())
    require(torch.equal(values[0], values[1]), f"{made.name}: the same seed gives {values[0]} and then {values[1]}")
    require(not torch.equal(states[0], states[2]), f"{made.name}: it seeds torch itself, which is the run's to do")


def _check_descent(made: Objective) -> None:
    """Adam lowers the loss of the small network, taken over the first and the last five steps."""
    import torch

    small, curve = _small(), []
    optimiser = torch.optim.Adam(small.adapter.parameters(), lr=0.05)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _ in range(_STEPS):
            value = made(small.student(), small.teacher, torch.eye(12, dtype=torch.bool)).value
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            curve.append(float(value.detach()))
    first, last = sum(curve[:5]) / 5, sum(curve[-5:]) / 5
    require(last < first, f"{made.name}: {_STEPS} steps of Adam take the loss from {first:.4g} to {last:.4g}")
