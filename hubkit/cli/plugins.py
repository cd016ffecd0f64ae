"""``hubkit plugins``: what is installed and in which state."""

from __future__ import annotations

import json
from typing import Any

import click

from hubkit.plugins import KINDS, OWN, Plugin, PluginManager, plugin_manager


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugins(as_json: bool) -> None:
    """Show plugins, what they register, and what is wrong with them."""
    manager = plugin_manager()
    names = _registered(manager)
    _read_languages(manager)
    if as_json:
        rows = [_row(plugin, names.get(plugin.name, [])) for plugin in manager.plugins]
        click.echo(json.dumps(rows, indent=2))
        return
    for plugin in manager.plugins:
        for line in _lines(plugin, names.get(plugin.name, [])):
            click.echo(line)


def _registered(manager: PluginManager) -> dict[str, list[str]]:
    """Plugin → ``kind: name`` of all that it registers; every hook is called."""
    names: dict[str, list[str]] = {}
    for kind in KINDS:
        for found in manager.registered(kind).values():
            names.setdefault(found.plugin, []).append(f"{kind}: {found.name}")
    for owner, folder in manager.indexes():
        names.setdefault(owner, []).append(f"indexes: {folder}")
    return names


def _read_languages(manager: PluginManager) -> None:
    """Read the tables of languages, which have not been used yet, so that what is wrong with them is known."""
    if any(found.plugin != OWN for found in manager.registered("languages").values()):
        from hubkit.languages.table import check_plugins

        check_plugins()


def _row(plugin: Plugin, registers: list[str]) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "version": plugin.version,
        "status": plugin.status,
        "hooks": list(plugin.hooks),
        "registers": [] if plugin.errors and not plugin.hooks else registers,
        "error": plugin.error,
        "warnings": plugin.warnings,
        "seconds": round(plugin.seconds, 4),
    }


def _lines(plugin: Plugin, registers: list[str]) -> list[str]:
    """A plugin as text: a line with its state, and below it what it implements, registers and does wrong."""
    if plugin.status == "off":
        return [f"{plugin.name} {plugin.version}  off (HUBKIT_LOAD_PLUGINS leaves it out)"]
    row = _row(plugin, registers)
    seconds = f"  {plugin.seconds:.3f} s" if plugin.seconds else ""
    hooks = [f"hooks: {', '.join(plugin.hooks)}"] if plugin.hooks else []
    below = (*hooks, *row["registers"], *plugin.errors, *plugin.clashes, *plugin.warnings)
    return [f"{plugin.name} {plugin.version}  {plugin.status}{seconds}", *(f"  {line}" for line in below)]
