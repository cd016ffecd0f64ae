"""Plugins: every entry point of group ``hubkit`` is loaded alone, so that a broken one is reported and the rest works.

hubkit's own sources, objectives, methods, tasks and commands register through the same hooks (``hubkit/builtin.py``).
"""

from __future__ import annotations

import copy
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import EntryPoint, distributions, entry_points
from typing import Any, TypeVar

import pluggy

from hubkit import builtin, hookspecs
from hubkit.errors import HubkitError, NotFoundError
from hubkit.isolation import Failed, isolated, shown, told
from hubkit.registered import OWN, Names, Registered, clash, strings_of, targets_of
from hubkit.version import __version__

__all__ = [
    "OWN", "Names", "Plugin", "PluginManager", "Registered", "load_registered", "make_registered", "plugin_manager",
    "registered", "run_registered",
]  # fmt: skip
GROUP = OWN
HOOKS = tuple(name for name, value in vars(hookspecs).items() if hasattr(value, f"{GROUP}_spec"))
KINDS = tuple(hook.removeprefix("register_") for hook in HOOKS if hook not in ("register_indexes", "check_record"))
"""What is registered by name: ``languages``, ``sources``, ``objectives``, ``methods``, ``tasks`` …"""
SLOW_IMPORT_SECONDS = 1.0
_HEAVY = ("torch", "transformers")
_loading = threading.local()
T = TypeVar("T")


@dataclass(slots=True)
class Plugin:
    """One plugin: where it came from, what it implements, and what is wrong with it.

    ``seconds`` is how long its import took; ``wanted`` is false where ``HUBKIT_LOAD_PLUGINS`` leaves it out.
    """

    name: str
    version: str
    hooks: tuple[str, ...] = ()
    seconds: float = 0.0
    wanted: bool = True
    errors: list[str] = field(default_factory=list)
    clashes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def error(self) -> str | None:
        """Everything that does not work, as one text."""
        return " ".join((*self.errors, *self.clashes)) or None

    @property
    def status(self) -> str:
        """``off``, ``broken``, ``clash``, ``slow`` or ``ok``."""
        if not self.wanted:
            return "off"
        if self.errors or self.clashes:
            return "broken" if self.errors else "clash"
        return "slow" if self.seconds > SLOW_IMPORT_SECONDS else "ok"


