"""``hubkit plugins``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from hubkit import __version__, builtin, plugins

Run = Callable[..., Any]


@pytest.fixture
def installed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that works, one that cannot be imported, one whose hook fails."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("HUBKIT_LOAD_PLUGINS")
    start = "from hubkit import hookimpl\n\n@hookimpl\n"
    sources = {
        "works": f"{start}def register_sources():\n    return {{'theirs': 'json:dumps'}}\n",
        "broken": "raise RuntimeError('boom')\n",
        "fails": f"{start}def register_methods():\n    return 1 / 0\n",
    }
    for name, source in sources.items():
        (tmp_path / f"hubkit_cli_test_{name}.py").write_text(source)
    points = [EntryPoint(name, f"hubkit_cli_test_{name}", "hubkit") for name in sources]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)


def test_hubkit_alone(run: Run) -> None:
    ended = run("plugins")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"hubkit {__version__}  ok\n")
    for name in builtin.register_sources():
        assert f"  sources: {name}\n" in ended.out


def test_json(run: Run) -> None:
    (own,) = json.loads(run("plugins", "--json").out)
    assert (own["name"], own["version"], own["status"], own["error"]) == ("hubkit", __version__, "ok", None)
    assert "methods: lora" in own["registers"]
    assert "register_methods" in own["hooks"]
    assert own["warnings"] == []


def test_what_is_wrong_is_said_and_the_command_works(run: Run, installed: None) -> None:
    ended = run("plugins")
    assert ended.code == 0
    out = re.sub(r"\d\.\d{3} s", "0.001 s", ended.out)
    assert "works ?  ok  0.001 s\n  hooks: register_sources\n  sources: theirs\n" in out
    assert "broken ?  broken\n  RuntimeError: boom\n" in out
    why = "register_methods: ZeroDivisionError: division by zero"
    assert f"fails ?  broken  0.001 s\n  hooks: register_methods\n  {why}\n" in out


def test_what_is_wrong_as_json(run: Run, installed: None) -> None:
    rows = {row["name"]: row for row in json.loads(run("plugins", "--json").out)}
    assert {name: row["status"] for name, row in rows.items()} == {
        "hubkit": "ok", "works": "ok", "broken": "broken", "fails": "broken",
    }  # fmt: skip
    assert rows["broken"]["error"] == "RuntimeError: boom"
    assert rows["fails"]["registers"] == []
    assert 0 <= rows["works"]["seconds"] < 1 and rows["works"]["hooks"] == ["register_sources"]


def test_what_is_left_out_is_shown_as_off(run: Run, installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_LOAD_PLUGINS", "works")
    ended = run("plugins")
    assert "broken ?  off (HUBKIT_LOAD_PLUGINS leaves it out)\n" in ended.out
    assert "RuntimeError" not in ended.out


def test_strict(run: Run, installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_STRICT_PLUGINS", "1")
    ended = run("plugins")
    assert ended.code == 1
    assert "Plugin broken ? is broken: RuntimeError: boom." in ended.err
