"""What plugins registered, by name; a name belongs to one of them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from hubkit.errors import HubkitError
from hubkit.isolation import told


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
