"""The program: its commands, its exit codes, what it says when something goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

import hubkit
from hubkit import builtin
from hubkit.cli import main as module
from hubkit.corpora.source import SourceUnavailable
from hubkit.errors import BusyError, HubkitError, NotFoundError, UsageError, VerificationError
from hubkit.plugins import Registered

Run = Callable[..., Any]
Fails = Callable[..., None]


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Fails:
    """Make ``hubkit fail`` a command that raises this."""

    def make(error: BaseException, plugin: str = "hubkit") -> None:
        @click.command()
        def fail() -> None:
            """Fail as it was told to."""
            raise error

        monkeypatch.setattr(module, "registered", lambda kind: {"fail": Registered("fail", "a:b", plugin)})
        monkeypatch.setattr(module, "load_registered", lambda kind, name: fail)

    return make


ERRORS = [
    (HubkitError("It failed.", "Mend it."), 1),
    (UsageError("It failed.", "Mend it."), 2),
    (VerificationError("It failed.", "Mend it."), 3),
    (NotFoundError("It failed.", "Mend it."), 4),
    (BusyError("It failed.", "Mend it."), 1),
    (SourceUnavailable("It failed.", "Mend it."), 1),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_an_error_is_a_paragraph_and_an_exit_code(error: HubkitError, code: int, run: Run, fails: Fails) -> None:
    fails(error)
    assert run("fail") == (code, "", "Error: It failed. Mend it.\n")


def test_every_error_class_has_a_code_of_the_contract() -> None:
    classes = {HubkitError, *all_below(HubkitError)}
    assert {type(error) for error, _ in ERRORS} <= classes
    assert {each.exit_code for each in classes} <= {1, 2, 3, 4}
    assert module._explain(HubkitError("Only this."), debug=False) == 1


def all_below(parent: type[HubkitError]) -> set[type[HubkitError]]:
    return {each for child in parent.__subclasses__() for each in (child, *all_below(child))}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError(2, "No such file or directory", "in.txt"), "Error: No such file or directory: in.txt.\n"),
        (OSError(28, "No space left on device"), "Error: No space left on device.\n"),
        (OSError("odd"), "Error: odd.\n"),
    ],
)
def test_the_system_s_errors_are_a_line(error: OSError, message: str, run: Run, fails: Fails) -> None:
    fails(error)
    assert run("fail") == (1, "", message)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_interrupted(error: BaseException, run: Run, fails: Fails) -> None:
    fails(error)
    ended = run("fail")
    assert ended.code == 130
    assert "Interrupted. Run the same command again" in ended.err
    assert "Traceback" not in ended.err


def test_interrupted_while_a_command_is_imported(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module.program, "main", interrupted)
    assert run("plugins").code == 130


@pytest.mark.parametrize(("error", "_code"), ERRORS, ids=lambda value: type(value).__name__)
def test_debug_shows_the_traceback(error: HubkitError, _code: int, home: Path, fails: Fails) -> None:
    fails(error)
    with pytest.raises(type(error)):
        module.main(["--debug", "fail"])


def test_debug_as_the_user_sees_it(home: Path) -> None:
    arguments = ["core", "info", "no-such-core"]
    plain, debug = program(home, *arguments), program(home, "--debug", *arguments)
    assert plain.returncode == 4
    assert plain.stderr.startswith("Error: There is no core 'no-such-core'")
    assert "Traceback" not in plain.stderr
    assert debug.returncode == 1
    assert "Traceback" in debug.stderr and "NotFoundError" in debug.stderr


def test_usage_by_click_is_2_even_with_debug(run: Run) -> None:
    ended = run("--debug", "encode", "--batch-size", "0")
    assert ended.code == 2
    assert "Invalid value for '--batch-size'" in ended.err
    assert "Traceback" not in ended.err


def test_a_bug_keeps_its_traceback(home: Path, fails: Fails) -> None:
    fails(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        module.main(["fail"])


class Odd(BaseException):
    """Neither an error nor an exit."""


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), Odd("a bug"), RecursionError("a bug")])
def test_a_bug_of_a_plugin_names_the_plugin(error: BaseException, run: Run, fails: Fails) -> None:
    fails(error, "theirs")
    ended = run("fail")
    assert (ended.code, ended.out) == (1, "")
    assert f"`hubkit fail` of plugin theirs failed: {type(error).__name__}: a bug." in ended.err
    with pytest.raises(HubkitError) as caught:
        module.main(["--debug", "fail"])
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(("error", "code"), [*ERRORS, (OSError(2, "Nothing there"), 1), (SystemExit(7), 7)])
def test_what_a_plugin_s_command_says_by_an_error_is_its_own(
    error: BaseException, code: int, run: Run, fails: Fails
) -> None:
    fails(error, "theirs")
    ended = run("fail")
    assert ended.code == code and "plugin" not in ended.err


def test_ok_and_the_codes_that_commands_return(run: Run, fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("--version") == (0, f"hubkit, version {hubkit.__version__}\n", "")
    fails(click.exceptions.Exit(3))
    assert run("fail").code == 3
    monkeypatch.setattr(module.program, "main", lambda **_: None)
    assert run("anything").code == 0


def test_an_unknown_command(run: Run) -> None:
    ended = run("frobnicate")
    assert ended.code == 2
    assert "No such command 'frobnicate'" in ended.err


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_every_command_with_a_line(option: str, run: Run) -> None:
    ended = run(option)
    assert ended.code == 0
    for name in builtin.register_commands():
        (line,) = [line for line in ended.out.splitlines() if line.startswith(f"  {name} ")]
        assert len(line.split(maxsplit=1)[1]) > 10


def test_short_help_is_of_commands_that_exist() -> None:
    assert set(module.SHORT_HELP) <= set(builtin.register_commands())


def test_help_of_a_plugin_s_command_is_its_own(run: Run, fails: Fails) -> None:
    fails(RuntimeError())
    assert "Fail as it was told to." in run("--help").out


def test_a_broken_command_of_a_plugin_does_not_hide_the_others(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {
        "works": Registered("works", "json:dumps", "p"),
        "broken": Registered("broken", "nowhere:x", "their-plugin"),
    }
    monkeypatch.setattr(module, "registered", lambda kind: found)
    monkeypatch.setattr(module, "load_registered", lambda kind, name: found[name].load())
    monkeypatch.setitem(module.SHORT_HELP, "works", "It works.")
    ended = run("--help")
    assert ended.code == 0
    assert "It works." in ended.out
    assert "(broken:" in ended.out
    broken = run("broken")
    assert broken.code == 1
    assert "their-plugin" in broken.err


def test_python_m_hubkit_is_the_program(home: Path) -> None:
    done = program(home, "--version")
    assert (done.returncode, done.stdout) == (0, f"hubkit, version {hubkit.__version__}\n")
    assert program(home, "frobnicate").returncode == 2


def program(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(hubkit.__file__).parents[1]), "HUBKIT_HOME": str(home)}
    environment["HUBKIT_LOAD_PLUGINS"] = ""
    return subprocess.run(
        [sys.executable, "-m", "hubkit", *arguments], capture_output=True, text=True, env=environment, timeout=60
    )
