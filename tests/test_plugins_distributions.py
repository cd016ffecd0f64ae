"""Every distribution in ``plugins/`` as a user meets it: its wheel installed, what hubkit says of it, its own tests."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from plugin_wheels import Environment

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

PLUGINS = Path(__file__).parents[1] / "plugins"
FOLDERS = sorted(path.parent for path in PLUGINS.glob("*/pyproject.toml"))
EACH = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not FOLDERS, reason="tests were installed without plugins")]


def project(folder: Path) -> dict[str, Any]:
    """The distribution's ``pyproject.toml``."""
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))


def name_of(folder: Path) -> str:
    """The name of its one entry point."""
    (name,) = project(folder)["project"]["entry-points"]["hubkit"]
    return str(name)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """One with all of them, from wheels that are built here."""
    made = Environment(tmp_path_factory.mktemp("distributions") / "venv")
    made.install(*FOLDERS)
    return made


@EACH
def test_it_is_whole(folder: Path) -> None:
    table = project(folder)
    (package,) = table["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert folder.name == table["project"]["name"] == package.replace("_", "-")
    assert table["tool"]["mypy"]["strict"] and package in table["tool"]["mypy"]["files"]
    for file in ("README.md", "LICENSE", ".github/workflows/ci.yml", f"{package}/py.typed"):
        assert (folder / file).is_file(), file
    assert folder.name in (PLUGINS / "README.md").read_text("utf-8")


def test_hubkit_takes_them_together(environment: Environment) -> None:
    rows = environment.plugins()
    found = {name_of(folder): rows[name_of(folder)] for folder in FOLDERS}
    assert {name: (row["status"], row["error"], row["warnings"]) for name, row in found.items()} == dict.fromkeys(
        found, ("ok", None, [])
    )
    assert all(row["registers"] for row in found.values())


@EACH
def test_its_own_tests_pass(folder: Path, environment: Environment, tmp_path: Path) -> None:
    """On what is installed: the copy that they run in has no package beside them."""
    (package,) = project(folder)["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copy = shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns(package, "__pycache__", ".*"))
    done = environment.run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not network", cwd=copy,
        HUBKIT_LOAD_PLUGINS=name_of(folder), HUBKIT_STRICT_PLUGINS="1",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
