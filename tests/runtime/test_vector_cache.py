from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from hubkit.runtime.vector_cache import VectorCache

PROBES = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)


class Counting:
    """An encoder that counts what it is asked."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor, self.asked = factor, list[str]()

    def __call__(self, sentences: list[str]) -> np.ndarray:
        self.asked += sentences
        return np.array([[len(text) * self.factor, 1.0] for text in sentences], np.float32)


@pytest.fixture
def cache(tmp_path: Path) -> VectorCache:
    return VectorCache(tmp_path / "vectors.sqlite")


def test_a_sentence_is_encoded_once_and_comes_back_in_its_place(cache: VectorCache) -> None:
    encode, system = Counting(), cache.system("core", PROBES)
    first = cache.vectors(system, ["aaa", "b", "aaa"], encode)
    again = cache.vectors(system, ["cc", "b"], encode)
    assert first[:, 0].tolist() == [3, 1, 3] and again[:, 0].tolist() == [2, 1]
    assert sorted(encode.asked) == ["aaa", "b", "cc"]


def test_it_lasts(tmp_path: Path) -> None:
    first = VectorCache(tmp_path / "v.sqlite")
    first.vectors(first.system("core", PROBES), ["a", "bb"], Counting())
    first.close()
    second, encode = VectorCache(tmp_path / "v.sqlite"), Counting()
    assert second.vectors(second.system("core", PROBES), ["bb", "a"], encode)[:, 0].tolist() == [2, 1]
    assert encode.asked == []


def test_systems_are_told_apart_by_label_and_answers(cache: VectorCache) -> None:
    core = cache.system("core", PROBES)
    assert cache.system("core", PROBES + 1e-6) == core  # the same on another number of threads
    assert cache.system("core", PROBES + 0.01) != core
    assert cache.system("other", PROBES) != core
    assert cache.system("core", PROBES[:1]) != core
    trained = cache.system("adapter", PROBES)
    cache.vectors(core, ["abc"], Counting())
    assert cache.vectors(trained, ["abc"], Counting(2.0))[0, 0] == 6


def test_no_sentences(cache: VectorCache) -> None:
    assert len(cache.vectors(cache.system("core", PROBES), [], Counting())) == 0


def test_an_interrupted_run_keeps_what_was_encoded(cache: VectorCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubkit.runtime.vector_cache._ENCODED_AT_ONCE", 2)
    system, inner = cache.system("core", PROBES), Counting()

    def failing(sentences: list[str]) -> np.ndarray:
        if len(inner.asked) >= 2:
            raise KeyboardInterrupt
        return inner(sentences)

    with pytest.raises(KeyboardInterrupt):
        cache.vectors(system, ["a", "bb", "ccc", "dddd"], failing)
    later = Counting()
    cache.vectors(system, ["a", "bb", "ccc", "dddd"], later)
    assert later.asked == ["ccc", "dddd"]


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    path.write_bytes(b"no database" * 100)
    cache = VectorCache(path)
    assert len(cache.vectors(cache.system("core", PROBES), ["a"], Counting())) == 1
    cache.close()
    assert sqlite3.connect(path).execute("SELECT count(*) FROM vectors").fetchone() == (1,)
