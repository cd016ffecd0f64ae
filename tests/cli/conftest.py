from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from hubkit.cli.main import main
from hubkit.plugins import plugin_manager


class Ended(NamedTuple):
    """How a run of the program ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty HUBKIT_HOME, from an empty current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUBKIT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HUBKIT_INDEX", raising=False)
    return tmp_path / "home"


@pytest.fixture
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """hubkit alone, whatever the environment has installed."""
    monkeypatch.setenv("HUBKIT_LOAD_PLUGINS", "")
    plugin_manager.cache_clear()
    yield
    plugin_manager.cache_clear()


@pytest.fixture
def run(home: Path, no_plugins: None, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``hubkit`` with these arguments in this process."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        code = ended.value.code
        assert isinstance(code, int)
        return Ended(code, *capsys.readouterr())

    return run
