"""What the program relies on in a command: a help text, and an import that costs nothing."""

from __future__ import annotations

import click
from click.testing import CliRunner

from hubkit.testing.child import last_line, run_python
from hubkit.testing.error import require, require_text


def check_command(command: click.Command, target: str | None = None) -> None:
    """Check a click command or group; ``target`` is the ``module:attribute`` that it is registered as.

    It and every command below it have a help text, every option has one, ``--help`` works, and importing the module
    loads no torch: it is imported for its line in ``hubkit --help``. Raises :class:`hubkit.testing.ConformanceError`.
    """
    require(isinstance(command, click.Command), f"{command!r} is no click command")
    _check_help(command, command.name or "the command")
    if target is not None:
        done = run_python(f"import {target.partition(':')[0]}, sys; print('torch' in sys.modules)")
        require(done.returncode == 0, f"{target} cannot be imported: {last_line(done.stderr)}")
        require(done.stdout.split() == ["False"], f"importing {target} loads torch, or prints: {done.stdout!r:.200}")


def _check_help(command: click.Command, path: str) -> None:
    require_text(command.help, f"the help text of {path}")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            require_text(parameter.help, f"the help text of {path} {parameter.opts[0]}")
    done = CliRunner().invoke(command, ["--help"])
    require(done.exit_code == 0, f"{path} --help ends with {done.exit_code}: {done.output}")
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            _check_help(child, f"{path} {name}")
