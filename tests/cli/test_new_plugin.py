"""``hubkit new-plugin``: names, files, and distributions that install and pass their own tests as they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from plugin_wheels import Environment

from hubkit.cli.new_plugin import new_plugin
from hubkit.settings import tomllib
from hubkit.workflows.new_plugin import KINDS, Request, plan_plugin, write_plugin

Run = Callable[..., Any]
ALL = sorted(KINDS)


@pytest.mark.parametrize("kind", ALL)
def test_a_whole_distribution_is_written(kind: str, run: Run, tmp_path: Path) -> None:
    ended = run("new-plugin", "my-own", "--kind", kind, "--author", "Ann Uwase <ann@example.org>")
    assert (ended.code, ended.err) == (0, "")
    root = tmp_path / "hubkit-my-own"
    written = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert written >= {
        "pyproject.toml", "README.md", "LICENSE", ".gitignore", ".github/workflows/ci.yml",
        "hubkit_my_own/__init__.py", "hubkit_my_own/py.typed", "tests/test_hubkit_my_own.py",
    }  # fmt: skip
    assert all(f"  {path}\n" in ended.out for path in written)
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["name"] == "hubkit-my-own"
    assert project["project"]["authors"] == [{"name": "Ann Uwase", "email": "ann@example.org"}]
    assert project["project"]["entry-points"]["hubkit"] == {"my-own": "hubkit_my_own"}
    workflow = yaml.safe_load((root / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.10", "3.12"]
    for path in written:
        text = (root / path).read_text("utf-8")
        assert "{{" not in text.replace("${{ matrix.python }}", "") and "{%" not in text and "PACKAGE" not in text
        assert max(map(len, text.splitlines()), default=0) <= 120 or path == "LICENSE"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("given", "project", "package", "name"),
    [
        ("proverbs", "hubkit-proverbs", "hubkit_proverbs", "proverbs"),
        ("hubkit-proverbs", "hubkit-proverbs", "hubkit_proverbs", "proverbs"),
        ("Hubkit_My.Proverbs", "hubkit-my-proverbs", "hubkit_my_proverbs", "my-proverbs"),
        ("none", "hubkit-none", "hubkit_none", "none"),
        ("v2", "hubkit-v2", "hubkit_v2", "v2"),
    ],
)
def test_names_are_normalised(given: str, project: str, package: str, name: str, run: Run) -> None:
    for kind in ALL:
        plan = plan_plugin(Request(given, kind))
        assert (plan.distribution, plan.package, plan.name) == (project, package, name)
        for path, text in plan.files.items():
            if path.endswith(".py"):
                compile(text, path, "exec")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-x",
        "x-",
        "a b",
        "a/b",
        "../x",
        "3d",
        "hubkit",
        "hubkit-",
        "ünïcode",
        "x" * 41,
        "a\nb",
        "$(x)",
        "a--b.-",
        ".",
    ],
)
def test_names_that_cannot_be(name: str, run: Run, tmp_path: Path) -> None:
    ended = run("new-plugin", "--kind", "source", "--", name)
    assert ended.code == 2, ended
    assert ended.err.startswith("Error: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("objective", "contrastive", "The objective 'contrastive' is registered by hubkit"),
        ("source", "mediawiki", "The source 'mediawiki' is registered by hubkit"),
        ("task", "hubkit-udhr", "The task 'udhr' is registered by hubkit"),
        ("language", "builtin", "The language 'builtin' is registered by hubkit"),
    ],
)
def test_names_that_are_taken(kind: str, name: str, message: str, run: Run) -> None:
    ended = run("new-plugin", name, "--kind", kind)
    assert ended.code == 2
    assert message in ended.err


def test_a_distribution_that_is_installed_or_importable(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    (tmp_path / "site" / "hubkit_importable.py").write_text("")
    info = tmp_path / "site" / "hubkit_installed-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hubkit-installed\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[hubkit]\npoint = json\n")
    assert "A plugin called 'point' is installed" in run("new-plugin", "point", "--kind", "source").err
    for name in ("importable", "installed"):
        ended = run("new-plugin", name, "--kind", "source")
        assert (ended.code, f"hubkit-{name} is installed here" in ended.err) == (2, True)


@pytest.mark.parametrize("thing", ["folder", "full folder", "file", "link to nowhere"])
def test_nothing_is_overwritten(thing: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "hubkit-mine"
    if "folder" in thing:
        path.mkdir()
        if thing == "full folder":
            (path / "README.md").write_text("mine")
    elif thing == "file":
        path.write_text("mine")
    else:
        path.symlink_to(tmp_path / "nowhere")
    before = {each: each.read_text() for each in tmp_path.rglob("*") if each.is_file()}
    for arguments in ([], ["--dry-run"], ["--path", str(path)]):
        ended = run("new-plugin", "mine", "--kind", "source", *arguments)
        assert ended.code == 2 and "is there already" in ended.err
    assert {each: each.read_text() for each in tmp_path.rglob("*") if each.is_file()} == before
    assert [each.name for each in tmp_path.iterdir()] == ["hubkit-mine"]


def test_a_folder_that_comes_meanwhile_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    plan = plan_plugin(Request("mine", "source"))
    plan.folder.mkdir()
    (plan.folder / "kept.txt").write_text("kept")
    with pytest.raises(Exception, match="is there already"):
        write_plugin(plan)
    assert [path.name for path in tmp_path.rglob("*")] == ["hubkit-mine", "kept.txt"]


def test_a_failure_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    plan = plan_plugin(Request("mine", "source"))
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        write_plugin(plan)
    assert not list(tmp_path.iterdir())


def test_path_and_dry_run(run: Run, tmp_path: Path) -> None:
    where = tmp_path / "deep" / "plugin"
    ended = run("new-plugin", "mine", "--kind", "task", "--path", str(where), "--dry-run")
    assert ended.code == 0 and ended.out.startswith(f"Would write hubkit-mine in {where}\n")
    assert not (tmp_path / "deep").exists()
    assert run("new-plugin", "mine", "--kind", "task", "--path", str(where)).code == 0
    assert (where / "hubkit_mine" / "data" / "sw.tsv").is_file()
    assert where.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        (None, {"name": "The hubkit-mine contributors"}),
        ("Ann Uwase", {"name": "Ann Uwase"}),
        ('A "quoted" \\ name', {"name": 'A "quoted" \\ name'}),
        ("Ñandú {{ 7 * 7 }}", {"name": "Ñandú {{ 7 * 7 }}"}),
        (" Ann<a@b.org> ", {"name": "Ann", "email": "a@b.org"}),
    ],
)
def test_authors(author: str | None, expected: dict[str, str], run: Run) -> None:
    project = tomllib.loads(plan_plugin(Request("mine", "source", author=author)).files["pyproject.toml"])
    assert project["project"]["authors"] == [expected]


@pytest.mark.parametrize("author", [" ", "<a@b.org>", "A <nobody>", "A\nB", "A\x1b[31m", "A <a@b> <c@d>"])
def test_authors_that_are_none(author: str, run: Run) -> None:
    ended = run("new-plugin", "mine", "--kind", "source", "--author", author)
    assert ended.code == 2 and "names no author" in ended.err


def test_the_command_and_the_templates_have_the_same_kinds() -> None:
    (option,) = [parameter for parameter in new_plugin.params if parameter.name == "kind"]
    assert isinstance(option.type, click.Choice) and list(option.type.choices) == list(KINDS)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One distribution of each kind, as it is written."""
    root = tmp_path_factory.mktemp("written")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUBKIT_LOAD_PLUGINS", "")
        for kind in ALL:
            write_plugin(plan_plugin(Request(f"my-{kind}", kind, root / kind, 'Ann "A" Uwase')))
    return {kind: root / kind for kind in ALL}


