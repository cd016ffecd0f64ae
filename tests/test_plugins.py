"""Loading of plugins: each alone, a broken one reported, names taken once."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hubkit import __version__, builtin, hookspecs, plugins
from hubkit.corpora.source import Pair, Source
from hubkit.errors import HubkitError, NotFoundError
from hubkit.plugins import Plugin, PluginManager, Registered

DOCUMENT = Path(__file__).parents[1] / "docs" / "plugins.md"
GOOD = """
from hubkit import hookimpl

@hookimpl
def register_sources():
    return {"good": "json:dumps"}
"""
Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a plugin of one module with this entry point; plugins of the environment are not seen."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv("HUBKIT_LOAD_PLUGINS", raising=False)
    monkeypatch.delenv("HUBKIT_STRICT_PLUGINS", raising=False)

    def points(group: str) -> list[EntryPoint]:
        found = distributions(path=[str(folder)])
        return [point for each in found for point in each.entry_points if point.group == group]

    monkeypatch.setattr(plugins, "entry_points", points)

    def make(name: str, source: str, version: str = "1.2", distribution: str | None = None) -> str:
        distribution = distribution or f"hubkit_test_{name}"
        (folder / f"{distribution}.py").write_text(source)
        info = folder / f"{distribution}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[hubkit]\n{name} = {distribution}\n")
        monkeypatch.delitem(sys.modules, distribution, raising=False)
        return distribution

    return make


def loaded() -> tuple[PluginManager, dict[str, Plugin]]:
    manager = PluginManager()
    manager.load_entry_points()
    return manager, {plugin.name: plugin for plugin in manager.plugins}


def source_that_registers(kind: str, expression: str) -> str:
    return f"from hubkit import hookimpl\n\n@hookimpl\ndef register_{kind}():\n    return {expression}\n"


def test_built_ins_register_through_the_hooks() -> None:
    manager = PluginManager()
    (own,) = manager.plugins
    assert (own.name, own.version, own.status, own.error) == ("hubkit", __version__, "ok", None)
    expected = {
        "languages": builtin.register_languages(),
        "sources": builtin.register_sources(),
        "objectives": builtin.register_objectives(),
        "methods": builtin.register_methods(),
        "tasks": builtin.register_tasks(),
        "commands": builtin.register_commands(),
    }
    for kind, targets in expected.items():
        found = manager.registered(kind)
        assert {name: each.target for name, each in found.items()} == targets
        assert {each.plugin for each in found.values()} == {"hubkit"}
        assert list(found) == sorted(found)
        assert f"register_{kind}" in own.hooks


def test_there_are_nine_hooks() -> None:
    hooks = [name for name, value in vars(hookspecs).items() if hasattr(value, "hubkit_spec")]
    assert len(hooks) == 9
    assert all(getattr(hookspecs, name).__doc__ for name in hooks)


def test_a_plugin_registers(install: Install) -> None:
    install("good", GOOD)
    manager, found = loaded()
    assert (found["good"].version, found["good"].status) == ("1.2", "ok")
    assert found["good"].hooks == ("register_sources",)
    assert manager.registered("sources")["good"] == Registered("good", "json:dumps", "good")


BROKEN = {
    "raises": ("raise RuntimeError('boom')", "RuntimeError: boom"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3"),
    "lacks a module": ("import hubkit_test_no_such_module", "ModuleNotFoundError: No module named"),
    "has no syntax": ("def (", "SyntaxError"),
    "unknown hook": (
        "from hubkit import hookimpl\n\n@hookimpl\ndef register_sources():\n    return {'left': 'json:dumps'}\n\n"
        "@hookimpl\ndef register_colours():\n    return {}\n",
        "register_colours",
    ),
    "wrong argument": (
        "from hubkit import hookimpl\n\n@hookimpl\ndef check_record(records):\n    return []\n",
        "records",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_reported_and_the_rest_works(case: str, install: Install) -> None:
    source, message = BROKEN[case]
    install("broken", source)
    install("good", GOOD)
    manager, found = loaded()
    assert found["broken"].status == "broken"
    assert message in (found["broken"].error or "")
    assert found["good"].status == "ok"
    assert {"good", *builtin.register_sources()} == set(manager.registered("sources"))


def test_an_interrupt_is_no_broken_plugin(install: Install) -> None:
    install("slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        loaded()


@pytest.mark.parametrize(
    "expression",
    ["1 / 0", "None", "['name']", "{'name': dict}", "{'name': 'json.dumps'}", "{3: 'json:dumps'}"],
)
def test_a_hook_that_fails_or_returns_something_else(expression: str, install: Install) -> None:
    install("odd", source_that_registers("sources", expression))
    install("good", GOOD)
    manager, found = loaded()
    assert found["odd"].status == "ok"
    assert {"good", *builtin.register_sources()} == set(manager.registered("sources"))
    assert found["odd"].status == "broken"
    assert "Error: " in (found["odd"].error or "")


def test_a_name_clash_names_both(install: Install) -> None:
    install("first", source_that_registers("methods", "{'dora': 'json:dumps'}"))
    install("second", source_that_registers("methods", "{'dora': 'json:loads'}"))
    manager, _ = loaded()
    with pytest.raises(HubkitError, match=r"'dora' is registered twice in methods") as caught:
        manager.registered("methods")
    assert "first" in str(caught.value) and "second" in str(caught.value)
    assert "HUBKIT_LOAD_PLUGINS" in str(caught.value)


def test_a_clash_with_hubkit_names_both(install: Install) -> None:
    install("theirs", source_that_registers("methods", "{'lora': 'json:dumps'}"))
    manager, _ = loaded()
    with pytest.raises(HubkitError) as caught:
        manager.registered("methods")
    assert "theirs" in str(caught.value) and "hubkit" in str(caught.value)
    assert manager.registered("sources")


def test_the_same_name_in_two_kinds_is_no_clash(install: Install) -> None:
    install("two", source_that_registers("objectives", "{'lora': 'json:dumps'}"))
    manager, _ = loaded()
    assert manager.registered("objectives")["lora"].plugin == "two"


@pytest.mark.parametrize("name", ["hubkit", "good"])
def test_a_plugin_name_taken_twice_breaks_the_later_one_only(name: str, install: Install) -> None:
    install("good", GOOD)
    install(name, source_that_registers("sources", "{'late': 'json:dumps'}"), distribution="hubkit_test_zz_late")
    manager, _ = loaded()
    assert {"good", *builtin.register_sources()} == set(manager.registered("sources"))
    (broken,) = [plugin for plugin in manager.plugins if plugin.status == "broken"]
    assert broken.name == name
    assert "already" in (broken.error or "")


def test_a_slow_import_is_a_warning(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plugins.SLOW_IMPORT_SECONDS == 1.0
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(plugins.time, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(plugins, "hubkit_test_clock", clock, raising=False)
    wait = "from hubkit import plugins\nplugins.hubkit_test_clock.now += {}\n"
    install("slow", wait.format(1.3) + GOOD)
    install("quick", wait.format(0.9))
    _, found = loaded()
    assert (found["slow"].status, found["slow"].warnings) == ("slow", ["import took 1.3 s"])
    assert found["quick"].status == "ok"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(None, {"a", "b", "c"}), ("", set()), ("b", {"b"}), (" a , c ,", {"a", "c"}), ("unknown", set())],
)
def test_load_plugins_limits_which(
    wanted: str | None, expected: set[str], install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = {name: install(name, source_that_registers("sources", f"{{'{name}': 'json:dumps'}}")) for name in "abc"}
    if wanted is not None:
        monkeypatch.setenv("HUBKIT_LOAD_PLUGINS", wanted)
    manager, found = loaded()
    assert set(found) == {"hubkit", *expected}
    assert {name for name, module in modules.items() if module in sys.modules} == expected
    assert expected <= set(manager.registered("sources"))


def test_strict_refuses_a_broken_import(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("broken", "raise RuntimeError('boom')")
    monkeypatch.setenv("HUBKIT_STRICT_PLUGINS", "1")
    with pytest.raises(HubkitError, match=r"Plugin broken 1\.2 is broken: RuntimeError: boom"):
        loaded()


def test_strict_refuses_a_hook_that_fails(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("odd", source_that_registers("tasks", "1 / 0"))
    monkeypatch.setenv("HUBKIT_STRICT_PLUGINS", "1")
    manager, _ = loaded()
    with pytest.raises(HubkitError, match="Plugin odd is broken: ZeroDivisionError"):
        manager.registered("tasks")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("hubkit_test_no_such_module:thing", "No module named"),
        ("json:thing", "thing"),
        ("json:", "json"),
        (":thing", "Empty module name"),
        ("hubkit_test_fails:thing", "RuntimeError: boom"),
        ("hubkit_test_exits:thing", "SystemExit: 3"),
    ],
)
def test_a_target_that_cannot_be_loaded_names_the_plugin(target: str, message: str, install: Install) -> None:
    install("fails", "raise RuntimeError('boom')")
    install("exits", "raise SystemExit(3)")
    with pytest.raises(HubkitError) as caught:
        Registered("thing", target, "their-plugin").load()
    assert "their-plugin" in str(caught.value)
    assert message in str(caught.value)
    assert not isinstance(caught.value, NotFoundError)


def test_a_target_is_imported_when_it_is_used(install: Install) -> None:
    install("good", source_that_registers("sources", "{'late': 'hubkit_test_late:Late'}"))
    late = install("late", "class Late:\n    pass\n")
    manager = PluginManager()
    manager._load(next(point for point in plugins.entry_points(group="hubkit") if point.name == "good"))
    found = manager.registered("sources")["late"]
    assert late not in sys.modules
    assert found.load().__name__ == "Late"
    assert late in sys.modules


def test_load_registered(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("good", GOOD)
    manager, _ = loaded()
    monkeypatch.setattr(plugins, "plugin_manager", lambda: manager)
    import json

    assert plugins.load_registered("sources", "good") is json.dumps
    with pytest.raises(NotFoundError, match=r"No source is called 'nothing'.*good") as caught:
        plugins.load_registered("sources", "nothing")
    assert all(name in str(caught.value) for name in builtin.register_sources())


def code_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_documented_hooks_are_the_hooks() -> None:
    hooks = {name for name, value in vars(hookspecs).items() if hasattr(value, "hubkit_spec")}
    headings = set(re.findall(r"^### `(\w+)`", DOCUMENT.read_text("utf-8"), re.MULTILINE))
    assert headings == hooks


def test_the_documented_plugin_works(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (module,) = [block for block in code_blocks("python") if "class Glossary" in block]
    (project,) = [block for block in code_blocks("toml") if "hubkit-glossary" in block]
    assert '[project.entry-points.hubkit]\nglossary = "hubkit_glossary"' in project
    install("glossary", module, distribution="hubkit_glossary")
    manager, found = loaded()
    assert (found["glossary"].status, found["glossary"].error) == ("ok", None)

    (tmp_path / "xx.tsv").write_text("mti\ttree\n\nnyumba\thouse\nbroken\n", "utf-8")
    monkeypatch.setenv("GLOSSARY_FOLDER", str(tmp_path))
    source: Any = manager.registered("sources")["glossary"].load()()
    assert isinstance(source, Source)
    pairs = source.pairs(SimpleNamespace(tag="xx"))
    assert [(pair.text, pair.english) for pair in pairs] == [("mti", "tree"), ("nyumba", "house")]
    assert all(isinstance(pair, Pair) and pair.source == source.name and pair.license for pair in pairs)
    assert source.pairs(SimpleNamespace(tag="yy")) == []

    objective: Any = manager.registered("objectives")["cosine"].load()(weight=2.0)
    assert (objective.name, objective.weight) == ("cosine", 2.0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["languages", "sources", "objectives", "methods", "tasks", "commands"])
def test_every_built_in_can_be_loaded(kind: str) -> None:
    for name, found in PluginManager().registered(kind).items():
        assert found.load() is not None, name


@pytest.mark.slow
def test_the_documented_objective_is_a_loss() -> None:
    import torch

    (module,) = [block for block in code_blocks("python") if "class Glossary" in block]
    content: dict[str, Any] = {"__name__": "hubkit_glossary"}
    sys.modules["hubkit_glossary"] = SimpleNamespace(__dict__=content)  # type: ignore[assignment]
    try:
        exec(compile(module, str(DOCUMENT), "exec"), content)
    finally:
        del sys.modules["hubkit_glossary"]
    student = torch.nn.functional.normalize(torch.randn(4, 8), dim=-1).requires_grad_()
    loss = content["Cosine"]()(student, student.detach(), torch.eye(4, dtype=torch.bool))
    assert float(loss.value) == pytest.approx(0, abs=1e-6)
    loss.value.backward()
