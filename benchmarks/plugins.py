"""How long the program takes to start with many plugins installed, and that it loads no torch.

    python benchmarks/plugins.py [--plugins 50] [--repeats 7] [--json] [--check]

Writes plugins into a temporary folder, installed as `pip install --target` leaves them. Each registers a source, an
objective, a suite, a command and a rule for records; what it registers lies in a module that imports torch, the command
in one that does not. Every figure is the median over fresh processes, start of Python included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import click

import hubkit

TARGETS = {"help_seconds": 0.5}
HOOKS = '''"""A plugin that was generated."""

from hubkit import hookimpl


@hookimpl
def register_sources():
    return {{"{name}": "{package}.parts:Source"}}


@hookimpl
def register_objectives():
    return {{"{name}": "{package}.parts:Objective"}}


@hookimpl
def register_tasks():
    return {{"{name}": "{package}.parts:Suite"}}


@hookimpl
def register_commands():
    return {{"{name}": "{package}.command:command"}}


@hookimpl
def check_record(record):
    return []
'''
PARTS = '''import torch


class Source:
    """Nothing."""


class Objective(torch.nn.Module):
    """Nothing."""


class Suite:
    """Nothing."""
'''
COMMAND = '''import click


@click.command()
def command():
    """Say that {name} is here."""
    click.echo("{name}")
'''
RUN = """
import sys
from hubkit.cli.main import main
try:
    main({arguments})
finally:
    print(sorted({{"torch", "transformers", "numpy"}} & set(sys.modules)), file=sys.stderr)
"""


def write_plugins(folder: Path, count: int) -> None:
    """Write ``count`` installed plugins into ``folder``."""
    for number in range(count):
        name = f"generated-{number:03d}"
        package = f"hubkit_{name}".replace("-", "_")
        info = folder / f"{package}-1.0.dist-info"
        files = {
            folder / package / "__init__.py": HOOKS.format(name=name, package=package),
            folder / package / "parts.py": PARTS,
            folder / package / "command.py": COMMAND.format(name=name),
            info / "METADATA": f"Metadata-Version: 2.1\nName: hubkit-{name}\nVersion: 1.0\n",
            info / "entry_points.txt": f"[hubkit]\n{name} = {package}\n",
            info / "RECORD": "",
        }
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")


def run(site: Path | None, *arguments: str) -> tuple[float, str, list[str]]:
    """Seconds, standard output, and which heavy modules were loaded."""
    paths = [str(Path(hubkit.__file__).parents[1]), *([str(site)] if site else [])]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HUBKIT_")}
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "100"}
    if site is None:
        environment["HUBKIT_LOAD_PLUGINS"] = ""
    command = [sys.executable, "-c", RUN.format(arguments=list(arguments))]
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    heavy: list[str] = json.loads(done.stderr.replace("'", '"'))
    return time.perf_counter() - started, done.stdout, heavy


def measured(site: Path | None, repeats: int, *arguments: str) -> tuple[float, str, list[str]]:
    """The median of several runs, after one that compiles and reads files for the first time."""
    _, out, heavy = run(site, *arguments)
    return median(run(site, *arguments)[0] for _ in range(repeats)), out, heavy


def measure(count: int, repeats: int) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        write_plugins(site, count)
        alone, _, _ = measured(None, repeats, "--help")
        help_seconds, out, heavy = measured(site, repeats, "--help")
        command_seconds, said, _ = measured(site, repeats, "generated-000")
        listed_seconds, listed, _ = measured(site, repeats, "plugins", "--json")
    rows = [row for row in json.loads(listed) if row["name"].startswith("generated-")]
    return {
        "plugins": count, "ok": sum(row["status"] == "ok" for row in rows),
        "help_lists": sum("Say that generated-" in line for line in out.splitlines()), "heavy": heavy,
        "help_alone_seconds": alone, "help_seconds": help_seconds, "command_seconds": command_seconds,
        "plugins_seconds": listed_seconds, "command_says": said.strip(),
    }  # fmt: skip


def missed(found: dict[str, Any]) -> list[str]:
    """Targets that were not reached, as sentences."""
    wrong = [
        f"{name} is {found[name]:.3f}, the target is {most}" for name, most in TARGETS.items() if found[name] > most
    ]
    wrong += [f"hubkit --help loads {', '.join(found['heavy'])}"] if found["heavy"] else []
    wrong += [] if found["ok"] == found["help_lists"] == found["plugins"] else ["not every plugin is loaded and listed"]
    return wrong


@click.command()
@click.option("--plugins", "count", default=50, show_default=True, type=click.IntRange(min=1))
@click.option("--repeats", default=7, show_default=True, type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True)
@click.option("--check", is_flag=True, help="Exit 1 when a target is missed.")
def main(count: int, repeats: int, as_json: bool, check: bool) -> None:
    """Print how long the program takes to start with many plugins."""
    found = measure(count, repeats)
    if as_json:
        click.echo(json.dumps({**found, "targets": TARGETS}, indent=2))
    else:
        for name, value in found.items():
            click.echo(f"{name:20} {f'{value:.3f}' if isinstance(value, float) else value}")
    if check and (wrong := missed(found)):
        click.echo("; ".join(wrong), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
