"""The frozen core's vectors of English sentences are computed once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hubkit.training import targets as module
from hubkit.training.targets import Targets

HIDDEN = 6


class FakeEncoder:
    """A frozen encoder whose vectors depend on the text alone; it notes what it was asked."""

    def __init__(self, fingerprint: str = "sha256:" + "a" * 64) -> None:
        self.core = SimpleNamespace(fingerprint=fingerprint)
        self.calls: list[list[str]] = []

    def encode(self, sentences: list[str], *, show_progress_bar: bool) -> NDArray[np.float32]:
        assert not show_progress_bar
        self.calls.append(sentences)
        return np.stack([vector_of(sentence) for sentence in sentences])


def vector_of(sentence: str) -> NDArray[np.float32]:
    seed = int.from_bytes(hashlib.sha256(sentence.encode()).digest()[:4], "big")
    vector = np.random.default_rng(seed).normal(size=HIDDEN)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


Open = Callable[[Any], Targets]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUBKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def opened(home: Path) -> Iterator[Open]:
    """Open targets that are closed after the test."""
    every: list[Targets] = []

    def make(encoder: Any) -> Targets:
        every.append(Targets(encoder))
        return every[-1]

    yield make
    for targets in every:
        targets.close()


def test_vectors_come_in_the_order_of_the_sentences(opened: Open) -> None:
    sentences = ["b", "a", "b", "c"]
    found = opened(FakeEncoder())(sentences)
    assert found.dtype == np.float32
    assert np.array_equal(found, np.stack([vector_of(sentence) for sentence in sentences]))


def test_a_sentence_is_encoded_once(opened: Open) -> None:
    encoder = FakeEncoder()
    targets = opened(encoder)
    targets(["a", "b", "a"])
    targets(["b", "c", "a"])
    targets(["c", "b"])
    assert encoder.calls == [["a", "b"], ["c"]]


def test_what_was_encoded_is_kept_for_the_next_run(opened: Open) -> None:
    before = opened(FakeEncoder())(["a", "b"])
    later = FakeEncoder()
    assert np.array_equal(opened(later)(["a", "b"]), before)
    assert later.calls == []


def test_two_at_a_time(opened: Open) -> None:
    one, other = FakeEncoder(), FakeEncoder()
    first, second = opened(one), opened(other)
    first(["a"])
    second(["a", "b"])
    first(["b"])
    assert (one.calls, other.calls) == ([["a"]], [["b"]])


def test_another_core_has_vectors_of_its_own(opened: Open, home: Path) -> None:
    opened(FakeEncoder())(["a"])
    other = FakeEncoder("sha256:" + "b" * 64)
    opened(other)(["a"])
    assert other.calls == [["a"]]
    assert {path.name for path in (home / "cache" / "targets").glob("*.sqlite")} == {
        "aaaaaaaaaaaaaaaa.sqlite",
        "bbbbbbbbbbbbbbbb.sqlite",
    }


def test_more_sentences_than_are_read_at_once(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_READ_AT_ONCE", 3)
    encoder = FakeEncoder()
    targets = opened(encoder)
    sentences = [str(number) for number in range(8)]
    assert np.array_equal(targets(sentences), targets(sentences))
    assert len(encoder.calls) == 1


def test_a_failed_encoding_leaves_nothing(opened: Open) -> None:
    encoder = FakeEncoder()
    targets = opened(encoder)
    targets(["a"])
    encoder.encode = lambda *_, **__: 1 / 0  # type: ignore[assignment, method-assign, return-value]
    with pytest.raises(ZeroDivisionError):
        targets(["a", "b"])
    later = FakeEncoder()
    opened(later)(["a", "b"])
    assert later.calls == [["b"]]
