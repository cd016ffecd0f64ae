"""The way in: forms, the guide's five commands, governance. What they say of hubkit is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from hubkit import builtin
from hubkit.plugins import Registered
from hubkit.registry.names import NAME
from hubkit.registry.record import PREFIXES

ROOT = Path(__file__).parents[1]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
pytestmark = pytest.mark.skipif(not FORMS, reason="tests were installed without the repository")
QUESTIONS = "## What no machine can check"
WANTED = {"new_language", "adapter_problem", "plugin", "bug"}
KINDS = {"markdown", "input", "textarea", "dropdown", "checkboxes"}


def text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


@pytest.mark.parametrize("path", [path for path in FORMS if path.stem != "config"], ids=lambda path: path.stem)
def test_a_form_is_as_github_wants_it(path: Path) -> None:
    form: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    assert set(form) <= {"name", "description", "title", "labels", "body"} and form["name"] and form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in form["body"]} <= KINDS and fields
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)
    for field in fields:
        assert ("options" in field["attributes"]) == (field["type"] in ("dropdown", "checkboxes"))


def test_there_is_a_form_for_each() -> None:
    assert {path.stem for path in FORMS} - {"config"} == WANTED


def questions(body: str) -> list[str]:
    return re.findall(r"^- .*", body.partition(QUESTIONS)[2], re.MULTILINE)


def test_the_forms_of_a_record_ask_the_same() -> None:
    by_hand, written = (
        text(path) for path in (".github/PULL_REQUEST_TEMPLATE/index_record.md", "hubkit/templates/pull_request.md.j2")
    )
    assert questions(by_hand) == questions(written) and len(questions(written)) == 5


def commands(page: str) -> list[list[str]]:
    """The lines of the indented blocks that call hubkit or git, as words."""
    lines = re.findall(r"^    ((?:hubkit|git) .*)$", page, re.MULTILINE)
    return [shlex.split(part) for line in lines for part in line.split(" && ")]


def test_the_five_commands_are_five_and_exist() -> None:
    section = text("CONTRIBUTING.md").partition("## Adapters and findings")[2].partition("\n## ")[0]
    (block,) = re.findall(r"(?:^    .*\n)+", section, re.MULTILINE)
    assert len(block.splitlines()) == 5
    known = builtin.register_commands()
    for words in commands(block):
        if words[0] == "hubkit":
            command: click.Command = Registered(words[1], known[words[1]], "hubkit").load()
            options = {spelling for parameter in command.params for spelling in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/governance.md", "docs/registry.md", "docs/publishing.md"])
def test_every_hubkit_command_on_the_page_exists(page: str) -> None:
    named = set(re.findall(r"`hubkit ([a-z][a-z-]*)", text(page)))
    assert named and named <= set(builtin.register_commands())


def test_governance_names_the_prefixes_that_there_are() -> None:
    page = text("docs/governance.md")
    told = set(re.findall(r"^\| `([a-z]+-)` \|", page, re.MULTILINE))
    assert told == set(PREFIXES.values())
    for name in re.findall(r"`((?:lang|fam|task|fuse|finding)-[a-z]+(?:-[a-z]+)?)`", page):
        assert NAME.fullmatch(name), name


def test_what_the_machine_keeps_is_what_the_registry_says() -> None:
    """Rules that governance relies on are options and checks of the index's commands."""
    check: Any = Registered("index", builtin.register_commands()["index"], "hubkit").load().commands["check"]
    assert "--new-owner" in {spelling for parameter in check.params for spelling in parameter.opts}
    assert "A yank cannot be taken back" in text("docs/governance.md")
    assert "A yank cannot be taken back" in text("docs/registry.md")


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "docs/index.md", "docs/governance.md", "CODE_OF_CONDUCT.md"]
)
def test_links_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", text(page)):
        path = folder / target if target else ROOT / page
        assert path.exists(), target
        if anchor and path.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, f"{page}: {target}#{anchor}"


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", ["CODE_OF_CONDUCT.md", "docs/governance.md"])
def test_they_are_linked_from_the_way_in(page: str) -> None:
    for start in ("README.md", "CONTRIBUTING.md", "docs/index.md"):
        assert Path(page).name in text(start), start
