"""Settings: environment before ``hubkit.toml`` before defaults."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from hubkit.errors import UsageError
from hubkit.settings import settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder and no settings in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HUBKIT_HOME", raising=False)
    monkeypatch.delenv("HUBKIT_INDEX", raising=False)
    monkeypatch.delenv("HUBKIT_MIRRORS", raising=False)
    monkeypatch.delenv("HUBKIT_SUITES", raising=False)
    monkeypatch.delenv("HUBKIT_DEVICE", raising=False)
    return tmp_path


def test_defaults() -> None:
    found = settings()
    assert found.home == Path(platformdirs.user_data_dir("hubkit")).absolute()
    assert found.index == ()


def test_the_device_is_the_cpu_unless_one_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().device == "cpu"
    (folder / "hubkit.toml").write_text('device = "mps"\n')
    monkeypatch.setenv("HUBKIT_HOME", "other")  # what was resolved before, without the file, is kept
    assert settings().device == "mps"
    monkeypatch.setenv("HUBKIT_DEVICE", "cuda:1")
    assert settings().device == "cuda:1"


def test_file_before_default(folder: Path) -> None:
    (folder / "hubkit.toml").write_text('home = "state"\nindex = ["ours", "https://example.org/index"]\n')
    found = settings()
    assert found.home == folder / "state"
    assert found.index == ("ours", "https://example.org/index")


def test_environment_before_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "hubkit.toml").write_text('home = "state"\nindex = ["ours"]\n')
    monkeypatch.setenv("HUBKIT_HOME", str(folder / "other"))
    monkeypatch.setenv("HUBKIT_INDEX", os.pathsep.join(["a", "", "b"]))
    found = settings()
    assert found.home == folder / "other"
    assert found.index == ("a", "b")


def test_one_from_each(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "hubkit.toml").write_text('index = ["ours"]\n')
    monkeypatch.setenv("HUBKIT_HOME", "relative")
    found = settings()
    assert found.home == folder / "relative"
    assert found.index == ("ours",)


def test_an_empty_index_in_the_environment_means_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "hubkit.toml").write_text('index = ["ours"]\n')
    monkeypatch.setenv("HUBKIT_INDEX", "")
    assert settings().index == ()


def test_the_user_folder_is_expanded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("HUBKIT_HOME", "~/state")
    assert settings().home == folder / "state"


def test_the_environment_may_change_within_a_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "one"):
        monkeypatch.setenv("HUBKIT_HOME", str(folder / name))
        assert settings().home == folder / name


def test_folders_of_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_HOME", str(folder))
    for name in ("cores", "downloads", "adapters", "runs", "controls", "cache"):
        assert getattr(settings(), name) == folder / name
    assert not any(folder.iterdir())  # asking makes nothing


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('hoem = "x"\n', "unknown settings: hoem"),
        ('[index]\na = "x"\n', "index is not a list of strings"),
        ('index = "ours"\n', "index is not a list of strings"),
        ("index = [1]\n", "index is not a list of strings"),
        ("home = 3\n", "home is not a string"),
        ("suites = []\n", "suites is not a string"),
        ("device = 0\n", "device is not a string"),
        ("home = \n", "not valid TOML"),
    ],
)
def test_a_bad_file_is_a_usage_error_that_names_it(text: str, message: str, folder: Path) -> None:
    (folder / "hubkit.toml").write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        settings()
    assert str(folder / "hubkit.toml") in str(caught.value)


def test_a_file_that_is_not_utf_8(folder: Path) -> None:
    (folder / "hubkit.toml").write_bytes(b'home = "\xff"\n')
    with pytest.raises(UsageError, match="not valid TOML"):
        settings()


def test_mirrors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().mirrors == ()
    (folder / "hubkit.toml").write_text('mirrors = ["https://a.example/"]\n')
    monkeypatch.setenv("HUBKIT_HOME", "one")
    assert settings().mirrors == ("https://a.example",)
    monkeypatch.setenv("HUBKIT_MIRRORS", "http://b.example:8000, ,https://c.example/")
    assert settings().mirrors == ("http://b.example:8000", "https://c.example")
    monkeypatch.setenv("HUBKIT_MIRRORS", "")
    assert settings().mirrors == ()


def test_suites(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().suites is None
    (folder / "hubkit.toml").write_text('suites = "held out"\n')
    monkeypatch.setenv("HUBKIT_HOME", "one")
    assert settings().suites == folder / "held out"
    monkeypatch.setenv("HUBKIT_SUITES", str(folder / "other"))
    assert settings().suites == folder / "other"
    monkeypatch.setenv("HUBKIT_SUITES", "")
    assert settings().suites is None


def test_known_keys_are_listed(folder: Path) -> None:
    (folder / "hubkit.toml").write_text("colour = 1\n")
    with pytest.raises(UsageError, match=r"Known are: device, home, index, mirrors, suites\."):
        settings()
