"""Wheels of plugins, built here, and environments that they are installed into."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import site
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hubkit

ROOT = Path(hubkit.__file__).parents[1]
_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(
    folder: Path,
    name: str,
    files: Mapping[str, str],
    entry_points: Mapping[str, str] | None = None,
    version: str = "1.2",
) -> Path:
    """A wheel of the distribution ``name`` with these files; by default its one entry point is the module ``name``."""
    points = {name.removeprefix("hubkit_test_"): name} if entry_points is None else entry_points
    info = f"{name}-{version}.dist-info"
    lines = "".join(f"{point} = {target}\n" for point, target in points.items())
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n",
        f"{info}/WHEEL": _WHEEL,
        f"{info}/entry_points.txt": f"[hubkit]\n{lines}",
    }
    record = [f"{path},sha256={_digest(text)},{len(text.encode())}" for path, text in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
    return wheel


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


class Environment:
    """A virtual environment that sees this hubkit and its dependencies, and has plugins of its own."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self.python = folder / "bin" / "python"
        (self.site,) = folder.glob("lib/python*/site-packages")
        parents = [path for path in (*site.getsitepackages(), *sys.path) if path.endswith("-packages")]
        (self.site / "parents.pth").write_text("\n".join(dict.fromkeys(parents)) + "\n")

    def install(self, *paths: Path) -> None:
        """Install wheels, or folders that are built first, with pip and without a network."""
        options = ["--no-index", "--no-deps", "--no-build-isolation", "--no-compile", "--quiet"]
        command = [sys.executable, "-m", "pip", "--python", str(self.python), "install", *options, *map(str, paths)]
        subprocess.run(command, check=True, timeout=120, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})

    def run(self, *arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``python ARGUMENTS`` with these environment variables."""
        own = {key: value for key, value in os.environ.items() if not key.startswith(("HUBKIT_", "PYTEST_"))}
        own |= {"PYTHONPATH": str(ROOT), "HUBKIT_HOME": str(self.site / "home"), **variables}
        command = [str(self.python), *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=own, cwd=cwd, timeout=900, check=False)

    def hubkit(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``hubkit ARGUMENTS``."""
        return self.run("-m", "hubkit", *arguments, **variables)

    def plugins(self, **variables: str) -> dict[str, dict[str, Any]]:
        """What ``hubkit plugins --json`` says, by name."""
        done = self.hubkit("plugins", "--json", **variables)
        assert done.returncode == 0, done.stderr
        return {row["name"]: row for row in json.loads(done.stdout)}


def hooks(**registered: str | Mapping[str, str]) -> str:
    """The source of a module that registers this: ``hooks(sources={"name": "module:Class"})``, or an expression."""
    lines = []
    for kind, value in registered.items():
        expression = value if isinstance(value, str) else repr(dict(value))
        lines.append(f"@hookimpl\ndef register_{kind}():\n    return {expression}\n")
    return "from hubkit import hookimpl\n\n" + "\n".join(lines)
