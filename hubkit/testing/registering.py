"""Try something before a plugin registers it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from types import ModuleType

from hubkit.plugins import Names, Registered, plugin_manager

_MODULE = "hubkit_testing_registered"
_numbers = count()


@contextmanager
def registering(kind: str, name: str, thing: object) -> Iterator[None]:
    """hubkit knows ``thing`` as ``name`` in here: ``with registering("objectives", "cosine", Cosine): ...``.

    It replaces what is registered under that name.
    """
    manager, module = plugin_manager(), f"{_MODULE}_{next(_numbers)}"
    before = manager.registered(kind)
    sys.modules[module] = ModuleType(module)
    sys.modules[module].thing = thing  # type: ignore[attr-defined]
    known = {known: before[known] for known in before}
    manager._names[kind] = Names(kind, {**known, name: Registered(name, f"{module}:thing", "the test")}, {})
    try:
        yield
    finally:
        manager._names[kind] = before
        del sys.modules[module]
