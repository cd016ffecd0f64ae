"""Hooks on an unmodified transformers model: they ask what acts in the current forward pass.

What acts is a context variable, so encoders that share a model, threads and tasks never see each other's adapters. A
module is hooked when an adapter first acts there: places that nobody uses cost nothing.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn

    from hubkit.core.architecture import Architecture

Where = Literal["linear", "norm", "embeddings", "word_embeddings"]


class Acting(Protocol):
    """What changes one forward pass."""

    def at_linear(self, path: str, inputs: Tensor, outputs: Tensor) -> Tensor:
        """The outputs (n, t, out) of the linear layer at ``path``, which had ``inputs`` (n, t, in)."""

    def at_norm(self, path: str, inputs: Tensor, outputs: Tensor) -> Tensor:
        """The outputs (n, t, hidden) of the norm that closes the block with site ``path``."""

    def at_embeddings(self, outputs: Tensor) -> Tensor:
        """The outputs (n, t, hidden) of the embeddings."""

    def at_word_embeddings(self, outputs: Tensor) -> Tensor:
        """The embedding rows (n, t, hidden) of the tokens."""


_acting: ContextVar[Acting | None] = ContextVar("hubkit_acting", default=None)
_installed: weakref.WeakKeyDictionary[nn.Module, set[tuple[Where, str]]] = weakref.WeakKeyDictionary()
_installing = threading.Lock()


@contextmanager
def acting(what: Acting | None) -> Iterator[None]:
    """Let ``what`` change the forward passes inside the block."""
    token = _acting.set(what)
    try:
        yield
    finally:
        _acting.reset(token)


def now_acting() -> Acting | None:
    """What changes the forward passes here and now."""
    return _acting.get()


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """One block of the model: paths of its parts from the model's root, and its norm (None when there is none)."""

    site: str
    dense: str
    input: str
    norm: nn.Module | None
    norm_first: bool


@dataclass(frozen=True, slots=True)
class Places:
    """Where adapters may act in one model; ``linears`` by path, ``blocks`` by site."""

    linears: Mapping[str, nn.Module]
    blocks: Mapping[str, PlacedBlock]
    embeddings: str
    word_embeddings: str
    hidden_size: int


def places(model: nn.Module, architecture: Architecture) -> Places:
    """The places of ``model``, found by its architecture map."""
    linears: dict[str, nn.Module] = {}
    blocks: dict[str, PlacedBlock] = {}
    for name, layer in model.get_submodule(architecture.layers).named_children():
        path = f"{architecture.layers}.{name}"
        linears |= {f"{path}.{inner}": layer.get_submodule(inner) for inner in architecture.linears.values()}
        for block in architecture.blocks.values():
            site = f"{path}.{block.site}"
            norm = layer.get_submodule(block.norm) if block.norm else None
            blocks[site] = PlacedBlock(
                site, f"{path}.{block.dense}", f"{path}.{block.input}", norm, architecture.norm_first
            )
    weight: Any = model.get_submodule(architecture.word_embeddings).weight
    return Places(linears, blocks, architecture.embeddings, architecture.word_embeddings, int(weight.shape[1]))


def install(model: nn.Module, placed: Places, wanted: Iterable[tuple[Where, str]]) -> None:
    """Hook the wanted places of ``model``: a linear layer or embeddings by path, a norm by its block's site.

    A place that is hooked already is left alone. No weight is touched.
    """
    with _installing:
        there = _installed.setdefault(model, set())
        for where, path in wanted:
            if (where, path) in there:
                continue
            module = placed.blocks[path].norm if where == "norm" else model.get_submodule(path)
            assert module is not None
            module.register_forward_hook(_HOOKS[where](path))
            there.add((where, path))


def _linear_hook(path: str) -> Any:
    def hook(module: nn.Module, inputs: tuple[Any, ...], outputs: Any) -> Any:
        what = _acting.get()
        return None if what is None else what.at_linear(path, inputs[0], outputs)

    return hook


def _norm_hook(path: str) -> Any:
    def hook(module: nn.Module, inputs: tuple[Any, ...], outputs: Any) -> Any:
        what = _acting.get()
        return None if what is None else what.at_norm(path, inputs[0], outputs)

    return hook


def _embeddings_hook(path: str) -> Any:
    def hook(module: nn.Module, inputs: tuple[Any, ...], outputs: Any) -> Any:
        what = _acting.get()
        return None if what is None else what.at_embeddings(outputs)

    return hook


def _word_embeddings_hook(path: str) -> Any:
    def hook(module: nn.Module, inputs: tuple[Any, ...], outputs: Any) -> Any:
        what = _acting.get()
        return None if what is None else what.at_word_embeddings(outputs)

    return hook


_HOOKS: Mapping[Where, Any] = {
    "linear": _linear_hook,
    "norm": _norm_hook,
    "embeddings": _embeddings_hook,
    "word_embeddings": _word_embeddings_hook,
}
