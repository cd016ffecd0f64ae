"""Plugins: every entry point of group ``hubkit`` is loaded alone, so that a broken one is reported and the rest works.

hubkit's own sources, objectives, methods, tasks and commands register through the same hooks (``hubkit/builtin.py``).
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from hubkit import builtin, hookspecs
from hubkit.errors import HubkitError, NotFoundError
from hubkit.version import __version__

GROUP = "hubkit"
SLOW_IMPORT_SECONDS = 1.0


@dataclass(slots=True)
class Plugin:
    """One plugin: where it came from, what it implements, and what went wrong with it."""

    name: str
    version: str
    hooks: tuple[str, ...] = ()
    error: str | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        return "broken" if self.error else "slow" if self.warnings else "ok"


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
            return getattr(importlib.import_module(module), attribute)
        except (Exception, SystemExit) as error:
            raise HubkitError(
                f"{self.name!r} of plugin {self.plugin} cannot be loaded from {self.target}: "
                f"{type(error).__name__}: {error}.",
                f"Reinstall or remove the plugin {self.plugin}.",
            ) from error


class PluginManager:
    """Loads plugins and answers what they registered."""

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager(GROUP)
        self._pluggy.add_hookspecs(hookspecs)
        self.plugins: list[Plugin] = []
        self._register(builtin, Plugin("hubkit", __version__))

    def load_entry_points(self) -> None:
        """Load installed plugins; ``HUBKIT_LOAD_PLUGINS`` (comma-separated, may be empty) limits which."""
        wanted = os.environ.get("HUBKIT_LOAD_PLUGINS")
        allowed = None if wanted is None else {name.strip() for name in wanted.split(",") if name.strip()}
        for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
            if allowed is None or point.name in allowed:
                self._load(point)

    def _load(self, point: EntryPoint) -> None:
        plugin = Plugin(point.name, point.dist.version if point.dist else "?")
        started = time.perf_counter()
        try:
            module = point.load()
        except (Exception, SystemExit) as error:
            plugin.error = f"{type(error).__name__}: {error}"
            self._reject(plugin)
            return
        if (seconds := time.perf_counter() - started) > SLOW_IMPORT_SECONDS:
            plugin.warnings.append(f"import took {seconds:.1f} s")
        self._register(module, plugin)

    def _register(self, module: object, plugin: Plugin) -> None:
        if self._pluggy.has_plugin(plugin.name):
            plugin.error = f"another plugin is called {plugin.name!r} already"
            self._reject(plugin)
            return
        try:
            self._pluggy.register(module, name=plugin.name)
            self._pluggy.check_pending()
        except Exception as error:
            if self._pluggy.has_plugin(plugin.name):
                self._pluggy.unregister(name=plugin.name)
            plugin.error = f"{type(error).__name__}: {error}"
            self._reject(plugin)
            return
        callers = self._pluggy.get_hookcallers(module) or []
        plugin.hooks = tuple(sorted(caller.name for caller in callers))
        self.plugins.append(plugin)

    def _reject(self, plugin: Plugin) -> None:
        self.plugins.append(plugin)
        if os.environ.get("HUBKIT_STRICT_PLUGINS") == "1":
            raise HubkitError(
                f"Plugin {plugin.name} {plugin.version} is broken: {plugin.error}.",
                "Fix or uninstall it, or unset HUBKIT_STRICT_PLUGINS.",
            )

    def registered(self, kind: str) -> Mapping[str, Registered]:
        """All names registered by hook ``register_<kind>``; a name taken twice is an error that names both plugins."""
        found: dict[str, Registered] = {}
        for implementation in getattr(self._pluggy.hook, f"register_{kind}").get_hookimpls():
            owner = implementation.plugin_name
            for name, target in self._call(implementation.function, owner).items():
                if (other := found.get(name)) is not None:
                    raise HubkitError(
                        f"The name {name!r} is registered twice in {kind}: by {other.plugin} and by {owner}.",
                        "Uninstall one of the two, or limit plugins with HUBKIT_LOAD_PLUGINS.",
                    )
                found[name] = Registered(name, target, owner)
        return dict(sorted(found.items()))

    def _call(self, function: Any, owner: str) -> Mapping[str, str]:
        try:
            return _targets(function())
        except Exception as error:
            self._blame(owner, error)
            return {}

    def indexes(self) -> list[tuple[str, str]]:
        """(plugin, folder or URL) of every further adapter index, in the order of registration."""
        found: list[tuple[str, str]] = []
        for implementation in self._pluggy.hook.register_indexes.get_hookimpls():
            try:
                folders = _strings(implementation.function())
            except Exception as error:
                self._blame(implementation.plugin_name, error)
                continue
            found += [(implementation.plugin_name, folder) for folder in folders]
        return found

    def problems_of(self, record: Mapping[str, Any]) -> list[str]:
        """What plugins have against an index record, as sentences; a check that fails is a problem too."""
        problems: list[str] = []
        for implementation in self._pluggy.hook.check_record.get_hookimpls():
            owner = implementation.plugin_name
            try:
                said = implementation.function(*(record for _ in implementation.argnames))
                problems += [f"{owner}: {problem}" for problem in _strings(said)]
            except Exception as error:
                problems.append(f"{owner}: the check failed: {type(error).__name__}: {error}")
        return problems

    def _blame(self, owner: str, error: Exception) -> None:
        """Note that a hook of a plugin failed."""
        plugin = next(plugin for plugin in self.plugins if plugin.name == owner and plugin.hooks)
        plugin.error = f"{type(error).__name__}: {error}"
        if os.environ.get("HUBKIT_STRICT_PLUGINS") == "1":
            raise HubkitError(f"Plugin {owner} is broken: {plugin.error}.", "Fix or uninstall it.") from error


def _targets(returned: Any) -> dict[str, str]:
    """What a registration hook returned, as name → ``module:attribute``; raises when it is anything else."""
    targets = dict(returned)
    for name, target in targets.items():
        if not (isinstance(name, str) and isinstance(target, str) and ":" in target):
            raise TypeError(f"{name!r} is registered as {target!r}, not as 'module:attribute'")
    return targets


def _strings(returned: Any) -> list[str]:
    """What a hook returned, as strings (paths too); raises when it is anything else, a single string among others."""
    if isinstance(returned, str):
        raise TypeError(f"{returned!r} is one string, not a sequence of strings")
    return [os.fspath(part) for part in returned or ()]


@lru_cache(maxsize=1)
def plugin_manager() -> PluginManager:
    """The process-wide plugin manager, with installed plugins loaded."""
    manager = PluginManager()
    manager.load_entry_points()
    return manager


def registered(kind: str) -> Mapping[str, Registered]:
    """Names registered for ``kind``: ``sources``, ``objectives``, ``methods``, ``tasks``, ``commands`` …"""
    return plugin_manager().registered(kind)


def load_registered(kind: str, name: str) -> Any:
    """The attribute registered as ``name``; :class:`NotFoundError` lists the known names."""
    known = registered(kind)
    if name not in known:
        raise NotFoundError(f"No {kind.removesuffix('s')} is called {name!r}.", f"Known: {', '.join(known)}.")
    return known[name].load()