class PluginManager:
    """Loads plugins and answers what they registered."""

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager(GROUP)
        self._pluggy.add_hookspecs(hookspecs)
        self._names: dict[str, Names] = {}
        self.plugins: list[Plugin] = []
        self._register(builtin, Plugin(OWN, __version__))

    def load_entry_points(self) -> None:
        """Load installed plugins; ``HUBKIT_LOAD_PLUGINS`` (comma-separated, may be empty) limits which.

        With ``HUBKIT_STRICT_PLUGINS=1`` every hook is called too, and the first problem raises :class:`HubkitError`.
        """
        listed = os.environ.get("HUBKIT_LOAD_PLUGINS")
        allowed = None if listed is None else {name.strip() for name in listed.split(",")} - {""}
        for point in sorted(self._entry_points(), key=lambda point: (point.name, point.value)):
            plugin = Plugin(point.name, _version(point), wanted=allowed is None or point.name in allowed)
            if plugin.wanted:
                self._load(point, plugin)
            else:
                self.plugins.append(plugin)
        for name in sorted((allowed or set()) - {plugin.name for plugin in self.plugins}):
            self._refuse(Plugin(name, "?"), "it is not installed, and HUBKIT_LOAD_PLUGINS names it")
        if _strict():
            self.check()

    def check(self) -> None:
        """Call every registration hook, so that :attr:`plugins` tells all that is wrong."""
        for kind in KINDS:
            self.registered(kind)
        self.indexes()

    def _entry_points(self) -> Sequence[EntryPoint]:
        try:
            return list(entry_points(group=GROUP))
        except Exception:  # one distribution's file is damaged, and hides those of all others
            found: dict[tuple[str, str], EntryPoint] = {}
            for distribution in distributions():
                try:
                    points = distribution.entry_points
                except Exception as error:
                    damaged = Plugin(str(getattr(distribution, "_path", "?")), "?")
                    self._refuse(damaged, f"its entry_points.txt cannot be read: {told(error)}")
                else:
                    found |= {(point.name, point.value): point for point in points if point.group == GROUP}
            return list(found.values())

    def _load(self, point: EntryPoint, plugin: Plugin) -> None:
        heavy = [name for name in _HEAVY if name not in sys.modules]
        started = time.perf_counter()
        try:
            module, printed = isolated(point.load)
        except Failed as error:
            self._refuse(plugin, str(error))
            return
        plugin.seconds = time.perf_counter() - started
        if plugin.seconds > SLOW_IMPORT_SECONDS:
            plugin.warnings.append(f"import took {plugin.seconds:.1f} s")
        plugin.warnings += [f"its import loads {name}" for name in heavy if name in sys.modules]
        if printed:
            plugin.warnings.append(f"it prints when it is imported: {shown(printed)}")
        self._register(module, plugin)
        if plugin.warnings and _strict():
            raise _refused(plugin, "; ".join(plugin.warnings))

    def _register(self, module: object, plugin: Plugin) -> None:
        if self._pluggy.has_plugin(plugin.name):
            self._refuse(plugin, f"another plugin is called {plugin.name!r} already")
            return
        try:
            self._pluggy.register(module, name=plugin.name)
            self._pluggy.check_pending()
            callers = self._pluggy.get_hookcallers(module) or []
            plugin.hooks = tuple(sorted(caller.name for caller in callers))
            _check_marks(module, plugin.hooks)
        except Exception as error:
            if self._pluggy.has_plugin(plugin.name):
                self._pluggy.unregister(name=plugin.name)
            plugin.hooks = ()
            self._refuse(plugin, told(error))
            return
        self.plugins.append(plugin)
        self._names.clear()

    def _refuse(self, plugin: Plugin, why: str) -> None:
        plugin.errors.append(why)
        self.plugins.append(plugin)
        if _strict():
            raise _refused(plugin, why)

    def blame(self, owner: str, why: str, *, clash: bool = False) -> None:
        """Note that something of a registered plugin fails, or claims a name of another; strictly, raise it."""
        plugin = next((plugin for plugin in self.plugins if plugin.name == owner and plugin.hooks), None)
        if plugin is None:  # what a test registers has no plugin
            return
        noted = plugin.clashes if clash else plugin.errors
        if why not in noted:
            noted.append(why)
        if _strict():
            raise _refused(plugin, why)

    def registered(self, kind: str) -> Names:
        """All names registered by hook ``register_<kind>``. What hubkit registers itself is nobody else's."""
        if kind not in self._names:
            self._names[kind] = self._collect(kind)
        return self._names[kind]

    def _collect(self, kind: str) -> Names:
        claims: dict[str, list[Registered]] = {}
        for owner, targets in self._ask(f"register_{kind}", targets_of):
            for name, target in targets.items():
                claims.setdefault(name, []).append(Registered(name, target, owner))
        clashes = {name: claimed for name, claimed in claims.items() if len(claimed) > 1}
        names = {name: claimed[0] for name, claimed in claims.items() if name not in clashes}
        for name, claimed in clashes.items():
            for claim in claimed:
                if claim.plugin == OWN:
                    names[name] = claim
                else:
                    self.blame(claim.plugin, clash(kind, claimed), clash=True)
        return Names(kind, names, {name: claimed for name, claimed in clashes.items() if name not in names})

    def _ask(self, hook: str, read: Callable[[Any], T]) -> list[tuple[str, T]]:
        """(plugin, what its ``hook`` returns as ``read`` understands it), in the order of registration."""
        found: list[tuple[str, T]] = []
        for implementation in getattr(self._pluggy.hook, hook).get_hookimpls():
            try:
                found.append((implementation.plugin_name, _call(implementation, read)))
            except Failed as error:
                self.blame(implementation.plugin_name, f"{hook}: {error}")
        return found

    def indexes(self) -> list[tuple[str, str]]:
        """(plugin, folder) of every further adapter index, in the order of registration."""
        return [(owner, folder) for owner, folders in self._ask("register_indexes", strings_of) for folder in folders]

    def problems_of(self, record: Mapping[str, Any]) -> list[str]:
        """What plugins have against an index record, as sentences; a check that fails is a problem too."""
        problems: list[str] = []
        for implementation in self._pluggy.hook.check_record.get_hookimpls():
            owner = implementation.plugin_name
            copies = [copy.deepcopy(record) for _ in implementation.argnames]
            try:
                problems += [f"{owner}: {shown(problem)}" for problem in _call(implementation, strings_of, *copies)]
            except Failed as error:
                problems.append(f"{owner}: the check failed: {error}")
        return problems


