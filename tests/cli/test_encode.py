"""What the options of ``hubkit encode`` ask of the encoder; its output: ``tests/runtime/test_encode_command.py``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hubkit.cli import encode as module
from hubkit.errors import NotFoundError, UsageError

Run = Callable[..., Any]


class FakeEncoder:
    """A sentence's vector is its length and 1, minus the mean; it notes with which options it was called."""

    def __init__(self) -> None:
        self.core = SimpleNamespace(hidden_size=2)
        self.loaded: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}
        self.fitted_on: list[str] = []

    def fit_centre(self, sentences: Iterator[str], batch_size: int) -> NDArray[np.float32]:
        self.fitted_on = list(sentences)
        return np.array([1.0, 1.0], np.float32)

    def encode_stream(self, sentences: Iterator[str], chunk_size: int, **options: Any) -> Iterator[Any]:
        self.options = {"chunk_size": chunk_size, **options}
        mean = 0 if options["centre"] is None else options["centre"]
        for sentence in sentences:
            yield [sentence], np.array([[len(sentence), 1.0]], np.float32) - mean


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> FakeEncoder:
    fake = FakeEncoder()

    def load(*arguments: Any) -> FakeEncoder:
        fake.loaded = arguments
        return fake

    monkeypatch.setattr(module, "_load", load)
    return fake


@pytest.fixture
def text(home: Path) -> Path:
    """Two sentences with an empty one between them."""
    (home.parent / "in.txt").write_bytes("abc\n\nɓɓ\r\n".encode())
    return home.parent / "in.txt"


def test_json_lines_are_the_default(text: Path, run: Run, encoder: FakeEncoder) -> None:
    ended = run("encode", str(text))
    assert ended.code == 0
    assert [json.loads(line) for line in ended.out.splitlines()] == [
        {"text": "abc", "vector": [3, 1]},
        {"text": "", "vector": [0, 1]},
        {"text": "ɓɓ", "vector": [2, 1]},
    ]
    assert encoder.loaded == ((), None, None, "e5-small", False, False)


def test_options_reach_the_encoder(text: Path, run: Run, encoder: FakeEncoder) -> None:
    run("encode", str(text), "-l", "rw", "--core", "other", "--centre", "--quiet", "--batch-size", "4")
    assert encoder.loaded == (("rw",), None, None, "other", True, True)
    assert encoder.options == {"chunk_size": 64, "batch_size": 4, "normalize_embeddings": True, "centre": None}
    run("encode", str(text), "--adapter", "lang-rw==0.1.0", "--no-normalize")
    assert encoder.loaded == ((), "lang-rw==0.1.0", None, "e5-small", False, False)
    run("encode", str(text), "--recipe", "a + b")
    assert encoder.loaded[2] == "a + b"
    run("encode", str(text), "-l", "rw", "-l", "sw")
    assert encoder.loaded[0] == ("rw", "sw")
    run("encode", str(text), "--no-normalize")
    assert encoder.options["normalize_embeddings"] is False


def test_centre_on(text: Path, run: Run, encoder: FakeEncoder) -> None:
    ended = run("encode", str(text), "--centre-on", str(text), "--format", "tsv")
    assert encoder.fitted_on == ["abc", "", "ɓɓ"]
    assert ended.out == "2\t0\n-1\t0\n1\t0\n"


@pytest.mark.parametrize(
    "options",
    [["-l", "rw", "--adapter", "lang-rw"], ["-l", "rw", "--recipe", "a"], ["--centre", "--centre-on", "in.txt"]],
    ids=["adapter", "recipe", "centre"],
)
def test_options_that_exclude_each_other(options: list[str], text: Path, run: Run, encoder: FakeEncoder) -> None:
    ended = run("encode", str(text), *options)
    assert ended.code == 2
    assert "given. Give one of them." in ended.err


def test_a_missing_input(run: Run, encoder: FakeEncoder) -> None:
    ended = run("encode", "nowhere.txt")
    assert ended.code == 2
    assert "nowhere.txt" in ended.err


def test_an_output_that_was_there_stays_when_it_fails(text: Path, run: Run, encoder: FakeEncoder) -> None:
    target = text.with_name("out.tsv")
    target.write_text("before")
    text.write_bytes(b"\xff\n")
    assert run("encode", str(text), "-o", str(target)).code == 2
    assert target.read_text() == "before"


@pytest.mark.parametrize(("error", "code"), [(NotFoundError("No.", "Do."), 4), (UsageError("No.", "Do."), 2)])
def test_an_adapter_that_cannot_be_loaded(
    error: Exception, code: int, text: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: Any) -> None:
        raise error

    monkeypatch.setattr(module, "_load", load)
    ended = run("encode", str(text), "-l", "rw")
    assert (ended.code, ended.out) == (code, "")
