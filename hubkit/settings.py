"""Where state lives and which indexes are asked: flags, then environment, then ``hubkit.toml``, then defaults."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import platformdirs

from hubkit.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

CONFIG_FILE = "hubkit.toml"
_KEYS = {"device", "home", "index", "mirrors", "suites"}


@dataclass(frozen=True, slots=True)
class Settings:
    """Resolved settings. ``home`` holds all state; ``index`` lists index folders or URLs in order of preference.

    ``mirrors`` are endpoints that are asked for files before the Hub; hashes decide, so they need no trust. ``suites``
    is a folder of the user's own held-out data. ``device`` is where models run, as torch calls it.
    """

    home: Path
    index: tuple[str, ...]
    mirrors: tuple[str, ...] = ()
    suites: Path | None = None
    device: str = "cpu"

    @property
    def cores(self) -> Path:
        return self.home / "cores"

    @property
    def downloads(self) -> Path:
        return self.home / "downloads"

    @property
    def adapters(self) -> Path:
        return self.home / "adapters"

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def trackers(self) -> Path:
        return self.home / "trackers"

    @property
    def controls(self) -> Path:
        return self.home / "controls"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    @property
    def cache(self) -> Path:
        return self.home / "cache"


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}.", "Correct or remove the file.") from error
    if unknown := sorted(set(table) - _KEYS):
        raise UsageError(
            f"{path} has unknown settings: {', '.join(unknown)}.", f"Known are: {', '.join(sorted(_KEYS))}."
        )
    for key, example in (("home", "FOLDER"), ("suites", "FOLDER"), ("device", "cuda")):
        if not isinstance(table.get(key, ""), str):
            raise UsageError(f"In {path}, {key} is not a string.", f'Write {key} = "{example}".')
    for key, example in (("index", "FOLDER OR URL"), ("mirrors", "URL")):
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise UsageError(f"In {path}, {key} is not a list of strings.", f'Write {key} = ["{example}"].')
    return table


@lru_cache(maxsize=8)
def _resolve(
    home: str | None, index: str | None, mirrors: str | None, suites: str | None, device: str | None, folder: Path
) -> Settings:
    table = _from_file(folder / CONFIG_FILE)
    chosen_home = home or table.get("home") or platformdirs.user_data_dir("hubkit")
    if index is not None:
        indexes = tuple(part for part in index.split(os.pathsep) if part)
    else:
        indexes = tuple(table.get("index", ()))
    endpoints = tuple(mirrors.split(",")) if mirrors is not None else tuple(table.get("mirrors", ()))
    own_suites = table.get("suites") if suites is None else suites
    return Settings(
        home=Path(chosen_home).expanduser().absolute(),
        index=indexes,
        mirrors=tuple(part.strip().rstrip("/") for part in endpoints if part.strip()),
        suites=Path(own_suites).expanduser().absolute() if own_suites else None,
        device=device or table.get("device") or "cpu",
    )


def settings() -> Settings:
    """The settings in force: ``HUBKIT_HOME``, ``HUBKIT_INDEX`` and so on win over ``./hubkit.toml``."""
    names = ("HOME", "INDEX", "MIRRORS", "SUITES", "DEVICE")
    return _resolve(*(os.environ.get(f"HUBKIT_{name}") for name in names), Path.cwd())