def _call(implementation: Any, read: Callable[[Any], T], *arguments: Any) -> T:
    """What a hook returns, as ``read`` understands it; raises :class:`Failed`."""
    return isolated(lambda: read(implementation.function(*arguments)))[0]


def _strict() -> bool:
    return os.environ.get("HUBKIT_STRICT_PLUGINS") == "1"


def _refused(plugin: Plugin, why: str) -> HubkitError:
    return HubkitError(
        f"Plugin {plugin.name} {plugin.version} is broken: {why.rstrip('.')}.",
        "Fix or uninstall it, or unset HUBKIT_STRICT_PLUGINS.",
    )


def _version(point: EntryPoint) -> str:
    try:
        return str(point.dist.version) if point.dist else "?"
    except Exception:
        return "?"


def _check_marks(module: object, hooks: Sequence[str]) -> None:
    """Raise for a function that is called like a hook and not marked as one, and for a plugin without hooks."""
    if unmarked := [hook for hook in HOOKS if hook not in hooks and callable(getattr(module, hook, None))]:
        raise TypeError(f"{unmarked[0]} is not marked with @hookimpl")
    if not hooks:
        raise TypeError("it has no function that is called like a hook and marked with @hookimpl")


@lru_cache(maxsize=1)
def plugin_manager() -> PluginManager:
    """The process-wide plugin manager, with installed plugins loaded."""
    if getattr(_loading, "now", False):
        raise HubkitError(
            "A plugin asks what is registered while plugins are being imported.",
            "Ask inside the function that needs it.",
        )
    _loading.now = True
    try:
        manager = PluginManager()
        manager.load_entry_points()
    finally:
        _loading.now = False
    return manager


def registered(kind: str) -> Names:
    """Names registered for ``kind``: ``sources``, ``objectives``, ``methods``, ``tasks``, ``commands`` …"""
    return plugin_manager().registered(kind)


def load_registered(kind: str, name: str) -> Any:
    """The attribute registered as ``name``; :class:`NotFoundError` lists the known names."""
    known = registered(kind)
    if name not in known:
        raise NotFoundError(f"No {kind.removesuffix('s')} is called {name!r}.", f"Known: {', '.join(known)}.")
    return known[name].load()


def make_registered(kind: str, name: str, **parameters: Any) -> Any:
    """What the class registered as ``name`` makes of ``parameters``.

    Raises :class:`NotFoundError` for an unknown name, and :class:`HubkitError` that names the plugin whose class fails.
    """
    made = load_registered(kind, name)
    return registered(kind)[name].run(lambda: made(**parameters))


def run_registered(kind: str, name: str, call: Callable[[], T]) -> T:
    """What ``call`` returns, which runs code of what is registered as ``name``, if anything is.

    Raises :class:`HubkitError` that names the plugin when its code fails.
    """
    known = registered(kind)
    return known[name].run(call) if name in known else call()
