"""``hubkit plugins``: what is installed and in which state."""

from __future__ import annotations

import json

import click

from hubkit.plugins import plugin_manager

KINDS = ("languages", "sources", "objectives", "methods", "tasks", "exporters", "commands")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugins(as_json: bool) -> None:
    """Show plugins, what they register, and what is wrong with them."""
    manager = plugin_manager()
    names: dict[str, list[str]] = {}
    for kind in KINDS:
        for found in manager.registered(kind).values():
            names.setdefault(found.plugin, []).append(f"{kind}: {found.name}")
    rows = [
        {
            "name": plugin.name,
            "version": plugin.version,
            "status": plugin.status,
            "hooks": list(plugin.hooks),
            "registers": names.get(plugin.name, []),
            "error": plugin.error,
            "warnings": plugin.warnings,
        }
        for plugin in manager.plugins
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for plugin in manager.plugins:
        click.echo(f"{plugin.name} {plugin.version}  {plugin.status}")
        problems = [plugin.error] if plugin.error else []
        for line in (*names.get(plugin.name, []), *problems, *plugin.warnings):
            click.echo(f"  {line}")
