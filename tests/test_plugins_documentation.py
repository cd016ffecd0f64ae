"""``docs/plugins.md``: every hook is there with an example, every example runs and passes the conformance kit."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
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
    from hubkit.languages import find

    (rows,) = blocks(sections()["register_languages"], "tsv")
    (folder / "languages.tsv").write_text(rows, "utf-8")
    testing.check_languages(found("sheng"))
    forget_languages()
    assert find("sw-x-sheng").name == "Sheng" and find("Sheng").iso639_3 == "swh"


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

    called = counting(testing.CHECKS[hook].__name__, monkeypatch)
    forget_languages()  # another test may have read the tables without this plugin's
    try:
        EXERCISES[hook](module, found, tmp_path, monkeypatch)
    finally:
        forget_languages()
    assert called, f"what is tried of {hook} does not call {testing.CHECKS[hook].__name__}"


def counting(check: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows by an entry each time that this check of the kit is called."""
    called: list[str] = []
    function = getattr(testing, check)

    def counted(*arguments: Any, **named: Any) -> None:
        called.append(check)
        function(*arguments, **named)

    monkeypatch.setattr(testing, check, counted)
    return called


def forget_languages() -> None:
    """Have the tables of languages read again."""
    for module in (codes, family, names, table):
        for value in list(vars(module).values()):
            if hasattr(value, "cache_clear"):
                value.cache_clear()


@dataclass(frozen=True)
class Known:
    """What there is to compare: hooks with their docstrings, the page, what is tried, the kit, hubkit's own texts."""

    hooks: Mapping[str, str]
    page: Mapping[str, str]
    exercises: Mapping[str, object]
    checks: Mapping[str, Callable[..., None]]
    told: frozenset[str]  # checks in the table of the page

    @classmethod
    def now(cls) -> Known:
        page = sections()
        told = frozenset(re.findall(r"^\| `(\w+)\(", page["Testing a plugin"], re.MULTILINE))
        hooks = {hook: inspect.getdoc(getattr(hookspecs, hook)) or "" for hook in HOOKS}
        return cls(hooks, page, EXERCISES, testing.CHECKS, told)

    def missing(self) -> list[str]:
        """What is not said about, or tried of, the hooks; and what is said or tried of hooks that do not exist."""
        wrong = [f"{hook}: {what}" for hook in sorted(self.hooks) for what in self._missing(hook)]
        known = {*self.exercises, *self.checks, *(title for title in self.page if looks_like_a_hook(title))}
        return wrong + [f"{hook}: there is no such hook" for hook in sorted(known - set(self.hooks))]

    def _missing(self, hook: str) -> Iterator[str]:
        section, docstring = self.page.get(hook, ""), self.hooks[hook]
        if len(blocks(section, "python")) != 1:
            yield "no example on the page"
        elif f"def {hook}(" not in blocks(section, "python")[0]:
            yield "the example on the page does not implement it"
        if not docstring.strip() or "\n" in docstring:
            yield "no docstring of one line"
        for protocol in protocols(docstring):
            if protocol not in section:
                yield f"the page does not name {protocol}"
        if hook not in self.exercises:
            yield "nothing is tried with its example"
        if hook not in self.checks:
            yield "no check in hubkit.testing"
        elif self.checks[hook].__name__ not in self.told:
            yield "its check is not in the table of the page"


def looks_like_a_hook(title: str) -> bool:
    return re.fullmatch(r"register_\w+|check_\w+", title) is not None


def protocols(docstring: str) -> list[str]:
    """The full names of the classes that a docstring names; each is there."""
    found = []
    for name in re.findall(r":class:`([\w.]+)`", docstring):
        module, _, attribute = name.rpartition(".")
        found.append(f"{module or hookspecs.__name__}.{attribute}")
        assert hasattr(importlib.import_module(module or hookspecs.__name__), attribute), name
    return found


def test_every_hook_is_documented_and_tested() -> None:
    assert len(HOOKS) == 9 == len(Known.now().hooks)
    assert Known.now().missing() == []


SECTION = sections().get("register_sources", "") if PAGE.exists() else ""
LACKS: dict[str, tuple[Callable[[Known], Known], str]] = {
    "a section": (lambda known: replace(known, page=without(known.page)), "no example on the page"),
    "an example": (lambda known: page_of(known, re.sub(r"```python.*?```", "", SECTION, flags=re.S)), "no example"),
    "an example of its own": (lambda known: page_of(known, SECTION.replace("def register_sources(", "def other(")),
                              "does not implement it"),
    "a word on its protocol": (lambda known: page_of(known, SECTION.replace("hubkit.corpora.source.Source", "it")),
                               "does not name hubkit.corpora.source.Source"),
    "a docstring": (lambda known: replace(known, hooks={**known.hooks, "register_sources": ""}), "no docstring"),
    "a short docstring": (lambda known: replace(known, hooks={**known.hooks, "register_sources": "A\nB"}), "one line"),
    "an exercise": (lambda known: replace(known, exercises=without(known.exercises)), "nothing is tried"),
    "a check": (lambda known: replace(known, checks=without(known.checks)), "no check in hubkit.testing"),
    "a row": (lambda known: replace(known, told=known.told - {"check_source"}), "not in the table"),
}  # fmt: skip


def without(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {hook: value for hook, value in mapping.items() if hook != "register_sources"}


def page_of(known: Known, section: str) -> Known:
    return replace(known, page={**known.page, "register_sources": section})


@pytest.mark.parametrize("what", LACKS)
def test_a_hook_that_lacks_something_is_noticed(what: str) -> None:
    change, said = LACKS[what]
    found = change(Known.now()).missing()
    assert found and all(text.startswith("register_sources: ") for text in found)
    assert any(said in text for text in found)


def test_a_new_hook_with_nothing_is_noticed() -> None:
    found = replace(Known.now(), hooks={**Known.now().hooks, "register_colours": "Colours."}).missing()
    assert len(found) == 3 and all(text.startswith("register_colours: ") for text in found)


def test_what_is_said_of_a_hook_that_is_gone_is_noticed() -> None:
    hooks = without(Known.now().hooks)
    assert replace(Known.now(), hooks=hooks).missing() == ["register_sources: there is no such hook"]


def test_hubkit_s_own_files_know_no_other_number_of_hooks() -> None:
    """The page, the contributing guide and the README say how many there are."""
    root = PAGE.parents[1]
    assert "## The nine hooks" in PAGE.read_text("utf-8")
    for file in ("README.md", "CONTRIBUTING.md"):
        if (root / file).exists():
            assert re.search(r"\bnine\b", (root / file).read_text("utf-8")), file


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
