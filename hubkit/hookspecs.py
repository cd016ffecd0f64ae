"""The extension surface: nine hooks, the same for hubkit's own parts and for a stranger's plugin.

Registration hooks return a mapping from a name to ``"package.module:attribute"``. The attribute is imported when it is
first used, so registering costs nothing and loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("hubkit")
hookimpl = pluggy.HookimplMarker("hubkit")


@hookspec
def register_languages() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Tables of languages: name → a path-returning function (columns as in ``hubkit/languages/data``)."""


@hookspec
def register_sources() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Corpora: name → a class with the protocol :class:`hubkit.corpora.source.Source`."""


@hookspec
def register_objectives() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Training losses: name → a class with the protocol :class:`hubkit.training.objective.Objective`."""


@hookspec
def register_methods() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Adapter methods: name → a class with the protocol :class:`hubkit.adapter.method.Method`."""


@hookspec
def register_tasks() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Held-out evaluation suites: name → a class with the protocol :class:`hubkit.evaluation.suite.Suite`."""


@hookspec
def register_exporters() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Export formats: name → a function (encoder, folder) that writes one."""


@hookspec
def register_indexes() -> Sequence[str]:  # type: ignore[empty-body]
    """Further adapter indexes: folders or URLs."""


@hookspec
def register_commands() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Commands of ``hubkit``: name → a click command."""


@hookspec
def check_record(record: Mapping[str, Any]) -> Sequence[str]:  # type: ignore[empty-body]
    """Problems that forbid an index record, as sentences; empty when there are none."""
