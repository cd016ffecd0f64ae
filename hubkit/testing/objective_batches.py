"""Batches of every sort of training data as the training loop makes them, and a small network that they come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from hubkit.training.objective import UNLABELLED, Batch, Data, HasHead, Objective, Prepares, Setup

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

KINDS: tuple[Data, ...] = get_args(Data)
WIDTH, LONGEST, WORDS, CLASSES = 16, 6, 40, 3
_MASK, _SPECIAL = 3, (0, 1, 2, 3)  # ids; 0 is padding
_WITH_HIDDEN = ("text", "tagged")


@dataclass(frozen=True, slots=True)
class Rows:
    """What a batch has before a network sees it; see :class:`hubkit.training.objective.Batch`."""

    input_ids: Tensor
    attention_mask: Tensor
    teacher: Tensor | None = None
    same: Tensor | None = None
    labels: Tensor | None = None

    def batch(self, hidden: Tensor, data: Data) -> Batch:
        """The batch that training makes of token vectors (b, t, h)."""
        weights = self.attention_mask.unsqueeze(-1).to(hidden.dtype)
        return Batch(
            student=unit((hidden * weights).sum(dim=1) / weights.sum(dim=1)),
            teacher=self.teacher, same=self.same, hidden=hidden if data in _WITH_HIDDEN else None,
            input_ids=self.input_ids, attention_mask=self.attention_mask, labels=self.labels,
        )  # fmt: skip


class Example(NamedTuple):
    """A batch and what is special about it."""

    name: str
    batch: Batch


def unit(vectors: Tensor) -> Tensor:
    """``vectors`` (b, h) of length 1."""
    from torch.nn.functional import normalize

    return normalize(vectors, dim=-1)


def rows_of(data: Data, size: int, generator: Generator) -> Rows:
    """Random text with what this sort of data has; a third of the rows is short."""
    import torch

    mask = torch.ones(size, LONGEST, dtype=torch.long)
    mask[::3, -2:] = 0
    ids = torch.randint(len(_SPECIAL), WORDS, (size, LONGEST), generator=generator) * mask
    rows = Rows(ids, mask)
    if data == "tagged":
        labels = torch.randint(CLASSES, ids.shape, generator=generator)
        return replace(rows, labels=labels.masked_fill(mask == 0, UNLABELLED))
    if data == "text":
        return rows
    other = unit(torch.randn(size, WIDTH, generator=generator))
    if data == "labelled":
        return replace(rows, teacher=other, labels=torch.randint(CLASSES, (size,), generator=generator))
    if data == "scored":
        return replace(rows, teacher=other, labels=torch.rand(size, generator=generator))
    return replace(rows, teacher=other, same=torch.eye(size, dtype=torch.bool))


def examples(made: Objective, data: Data) -> Iterator[Example]:
    """Batches of several sizes, and those in which something is missing or the same."""
    import torch

    generator = torch.Generator().manual_seed(0)
    for size in (2, 8, 33):
        rows = prepared(made, rows_of(data, size, generator), generator)
        hidden = torch.randn(size, LONGEST, WIDTH, generator=generator)
        batch = rows.batch(hidden, data)
        yield Example(f"{size} rows", batch)
    yield from _odd(batch, data)
    yield Example("equal rows", _equal(rows, hidden, data))


def prepared(made: Objective, rows: Rows, generator: Generator) -> Rows:
    """The rows as the objective changes them."""
    if not isinstance(made, Prepares):
        return rows
    ids, labels = made.prepare(rows.input_ids, rows.attention_mask, generator)
    return replace(rows, input_ids=ids, labels=labels)


def _odd(batch: Batch, data: Data) -> Iterator[Example]:
    import torch

    if batch.teacher is not None:
        yield Example("a student that equals its teacher", replace(batch, student=batch.teacher.clone()))
    if batch.teacher is not None and batch.same is not None:
        teacher, same = batch.teacher.clone(), batch.same.clone()
        same[0, 1] = same[1, 0] = True
        teacher[1] = teacher[0]
        yield Example("a repeated English side", replace(batch, teacher=teacher, same=same))
    if batch.labels is None:
        return
    if data == "scored":
        yield Example("equal scores", replace(batch, labels=torch.ones(len(batch.student))))
    elif data == "labelled":
        yield Example("one class", replace(batch, labels=torch.zeros_like(batch.labels)))
    else:
        labels = batch.labels.clone()
        labels[0] = UNLABELLED
        yield Example("a row without a label", replace(batch, labels=labels))


def _equal(rows: Rows, hidden: Tensor, data: Data) -> Batch:
    """Four times the same row."""
    import torch

    first = {
        name: value[1:2].expand(4, *value.shape[1:]).clone()
        for name in ("input_ids", "attention_mask", "teacher", "labels")
        if (value := getattr(rows, name)) is not None
    }
    same = None if rows.same is None else torch.ones(4, 4, dtype=torch.bool)
    return Rows(**first, same=same).batch(hidden[1:2].expand(4, -1, -1).clone(), data)


def with_head(made: Objective) -> list[nn.Parameter]:
    """Build the objective's head, if it has one; its parameters."""
    import torch

    if not isinstance(made, HasHead):
        return []
    setup = Setup(
        labels=tuple("abc"[:CLASSES]), pieces=torch.arange(len(_SPECIAL), WORDS), embeddings=_embeddings(),
        mask=_MASK, special=_SPECIAL,
    )  # fmt: skip
    return list(made.head(WIDTH, setup).parameters())


def _embeddings() -> Tensor:
    import torch

    return torch.randn(WORDS, WIDTH, generator=torch.Generator().manual_seed(1))


@dataclass(frozen=True, slots=True)
class Small:
    """An objective with a network that has a frozen core and a trainable adapter, and the text that it is to learn."""

    made: Objective
    data: Data
    core: Any
    adapter: Any
    head: list[nn.Parameter]
    rows: Rows

    def batch(self) -> Batch:
        """What the network makes of the text now; what a step of preparation draws is the same every time."""
        import torch

        rows = prepared(self.made, self.rows, torch.Generator().manual_seed(0))
        embedded = _embeddings()[rows.input_ids]
        return rows.batch(self.core(embedded) + self.adapter(embedded), self.data)

    def value(self) -> Tensor:
        """The loss now."""
        return self.made(self.batch()).value

    def parameters(self) -> list[nn.Parameter]:
        """What training changes: the adapter's, and the head's."""
        return [*self.adapter.parameters(), *self.head]


def small(made: Objective, data: Data) -> Small:
    """The same network and text every time; the process's generator stays where it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        core, adapter = (torch.nn.Linear(WIDTH, WIDTH) for _ in range(2))
        head = with_head(made)
        rows = rows_of(data, 12, torch.Generator().manual_seed(0))
    core.requires_grad_(False)
    return Small(made, data, core, adapter, head, rows)
