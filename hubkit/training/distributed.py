"""Several processes on one run: each computes some rows of every batch, and all see the whole of it.

The order of the data is the same in all, and the loss is that of the whole batch, in-batch negatives included; its
gradient reaches each process's own rows, and the sum over processes is the gradient that one process would have.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn


def join() -> None:
    """Join the processes that ``torchrun`` or ``accelerate launch`` started; alone, nothing happens."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")


def processes() -> int:
    """How many processes work on the run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def number() -> int:
    """Which of them this is; 0 writes the files."""
    return dist.get_rank() if dist.is_initialized() else 0


def own_rows(rows: int) -> slice:
    """The rows of a batch that this process computes."""
    share = -(-rows // processes())
    return slice(min(rows, number() * share), min(rows, (number() + 1) * share))


def whole(own: Tensor, rows: int) -> Tensor:
    """The tensor (rows, …) of all processes; the gradient goes into ``own``, the rows of this one."""
    if processes() == 1:
        return own
    share = -(-rows // processes())
    padded = own.new_zeros((share, *own.shape[1:]))
    padded[: len(own)] = own.detach()
    gathered = [torch.empty_like(padded) for _ in range(processes())]
    dist.all_gather(gathered, padded)
    parts = [part[: max(0, min(share, rows - rank * share))] for rank, part in enumerate(gathered)]
    parts[number()] = own
    return torch.cat(parts)


def add_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Sum the gradients over the processes."""
    if processes() == 1:
        return
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        dist.all_reduce(parameter.grad)


def agreed(value: float) -> float:
    """What the first process says, such as how much of the time is spent."""
    if processes() == 1:
        return value
    told = torch.tensor([value], dtype=torch.float64)
    dist.broadcast(told, 0)
    return float(told)
