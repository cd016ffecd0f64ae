"""What acts in one forward pass, per place: every row of the batch has its own stack of adapters.

Rows with the same adapter at the same height of their stacks lie side by side, so each adapter is applied once, to a
slice; many adapters of one shape that cover the batch in slices of equal size are applied in one batched product. The
core itself always runs once, over the whole batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

from hubkit.adapter.sites import Bottleneck, Fusion, Site
from hubkit.errors import UsageError

if TYPE_CHECKING:
    from hubkit.runtime.hooks import PlacedBlock, Places, Where


@dataclass(frozen=True, slots=True, eq=False)
class Acts:
    """One adapter in a stack: its sites, and its strength."""

    name: str
    sites: Mapping[str, Site]
    strength: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Fuses:
    """AdapterFusion in a stack: what its branches would add is weighed token by token."""

    name: str
    sites: Mapping[str, Site]
    branches: tuple[tuple[Acts, ...], ...]


Layered = tuple[Acts | Fuses, ...]
"""A stack, the first acts first; empty is the core alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one row does at one place at one height of its stack; a fusion also has its branches there."""

    site: Site
    factor: float = 1.0
    branches: tuple[tuple[Step, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """Rows ``start`` … ``stop`` of the batch, which do the same."""

    start: int
    stop: int
    step: Step


Height = tuple[Span, ...]


@dataclass(frozen=True)
class Program:
    """Per path, the heights of the stacks in order; a height lists its spans in order of rows."""

    rows: int | None
    heights: Mapping[str, tuple[Height, ...]]
    placed: Places

    @cached_property
    def wanted(self) -> frozenset[tuple[Where, str]]:
        """The places that must be hooked."""
        found: set[tuple[Where, str]] = set()
        for path in self.heights:
            if path in self.placed.linears:
                found.add(("linear", path))
            elif path == self.placed.embeddings:
                found.add(("embeddings", path))
            else:
                found.update(self._wanted_by_block(self.placed.blocks[path]))
        return frozenset(found)

    def _wanted_by_block(self, block: PlacedBlock) -> Iterator[tuple[Where, str]]:
        reads = self.reads[block.site]
        if block.norm_first:
            yield "linear", block.dense
            yield "linear", block.input
            return
        yield "norm", block.site
        if "hidden" in reads:
            yield "linear", block.dense
        if "residual" in reads:
            yield "linear", block.input

    @cached_property
    def reads(self) -> dict[str, frozenset[str]]:
        """Per block, what its bottlenecks read."""
        return {
            path: frozenset(read for height in heights for span in height for read in reads(span.step))
            for path, heights in self.heights.items()
            if path in self.placed.blocks
        }

    @cached_property
    def kept_inputs(self) -> frozenset[str]:
        """Linear layers whose input a block needs later."""
        blocks = [self.placed.blocks[path] for path in self.reads]
        return frozenset(block.input for block in blocks if block.norm_first or "residual" in self.reads[block.site])

    @cached_property
    def kept_outputs(self) -> frozenset[str]:
        """Linear layers whose output a block needs later."""
        blocks = [self.placed.blocks[path] for path in self.reads]
        return frozenset(block.dense for block in blocks if not block.norm_first and "hidden" in self.reads[block.site])

    @cached_property
    def first_blocks(self) -> Mapping[str, PlacedBlock]:
        """By the path of their dense layer, the blocks of a pre-norm model where something acts."""
        blocks = [self.placed.blocks[path] for path in self.reads]
        return {block.dense: block for block in blocks if block.norm_first}


def reads(step: Step) -> Iterator[str]:
    """What the bottlenecks of a step read."""
    if isinstance(step.site, Bottleneck):
        yield step.site.reads
    for branch in step.branches:
        for inner in branch:
            yield from reads(inner)


def compile_program(stacks: Sequence[Layered], placed: Places, *, every_row: bool = False) -> Program:
    """The program of a batch whose row i has ``stacks[i]``; with ``every_row``, of any batch with the one stack given.

    Rows that share a stack's beginning should lie side by side. Raises :class:`UsageError` for a fusion at a place
    where only bottlenecks can be fused.
    """
    if every_row:
        (only,) = stacks
        groups = [(0, -1, only)]
    else:
        groups = [(start, stop, stack) for start, stop, stack in _runs(stacks)]
    heights: dict[str, list[Height]] = {}
    for level in range(max((len(stack) for _, _, stack in groups), default=0)):
        for path, spans in _level(groups, level).items():
            heights.setdefault(path, []).append(tuple(spans))
    return Program(None if every_row else len(stacks), {path: tuple(spans) for path, spans in heights.items()}, placed)


def _runs(stacks: Sequence[Layered]) -> Iterator[tuple[int, int, Layered]]:
    start = 0
    for _, same in groupby(stacks, key=id):
        run = list(same)
        yield start, start + len(run), run[0]
        start += len(run)


def _level(groups: Sequence[tuple[int, int, Layered]], level: int) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for start, stop, stack in groups:
        if level >= len(stack):
            continue
        for path, step in _steps(stack[level]).items():
            spans = found.setdefault(path, [])
            last = spans[-1] if spans else None
            if last and last.stop == start and _is_same(last.step, step):
                spans[-1] = replace(last, stop=stop)
            else:
                spans.append(Span(start, stop, step))
    return found


def _is_same(one: Step, other: Step) -> bool:
    return one.site is other.site and one.factor == other.factor and not one.branches and not other.branches


def _steps(node: Acts | Fuses) -> dict[str, Step]:
    if isinstance(node, Acts):
        return {path: Step(site, _factor(site) * node.strength) for path, site in node.sites.items()}
    branches = [[_steps(member) for member in branch] for branch in node.branches]
    paths = {path for branch in branches for member in branch for path in member}
    if missing := sorted(paths - set(node.sites)):
        raise UsageError(
            f"The fusion {node.name} has no weights at {missing[0]}, where its branches act.",
            "Fuse adapters of the kind that it was trained with (bottlenecks only).",
        )
    acting = {path: tuple(_acting_at(path, branches)) for path in node.sites if path in paths}
    return {path: Step(node.sites[path], 1.0, steps) for path, steps in acting.items()}


def _acting_at(path: str, branches: Sequence[Sequence[Mapping[str, Step]]]) -> Iterator[tuple[Step, ...]]:
    """The branches that act at this path, between which the attention there chooses."""
    for branch in branches:
        if steps := tuple(member[path] for member in branch if path in member):
            yield steps


def _factor(site: Site) -> float:
    return 1.0 if isinstance(site, Fusion) else site.factor
