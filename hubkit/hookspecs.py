"""The extension surface: nine hooks, the same for hubkit's own parts and for a stranger's plugin.

Registration hooks return a mapping from a name to ``"package.module:attribute"``. The attribute is imported when it is
first used, so registering costs nothing and loads no torch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.runtime.encoder import Encoder

hookspec = pluggy.HookspecMarker("hubkit")
hookimpl = pluggy.HookimplMarker("hubkit")


class LanguageTable(Protocol):
    """Where a table of languages lies; its columns are those of :mod:`hubkit.languages.table`."""

    def __call__(self) -> str | os.PathLike[str]:
        """The path of the table."""
        ...


class Exporter(Protocol):
    """Writes what an encoder computes in another form."""

    def __call__(self, encoder: Encoder, folder: Path) -> object:
        """Write into ``folder``, which is there and empty; what is returned is not used."""
        ...


@hookspec
def register_languages() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Tables of languages: name → a function with the protocol :class:`LanguageTable`."""


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
    """Held-out evaluation: name → a class with the protocol :class:`hubkit.evaluation.suite.Suite` or ``task.Task``."""


@hookspec
def register_exporters() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Export formats: name → a function with the protocol :class:`Exporter`."""


@hookspec
def register_indexes() -> Sequence[str]:  # type: ignore[empty-body]
    """Further adapter indexes: folders on this machine."""


@hookspec
def register_commands() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Commands of ``hubkit``: name → a click command."""


@hookspec
def check_record(record: Mapping[str, Any]) -> Sequence[str]:  # type: ignore[empty-body]
    """Problems that forbid an index record, as sentences; empty when there are none."""
