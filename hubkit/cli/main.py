"""The ``hubkit`` program: finds commands by name, loads only the one that runs, turns errors into exit codes."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

import click

from hubkit.errors import HubkitError, NotFoundError
from hubkit.isolation import Failed, isolated, shown, told
from hubkit.plugins import OWN, Registered, load_registered, registered
from hubkit.version import __version__

SHORT_HELP = {
    "ablate": "Compare training recipes on equal terms, as a plan says.",
    "add-family": "Train, evaluate and install one adapter for a family of languages.",
    "add-language": "Train, evaluate and install an adapter for a language.",
    "annotate": "Judge sentence pairs by hand; calibrate a threshold, check a suite.",
    "cache": "List, verify and prune fetched files.",
    "compare": "Compare two adapters or recipes sentence by sentence.",
    "contribute": "Check, publish and index an adapter, and write its pull request.",
    "core": "List, describe, fetch and fingerprint core encoders.",
    "encode": "Turn lines of text into sentence vectors.",
    "estimate": "Say how long a run will take, and how much memory, disk and energy.",
    "evaluate": "Measure an adapter beside its controls, and write a report.",
    "fuse": "Train, evaluate and install a fusion of installed adapters.",
    "index": "Maintain an index of published adapters: add, validate, check, yank, build.",
    "info": "Show an adapter, or which adapters serve a language and why.",
    "install": "Fetch, verify and install published adapters.",
    "languages": "List languages, or show one with its relatives.",
    "lock": "Choose versions of adapters and write them to a lock file.",
    "new-plugin": "Write a plugin of your own: a package that is complete and tested.",
    "plugins": "Show plugins, what they register, and what is wrong with them.",
    "publish": "Publish an adapter to the Hub, and write its index record.",
    "search": "Find published adapters.",
    "train": "Train, evaluate and install the adapter that a configuration describes.",
    "update": "Install newer versions of what is installed.",
}
_EXPECTED = (HubkitError, OSError, click.ClickException, click.exceptions.Exit, click.Abort)


class Commands(click.Group):
    """Commands come from the hook ``register_commands``; a command's module is imported when it runs.

    A bug in a plugin's command is an error that names the plugin; with ``--debug`` its traceback is shown.
    """

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (*_EXPECTED, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            found = _registered_as(context.invoked_subcommand)
            if found is None or found.plugin == OWN:
                raise
            raise HubkitError(
                f"`hubkit {found.name}` of plugin {found.plugin} failed: {told(error)}.",
                f"Update or remove the plugin {found.plugin}; --debug shows where it failed.",
            ) from error

    def list_commands(self, context: click.Context) -> list[str]:
        return list(registered("commands"))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        try:
            command = load_registered("commands", name)
        except NotFoundError:
            return None
        if not isinstance(command, click.Command):
            found = registered("commands")[name]
            raise HubkitError(
                f"{found.target} of plugin {found.plugin} is no click command, but {type(command).__name__}.",
                f"Reinstall or remove the plugin {found.plugin}.",
            )
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, SHORT_HELP.get(name) or self._help_of(context, name)) for name in self.list_commands(context)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _help_of(self, context: click.Context, name: str) -> str:
        try:
            return isolated(lambda: self._short_help(context, name))[0]
        except Failed as error:  # a plugin's command may do anything
            return f"(broken: {error.__cause__.what if isinstance(error.__cause__, HubkitError) else error})"

    def _short_help(self, context: click.Context, name: str) -> str:
        command = self.get_command(context, name)
        return shown(command.get_short_help_str()) if command else ""


def _registered_as(name: str | None) -> Registered | None:
    return registered("commands").get(name) if name is not None else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="hubkit")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def program(debug: bool) -> None:
    """Adapters for multilingual representation models: add a language, encode with it, share what you trained."""


def main(arguments: list[str] | None = None) -> None:
    """Run the program and exit with the code of the contract (0, 1, 2, 3, 4 or 130)."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore", category=FutureWarning)
    given = sys.argv[1:] if arguments is None else arguments
    try:
        result: Any = program.main(args=given, prog_name="hubkit", standalone_mode=False)
    except Exception as error:
        sys.exit(_explain(error, debug="--debug" in given))
    except KeyboardInterrupt:
        click.echo("Interrupted. Run the same command again to go on where it stopped.", err=True)
        sys.exit(130)
    sys.exit(result if isinstance(result, int) else 0)


def _explain(error: Exception, debug: bool) -> int:
    """Print what went wrong and how to fix it; return the exit code."""
    if isinstance(error, click.exceptions.Exit):
        return int(error.exit_code)
    if isinstance(error, click.Abort):
        click.echo("Interrupted. Run the same command again to go on where it stopped.", err=True)
        return 130
    if isinstance(error, click.ClickException):
        error.show()
        return int(error.exit_code)
    if debug or not isinstance(error, HubkitError | OSError):
        raise error
    if isinstance(error, HubkitError):
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    click.echo(f"Error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}.", err=True)
    return 1
