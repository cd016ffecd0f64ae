"""The main job on real text: ``hubkit add-language rw`` as a user runs it, with a small budget."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.network]


def hubkit(home: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hubkit", *arguments],
        input=given, capture_output=True, text=True, timeout=1500, check=False,
        env={**os.environ, "HUBKIT_HOME": str(home)},
    )  # fmt: skip


def test_add_language_on_real_text(real_home: Path, tmp_path: Path):
    done = hubkit(real_home, "add-language", "rw", "--budget", "45s", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    systems = {system["name"]: system for system in report["systems"]}
    assert set(systems) == {"core", "adapter", "random", "wrong-family"}
    assert systems["adapter"]["raw"]["mean"] > systems["core"]["raw"]["mean"]
    assert report["overlap"]["exact"] == report["overlap"]["normalised"] == report["overlap"]["words"] == 0
    assert report["damage"]["mean"]["value"] > -0.05
    assert report["cost"]["peak_memory_bytes"] < 4 * 2**30
    assert {"rw", "sn", "lg"} <= {row.removeprefix("training: ") for row in report["corpus"]}

    lines = "Mwaramutse\nAmakuru?\n\nMurakoze cyane\n"
    encoded = hubkit(real_home, "encode", "-l", "rw", "-o", str(tmp_path / "out.npy"), given=lines)
    assert encoded.returncode == 0, encoded.stderr
    vectors = np.load(tmp_path / "out.npy")
    assert vectors.shape == (4, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = hubkit(real_home, "encode", "-l", "de", given="Guten Morgen\n")
    assert alone.returncode == 0
    assert "core answers alone" in alone.stderr
