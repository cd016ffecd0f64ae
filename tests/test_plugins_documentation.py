"""``docs/plugins.md``: every hook is there with an example, every example runs and passes the conformance kit."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from click.testing import CliRunner

from hubkit import hookspecs, plugins, testing
from hubkit.languages import codes, family, names, table
from hubkit.plugins import HOOKS, PluginManager

PAGE = Path(__file__).parents[1] / "docs" / "plugins.md"
MODULE = "hubkit_glossary"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="tests were installed without docs")


def sections() -> dict[str, str]:
    """Hook → its part of the page."""
    parts = re.split(r"^##+ (.*)$", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return {title.strip("`"): text for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], tuple[ModuleType, PluginManager]]]:
    """Install the example of a hook as the plugin ``glossary``, alone and strictly; its module, and the manager."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("HUBKIT_STRICT_PLUGINS", "1")
    monkeypatch.setenv("HUBKIT_LOAD_PLUGINS", "glossary")
    monkeypatch.setattr(plugins, "entry_points", lambda group: points(tmp_path))
    plugins.plugin_manager.cache_clear()

    def make(hook: str) -> tuple[ModuleType, PluginManager]:
        (source,) = blocks(sections()[hook], "python")
        (tmp_path / f"{MODULE}.py").write_text(source, "utf-8")
        info = tmp_path / f"{MODULE}-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {MODULE}\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text(f"[hubkit]\nglossary = {MODULE}\n")
        manager = plugins.plugin_manager()
        (found,) = [plugin for plugin in manager.plugins if plugin.name == "glossary"]
        assert (found.status, found.hooks) == ("ok", (hook,))
        return sys.modules[MODULE], manager

    yield make
    plugins.plugin_manager.cache_clear()
    sys.modules.pop(MODULE, None)


def points(folder: Path) -> list[EntryPoint]:
    return [point for each in distributions(path=[str(folder)]) for point in each.entry_points]


