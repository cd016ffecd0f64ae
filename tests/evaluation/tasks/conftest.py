"""Systems whose vectors are known, and the packages that suites are read from."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from hubkit.durable import sha256
from hubkit.evaluation.task import Tested as System

Archive = Callable[[str, Mapping[str, bytes]], Path]
Meanings = Callable[[Mapping[str, str], float], System]


def vector(word: str, width: int = 24) -> np.ndarray:
    """A random unit vector that depends on the word alone."""
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    found = np.random.default_rng(seed).normal(size=width)
    return found / np.linalg.norm(found)


@pytest.fixture
def meanings() -> Meanings:
    """(text → English, noise) → a system that gives a text its English vector, with noise; English is the core's."""

    def make(english_of: Mapping[str, str], noise: float = 0.0) -> System:
        def english(sentences: list[str]) -> np.ndarray:
            return np.array([vector(sentence) for sentence in sentences], dtype=np.float32)

        def encode(sentences: list[str]) -> np.ndarray:
            rows = [vector(english_of.get(text, text)) + noise * vector(f"noise {text}") for text in sentences]
            return np.array(rows, dtype=np.float32)

        return System("adapter", "vectors of its English side", encode, english)

    return make


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Write a package that was fetched, as a zip whatever its registry has."""

    def write(name: str, files: Mapping[str, bytes]) -> Path:
        path = tmp_path / name / f"{name}.whl"
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w") as package:
            for inside, content in files.items():
                package.writestr(inside, content)
        noted = {"sha256": sha256(path), "package": name, "version": "1.2"}
        (path.parent / "fetched.json").write_text(json.dumps(noted))
        return path

    return write
