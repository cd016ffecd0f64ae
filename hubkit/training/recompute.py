"""Layers that are computed again in the backward pass instead of kept: less memory, more time.

Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost" (arXiv 1604.06174).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch.utils.checkpoint import checkpoint

from hubkit.runtime.hooks import acting, now_acting


def recompute(layers: Iterable[Any]) -> None:
    """Keep of each layer's forward pass only what goes in; what was inside is computed again when gradients are.

    The random state is restored for it, and what acts in the layers is what acted the first time, on whatever thread
    the backward pass runs. Without gradients nothing changes.
    """
    for layer in layers:
        if "forward" not in vars(layer):
            layer.forward = _again(layer.forward)


def _again(forward: Callable[..., Any]) -> Callable[..., Any]:
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        what = now_acting()

        def run(*args: Any, **kwargs: Any) -> Any:
            with acting(what):
                return forward(*args, **kwargs)

        return checkpoint(run, *args, use_reentrant=False, **kwargs)

    return checkpointed
