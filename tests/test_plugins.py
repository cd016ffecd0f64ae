"""Loading of plugins: each alone, a broken one reported, names taken once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from types import SimpleNamespace

import pytest

from hubkit import __version__, builtin, hookspecs, plugins
from hubkit.errors import HubkitError, NotFoundError
from hubkit.plugins import Plugin, PluginManager, Registered

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
    [
        "1 / 0", "None", "['name']", "[('name', 'json:dumps')]", "{'name': dict}", "{'name': 'json.dumps'}",
        "{3: 'json:dumps'}", "{'': 'json:dumps'}", "{'a b': 'json:dumps'}", "{'a\\n': 'json:dumps'}", "{'x': 'json:'}",
        "{'x': ':dumps'}", "{'x': 'json:dumps:loads'}", "exit()", "(_ for _ in ()).throw(GeneratorExit)",
    ],
)  # fmt: skip
def test_a_hook_that_fails_or_returns_something_else(expression: str, install: Install) -> None:
    install("odd", source_that_registers("sources", expression))
    install("good", GOOD)
    manager, found = loaded()
    assert found["odd"].status == "ok"
    assert {"good", *builtin.register_sources()} == set(manager.registered("sources"))
    assert found["odd"].status == "broken"
    assert (found["odd"].error or "").startswith("register_sources: ")


def test_a_name_clash_names_both_and_the_rest_works(install: Install) -> None:
    install("first", source_that_registers("methods", "{'dora': 'json:dumps', 'mine': 'json:dumps'}"))
    install("second", source_that_registers("methods", "{'dora': 'json:loads'}"))
    manager, found = loaded()
    methods = manager.registered("methods")
    assert set(methods) == {"mine", *builtin.register_methods()}
    assert len(methods) == len(set(methods))
    for ask in (lambda: methods["dora"], lambda: "dora" in methods, lambda: methods.get("dora")):
        with pytest.raises(
            HubkitError, match=r"'dora' is registered twice in methods: by first and by second"
        ) as caught:
            ask()
        assert "HUBKIT_LOAD_PLUGINS" in str(caught.value)
    assert (found["first"].status, found["second"].status) == ("clash", "clash")
    assert found["first"].errors == [] and "by first and by second" in (found["first"].error or "")


def test_hubkit_s_own_names_cannot_be_taken(install: Install) -> None:
    install("theirs", source_that_registers("methods", "{'lora': 'json:dumps'}"))
    manager, found = loaded()
    assert manager.registered("methods")["lora"].plugin == "hubkit"
    assert found["theirs"].status == "clash"
    assert "by hubkit and by theirs" in (found["theirs"].error or "")
    assert found["hubkit"].status == "ok"


def test_hooks_are_called_once(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(plugins, "hubkit_test_calls", calls, raising=False)
    expression = "plugins.hubkit_test_calls.append(1) or {}"
    install("counts", "from hubkit import plugins\n" + source_that_registers("sources", expression))
    manager, _ = loaded()
    for _ in range(3):
        manager.registered("sources")
    assert calls == [1]


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
    install("quick", wait.format(0.9) + source_that_registers("tasks", "{}"))
    _, found = loaded()
    assert (found["slow"].status, found["slow"].warnings) == ("slow", ["import took 1.3 s"])
    assert found["slow"].seconds == pytest.approx(1.3)
    assert (found["quick"].status, found["quick"].seconds) == ("ok", pytest.approx(0.9))


def test_an_import_that_loads_torch_is_a_warning(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    heavy = install("z", source_that_registers("tasks", "{}"))
    monkeypatch.setattr(plugins, "_HEAVY", (heavy,))
    install("loads", f"import {heavy}\n{GOOD}")
    _, found = loaded()
    assert found["loads"].warnings == [f"its import loads {heavy}"]


def test_the_environment_may_say_that_a_plugin_is_damaged(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(group: str) -> list[EntryPoint]:
        raise ValueError("a damaged file")

    install("good", GOOD)
    monkeypatch.setattr(plugins, "entry_points", fails)
    _, found = loaded()
    assert found["good"].status == "ok"


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
    assert {name for name, plugin in found.items() if plugin.status == "ok"} == {"hubkit", *expected}
    assert {name for name, plugin in found.items() if plugin.status == "off"} == set(modules) - expected
    missing = [plugin for plugin in found.values() if plugin.status == "broken"]
    assert [plugin.name for plugin in missing] == (["unknown"] if wanted == "unknown" else [])
    assert {name for name, module in modules.items() if module in sys.modules} == expected
    assert expected <= set(manager.registered("sources"))


def test_strict_refuses_a_broken_import(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("broken", "raise RuntimeError('boom')")
    monkeypatch.setenv("HUBKIT_STRICT_PLUGINS", "1")
    with pytest.raises(HubkitError, match=r"Plugin broken 1\.2 is broken: RuntimeError: boom"):
        loaded()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (source_that_registers("tasks", "1 / 0"), "Plugin odd 1.2 is broken: register_tasks: ZeroDivisionError"),
        (source_that_registers("indexes", "1 / 0"), "Plugin odd 1.2 is broken: register_indexes: ZeroDivisionError"),
        (source_that_registers("methods", "{'lora': 'json:dumps'}"), "by hubkit and by odd"),
        (GOOD + "print('hello')", "it prints when it is imported: hello"),
    ],
)
def test_strict_refuses_every_problem(
    source: str, message: str, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("odd", source)
    monkeypatch.setenv("HUBKIT_STRICT_PLUGINS", "1")
    with pytest.raises(HubkitError) as caught:
        loaded()
    assert message in str(caught.value) and caught.value.exit_code == 1


def test_asking_while_plugins_are_imported_is_the_asker_s_error(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("asks", "from hubkit.plugins import registered\nregistered('sources')\n" + GOOD)
    plugins.plugin_manager.cache_clear()
    try:
        found = {plugin.name: plugin for plugin in plugins.plugin_manager().plugins}
        assert "while plugins are being imported" in (found["asks"].error or "")
        assert set(plugins.registered("sources")) == set(builtin.register_sources())
    finally:
        plugins.plugin_manager.cache_clear()


def test_a_check_of_records_cannot_change_or_hide_anything(install: Install) -> None:
    check = "from hubkit import hookimpl\n\n@hookimpl\ndef check_record(record):\n    {}\n"
    install("changes", check.format("record.clear()"))
    install("exits", check.format("raise SystemExit"))
    install("says", check.format("return [record['name']]"))
    manager, _ = loaded()
    record = {"name": "lang-rw"}
    assert sorted(manager.problems_of(record)) == ["exits: the check failed: SystemExit", "says: lang-rw"]
    assert record == {"name": "lang-rw"}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("hubkit_test_no_such_module:thing", "No module named"),
        ("json:thing", "thing"),
        ("json:", "json"),
        (":thing", "Empty module name"),
        ("hubkit_test_fails:thing", "RuntimeError: boom"),
        ("hubkit_test_exits:thing", "SystemExit: 3"),
        ("hubkit_test_odd:thing", "GeneratorExit"),
    ],
)
def test_a_target_that_cannot_be_loaded_names_the_plugin(target: str, message: str, install: Install) -> None:
    install("fails", "raise RuntimeError('boom')")
    install("exits", "raise SystemExit(3)")
    install("odd", "raise GeneratorExit")
    with pytest.raises(HubkitError) as caught:
        Registered("thing", target, "their-plugin").load()
    assert "their-plugin" in str(caught.value)
    assert message in str(caught.value)
    assert not isinstance(caught.value, NotFoundError)


def test_a_target_is_imported_when_it_is_used(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("good", source_that_registers("sources", "{'late': 'hubkit_test_late:Late'}"))
    late = install("late", "class Late:\n    pass\n")
    monkeypatch.setenv("HUBKIT_LOAD_PLUGINS", "good")
    manager, _ = loaded()
    found = manager.registered("sources")["late"]
    assert late not in sys.modules
    assert found.load().__name__ == "Late"
    assert late in sys.modules


def test_what_a_target_prints_is_no_result(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    module = install("loud", "print('hello')\nthing = 1")
    assert Registered("thing", f"{module}:thing", "loud").load() == 1
    assert capsys.readouterr() == ("", "hello\n")


def test_load_registered(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("good", GOOD)
    manager, _ = loaded()
    monkeypatch.setattr(plugins, "plugin_manager", lambda: manager)
    import json

    assert plugins.load_registered("sources", "good") is json.dumps
    with pytest.raises(NotFoundError, match=r"No source is called 'nothing'.*good") as caught:
        plugins.load_registered("sources", "nothing")
    assert all(name in str(caught.value) for name in builtin.register_sources())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["languages", "sources", "objectives", "methods", "tasks", "commands"])
def test_every_built_in_can_be_loaded(kind: str) -> None:
    for name, found in PluginManager().registered(kind).items():
        assert found.load() is not None, name