@pytest.fixture(scope="module")
def environment(written: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """All of them, built by hatchling and installed."""
    made = Environment(tmp_path_factory.mktemp("environment") / "venv")
    copies = tmp_path_factory.mktemp("copies")  # a build writes beside what it builds
    made.install(*(Path(shutil.copytree(path, copies / kind)) for kind, path in written.items()))
    return made


def test_they_are_installed_and_seen(environment: Environment) -> None:
    rows = environment.plugins(HUBKIT_LOAD_PLUGINS=",".join(f"my-{kind}" for kind in ALL), HUBKIT_STRICT_PLUGINS="1")
    for kind in ALL:
        row = rows[f"my-{kind}"]
        assert (row["status"], row["version"], row["warnings"]) == ("ok", "0.1.0", [])
        assert row["registers"] == [f"{KINDS[kind][0]}: my-{kind}"]


def pytest_in(environment: Environment, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tests in ``folder``, without the plugins of pytest that are here."""
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return environment.run(*command, cwd=folder, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTHONDONTWRITEBYTECODE="1")


def test_they_pass_their_own_tests_untouched(environment: Environment, written: dict[str, Path]) -> None:
    def tests(kind: str) -> subprocess.CompletedProcess[str]:
        return pytest_in(environment, written[kind])

    with ThreadPoolExecutor(2) as pool:
        for kind, done in zip(ALL, pool.map(tests, ALL), strict=True):
            assert done.returncode == 0, f"{kind}: {done.stdout}{done.stderr}"
            assert " passed" in done.stdout and "skipped" not in done.stdout and "warning" not in done.stdout


@pytest.mark.skipif(shutil.which("ruff", path=os.path.dirname(sys.executable)) is None, reason="no ruff here")
def test_they_are_clean(written: dict[str, Path]) -> None:
    for check in (["check"], ["format", "--check", "--line-length", "120"]):
        command = [str(Path(sys.executable).with_name("ruff")), *check, "--no-cache", *map(str, written.values())]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_kit_notices_an_edit_that_breaks_it(
    environment: Environment, written: dict[str, Path], tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(written["source"], tmp_path / "broken"))
    module = broken / "hubkit_my_source" / "__init__.py"
    module.write_text(module.read_text().replace("row[1], self.name", "row[1], 'another'"))
    done = pytest_in(environment, broken, "-k", "is_a_source")
    assert done.returncode == 1
    assert "the pair's source is 'another'" in done.stdout