def languages(module: Any, found: Callable[[str], Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubkit.languages import find, table

    (rows,) = blocks(sections()["register_languages"], "tsv")
    (folder / "languages.tsv").write_text(rows, "utf-8")
    testing.check_languages(found("sheng"))
    caches = [
        function
        for function in vars(sys.modules["hubkit.languages.codes"]).values()
        if hasattr(function, "cache_clear")
    ]
    caches += [table.rows, table.languages]
    for cache in caches:
        cache.cache_clear()
    try:
        assert find("sw-x-sheng").name == "Sheng" and find("Sheng").iso639_3 == "swh"
    finally:
        for cache in caches:
            cache.cache_clear()


def sources(module: Any, found: Callable[[str], Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sw.tsv").write_text("mti\ttree\n\nnyumba\thouse\nbroken\n", "utf-8")
    monkeypatch.setenv("GLOSSARY_FOLDER", str(folder))
    testing.check_source(found("glossary"), "sw")


def objectives(module: Any, found: Callable[[str], Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    testing.check_objective(found("cosine"), weight=2.0)


def methods(module: Any, found: Callable[[str], Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("lora4")().adapterhub_config()["r"] == 4
    testing.check_method(found("lora4"))


def tasks(module: Any, found: Callable[[str], Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    testing.check_suite(found("greetings"), "sw", "fr")


def exporters(module: Any, found: Callable[[str], Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    testing.check_exporter(found("table"))


def commands(module: Any, found: Callable[[str], Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = found("hello")
    testing.check_command(command)
    assert isinstance(command, click.Command)
    assert CliRunner().invoke(command, ["--name", "Ann"]).output == "hello Ann\n"


def indexes(module: Any, found: Callable[[str], Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(testing.ConformanceError, match="is no folder"):
        testing.check_indexes(module.register_indexes)
    (folder / "index").mkdir()
    testing.check_indexes(module.register_indexes)
    assert plugins.plugin_manager().indexes() == [("glossary", str(folder / "index"))]


def record(module: Any, found: Callable[[str], Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = testing.example_record(), testing.example_record(license="GPL-3.0-only")
    testing.check_record_hook(module.check_record, ours, theirs)
    (problem,) = plugins.plugin_manager().problems_of(theirs)
    assert problem == "glossary: GPL-3.0-only is no licence that we publish under"


EXERCISES = {
    "register_languages": languages,
    "register_sources": sources,
    "register_objectives": objectives,
    "register_methods": methods,
    "register_tasks": tasks,
    "register_exporters": exporters,
    "register_indexes": indexes,
    "register_commands": commands,
    "check_record": record,
}
"""Hook → what is tried with its example; a hook without one fails below."""


@pytest.mark.parametrize("hook", EXERCISES)
def test_the_example_of_a_hook_runs_and_passes_the_kit(
    hook: str, install: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, manager = install(hook)
    kind = hook.removeprefix("register_")

    def found(name: str) -> Any:
        assert manager.registered(kind)[name].plugin == "glossary"
        return manager.registered(kind)[name].load()

    forget_languages()  # another test may have read the tables without this plugin's
    try:
        EXERCISES[hook](module, found, tmp_path, monkeypatch)
    finally:
        forget_languages()


def forget_languages() -> None:
    """Have the tables of languages read again."""
    for module in (codes, family, names, table):
        for value in list(vars(module).values()):
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def missing(hooks: set[str], page: dict[str, str]) -> list[str]:
    """What is not said about, or tried of, these hooks."""
    wrong = [f"{hook} has no example" for hook in sorted(hooks) if len(blocks(page.get(hook, ""), "python")) != 1]
    wrong += [f"{hook} is not tried" for hook in sorted(hooks - set(EXERCISES))]
    wrong += [f"{hook} has no check in hubkit.testing" for hook in sorted(hooks - set(testing.CHECKS))]
    for hook in sorted(hooks):
        text = getattr(getattr(hookspecs, hook, None), "__doc__", None) or ""
        wrong += [] if text.strip() and "\n" not in text else [f"{hook} has no docstring of one line"]
    return wrong


def test_every_hook_is_documented_and_tested() -> None:
    assert len(HOOKS) == 9
    assert missing(set(HOOKS), sections()) == []
    assert set(EXERCISES) == set(testing.CHECKS) == set(HOOKS)


def test_a_hook_that_is_neither_would_be_noticed() -> None:
    found = missing({*HOOKS, "register_colours"}, sections())
    assert len(found) == 4 and all(text.startswith("register_colours") for text in found)


def test_every_check_is_in_the_table_of_the_page() -> None:
    told = set(re.findall(r"^\| `(\w+)\(", sections()["Testing a plugin"], re.MULTILINE))
    assert told == {name for name in testing.__all__ if name.startswith("check_")}


def test_the_project_file_is_one(install: Callable[[str], Any]) -> None:
    from hubkit.settings import tomllib

    (text,) = blocks(sections()["Begin"], "toml")
    project = tomllib.loads(text)
    assert project["project"]["entry-points"]["hubkit"] == {"glossary": MODULE}
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["include"] == [f"{MODULE}.py"]


def test_the_tests_of_the_page_pass(install: Callable[[str], Any], tmp_path: Path) -> None:
    install("register_objectives")
    (source,) = blocks(sections()["Testing a plugin"], "python")
    content: dict[str, Any] = {}
    exec(compile(source, str(PAGE), "exec"), content)
    tests = [function for name, function in content.items() if name.startswith("test_")]
    assert len(tests) == 3
    for test in tests:
        test(*(tmp_path for _ in inspect.signature(test).parameters))


def test_no_other_python_is_on_the_page() -> None:
    in_sections = sum(len(blocks(sections()[title], "python")) for title in (*HOOKS, "Testing a plugin"))
    assert len(blocks(PAGE.read_text("utf-8"), "python")) == in_sections
