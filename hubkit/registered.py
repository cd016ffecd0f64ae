"""What plugins registered, by name; a name belongs to one of them."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any, TypeVar

from hubkit.errors import HubkitError
from hubkit.isolation import Failed, isolated, told

OWN = "hubkit"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TARGET = re.compile(r"[^\W\d][\w.]*:[^\W\d]\w*")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Registered:
    """A name that a plugin registered, with the ``module:attribute`` behind it."""

    name: str
    target: str
    plugin: str

    def load(self) -> Any:
        """Import and return the registered attribute; :class:`HubkitError` names the plugin when that fails."""
        module, _, attribute = self.target.partition(":")
        try:
            with redirect_stdout(sys.stderr):  # standard output is for results
                return getattr(importlib.import_module(module), attribute)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise HubkitError(
                f"{self.name!r} of plugin {self.plugin} cannot be loaded from {self.target}: {told(error)}.",
                f"Reinstall or remove the plugin {self.plugin}.",
            ) from error

    def run(self, call: Callable[[], T]) -> T:
        """What ``call`` returns, which runs code of this plugin; what it prints does not reach standard output.

        A plugin's code that raises anything but a :class:`HubkitError` becomes one that names the plugin. hubkit's own
        code raises what it raises.
        """
        if self.plugin == OWN:
            return call()
        try:
            return isolated(call)[0]
        except Failed as failed:
            if isinstance(failed.__cause__, HubkitError):
                raise failed.__cause__ from None
            raise HubkitError(
                f"{self.name!r} of plugin {self.plugin} ({self.target}) fails: {failed}.",
                f"Update or remove the plugin {self.plugin}, or leave it out with HUBKIT_LOAD_PLUGINS.",
            ) from failed.__cause__


class Names(Mapping[str, Registered]):
    """What is registered for one kind, by name. A name that two plugins claim is left out, and an error to ask for."""

    def __init__(self, kind: str, names: Mapping[str, Registered], clashes: Mapping[str, Sequence[Registered]]) -> None:
        self._kind, self._names, self.clashes = kind, dict(sorted(names.items())), clashes

    def __getitem__(self, name: str) -> Registered:
        """Raises :class:`HubkitError` for a name that is registered twice, as ``in`` does."""
        if name in self.clashes:
            raise HubkitError(
                clash(self._kind, self.clashes[name]),
                "Uninstall one of the two, or limit plugins with HUBKIT_LOAD_PLUGINS.",
            )
        return self._names[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def clash(kind: str, claims: Sequence[Registered]) -> str:
    """Who claims one name, as a sentence."""
    owners = " and ".join(f"by {claim.plugin}" for claim in claims)
    return f"The name {claims[0].name!r} is registered twice in {kind}: {owners}."


def targets_of(returned: Any) -> dict[str, str]:
    """What a registration hook returned, as name → ``module:attribute``; raises when it is anything else."""
    if not isinstance(returned, Mapping):
        raise TypeError(f"it returned {returned!r}, not a mapping from names to 'module:attribute'")
    targets = dict(returned)
    for name, target in targets.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise TypeError(f"{name!r} is no name: letters, digits, '.', '_' and '-' are expected")
        if not isinstance(target, str) or not _TARGET.fullmatch(target):
            raise TypeError(f"{name!r} is registered as {target!r}, not as 'module:attribute'")
    return targets


def strings_of(returned: Any) -> list[str]:
    """What a hook returned, as strings (paths too); raises when it is anything else, a single string among others."""
    if isinstance(returned, str):
        raise TypeError(f"{returned!r} is one string, not a sequence of strings")
    strings = [os.fspath(part) for part in returned or ()]
    if wrong := [part for part in strings if not isinstance(part, str)]:
        raise TypeError(f"{wrong[0]!r} is no string")
    return strings
