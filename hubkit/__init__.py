"""hubkit: an adapter hub and plugin registry for multilingual representation models.

    >>> import hubkit
    >>> model = hubkit.load("rw")
    >>> model.encode(["Mwaramutse"]).shape
    (1, 384)

Names are imported when first used, so ``import hubkit`` loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hubkit.version import __version__

if TYPE_CHECKING:
    from hubkit.composition.recipe import Ensemble as Ensemble
    from hubkit.composition.recipe import Fuse as Fuse
    from hubkit.composition.recipe import Merge as Merge
    from hubkit.composition.recipe import Stack as Stack
    from hubkit.hookspecs import hookimpl as hookimpl
    from hubkit.runtime.encoder import Encoder as Encoder
    from hubkit.runtime.load import load as load

_LAZY = {
    "Encoder": "hubkit.runtime.encoder",
    "Ensemble": "hubkit.composition.recipe",
    "Fuse": "hubkit.composition.recipe",
    "Merge": "hubkit.composition.recipe",
    "Stack": "hubkit.composition.recipe",
    "hookimpl": "hubkit.hookspecs",
    "load": "hubkit.runtime.load",
}
__all__ = ["Encoder", "Ensemble", "Fuse", "Merge", "Stack", "__version__", "hookimpl", "load"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'hubkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
