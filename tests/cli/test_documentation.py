"""``docs/cli.md`` and ``--help`` say the same, and every ``--help`` works."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from hubkit import builtin
from hubkit.cli.main import program
from hubkit.plugins import Registered
from hubkit.training.recipe import Recipe

DOCS = Path(__file__).parents[2] / "docs"
Run = Callable[..., Any]


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every built-in command and subcommand, by the words that call it."""
    for name, target in sorted(builtin.register_commands().items()):
        yield from below(name, Registered(name, target, "hubkit").load())


def below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            yield from below(f"{path} {name}", child)


EVERY = dict(commands())


def options(command: click.Command) -> list[str]:
    """All spellings of all options but ``--help``."""
    found = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return [spelling for option in found for spelling in (*option.opts, *option.secondary_opts)]


def sections() -> dict[str, str]:
    """Heading → text of ``docs/cli.md``, for the headings that are a command: ``## `hubkit core info` ``."""
    text = (DOCS / "cli.md").read_text("utf-8")
    parts = re.split(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {heading.strip("`"): body for heading, body in zip(parts[1::2], parts[2::2], strict=True)}


def mentions(text: str, option: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text) is not None


@pytest.mark.parametrize("path", EVERY)
def test_help_works(path: str, run: Run) -> None:
    ended = run(*path.split(), "--help")
    assert (ended.code, ended.err) == (0, "")
    assert f"hubkit {path}" in ended.out
    assert EVERY[path].help
    for option in options(EVERY[path]):
        assert mentions(ended.out, option), option


@pytest.mark.parametrize("path", EVERY)
def test_every_option_has_a_help_text(path: str) -> None:
    for parameter in EVERY[path].params:
        if isinstance(parameter, click.Option):
            assert parameter.help and parameter.help.endswith((".", "]")), parameter.name


@pytest.mark.parametrize("path", EVERY)
def test_the_document_has_every_command_and_option(path: str) -> None:
    section = sections().get(f"hubkit {path}")
    assert section is not None, f"docs/cli.md has no heading `hubkit {path}`"
    missing = [option for option in options(EVERY[path]) if not mentions(section, option)]
    assert not missing, f"docs/cli.md does not mention {missing} under `hubkit {path}`"


@pytest.mark.parametrize("path", EVERY)
def test_the_document_has_no_option_that_does_not_exist(path: str) -> None:
    known = {*options(EVERY[path]), "--help"}
    told = set(re.findall(r"^\| `(--?[\w-]+)", sections()[f"hubkit {path}"], re.MULTILINE))
    assert told <= known


def test_the_document_has_no_command_that_does_not_exist() -> None:
    headed = {heading.removeprefix("hubkit ") for heading in sections() if heading.startswith("hubkit ")}
    assert headed == set(EVERY)


def test_the_document_has_the_program_s_own_options() -> None:
    section = sections()["Every command"]
    assert not [option for option in options(program) if not mentions(section, option)]


def test_the_default_method_and_objective_are_named() -> None:
    section = sections()["hubkit add-language"]
    for name in (Recipe().method, Recipe().objective):
        assert f"`{name}` (the default)" in section


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md") if path.name != "index.md"))
def test_the_index_links_to_every_page(page: str) -> None:
    assert f"]({page})" in (DOCS / "index.md").read_text("utf-8")


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (DOCS / target).exists(), target
