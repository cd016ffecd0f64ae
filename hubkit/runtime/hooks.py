"""Hooks on an unmodified transformers model: installed once, they ask what acts in the current forward pass.

What acts is a context variable, so encoders that share a model, threads and tasks never see each other's adapter.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn

    from hubkit.core.architecture import Architecture


class Acting(Protocol):
    """What changes one forward pass."""

    def at_linear(self, site: str, inputs: Tensor, outputs: Tensor) -> Tensor:
        """The outputs (n, t, out) of the linear layer at ``site``, which had ``inputs`` (n, t, in)."""

    def at_output(self, site: str, norm: nn.Module, inputs: Tensor, outputs: Tensor) -> Tensor:
        """The outputs (n, t, hidden) of the layer norm that closes block ``site``, which had ``inputs``."""


_acting: ContextVar[Acting | None] = ContextVar("hubkit_acting", default=None)
_installed: weakref.WeakSet[nn.Module] = weakref.WeakSet()
_installing = threading.Lock()


@contextmanager
def acting(what: Acting | None) -> Iterator[None]:
    """Let ``what`` change the forward passes inside the block."""
    token = _acting.set(what)
    try:
        yield
    finally:
        _acting.reset(token)


def install(model: nn.Module, architecture: Architecture) -> None:
    """Hook every linear layer and closing norm of ``model``; the second call does nothing. No weight is touched."""
    with _installing:
        if model in _installed:
            return
        for path, linear in linear_sites(model, architecture).items():
            linear.register_forward_hook(_linear_hook(path))
        for path, norm in output_sites(model, architecture).items():
            norm.register_forward_hook(_output_hook(path))
        _installed.add(model)


def _layers(model: nn.Module, architecture: Architecture) -> Iterator[tuple[str, nn.Module]]:
    for name, layer in model.get_submodule(architecture.layers).named_children():
        yield f"{architecture.layers}.{name}", layer


def linear_sites(model: nn.Module, architecture: Architecture) -> dict[str, nn.Module]:
    """Path → linear layer, for every role of the architecture map."""
    return {
        f"{path}.{inner}": layer.get_submodule(inner)
        for path, layer in _layers(model, architecture)
        for inner in architecture.linears.values()
    }


def output_sites(model: nn.Module, architecture: Architecture) -> dict[str, nn.Module]:
    """Path of the closing block of each layer → the layer norm that ends it."""
    return {
        f"{path}.{architecture.output}": layer.get_submodule(architecture.output_norm)
        for path, layer in _layers(model, architecture)
    }


def _linear_hook(site: str) -> Any:
    def hook(module: nn.Module, inputs: tuple[Any, ...], outputs: Any) -> Any:
        what = _acting.get()
        return None if what is None else what.at_linear(site, inputs[0], outputs)

    return hook


def _output_hook(site: str) -> Any:
    def hook(module: nn.Module, inputs: tuple[Any, ...], outputs: Any) -> Any:
        what = _acting.get()
        return None if what is None else what.at_output(site, module, inputs[0], outputs)

    return hook
