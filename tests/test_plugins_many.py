"""Fifty plugins: the program starts without torch, and lists them all. How fast: ``benchmarks/plugins.py --check``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import hubkit

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "plugins.py"


@pytest.mark.skipif(not SCRIPT.exists(), reason="tests were installed without benchmarks")
def test_fifty_plugins_load_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(hubkit.__file__).parents[1]))
    command = [sys.executable, str(SCRIPT), "--plugins", "50", "--repeats", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["heavy"] == []
    assert found["plugins"] == found["ok"] == found["help_lists"] == 50
    assert found["command_says"] == "generated-000"
    assert set(found["targets"]) <= set(found)
