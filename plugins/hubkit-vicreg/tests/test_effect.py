"""The benchmark trains its arms, goes on where it stopped, and makes the table, on a toy."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner
from hubkit.corpora.source import Domain, Pair
from hubkit.errors import UsageError
from hubkit.evaluation.suite import ParallelSuite
from hubkit.languages import Language
from hubkit.testing import registering, tiny_core

FILE = Path(__file__).parents[1] / "benchmarks" / "effect.py"
NOUNS = ("boat", "rain", "road", "cat", "song", "hill", "lamp", "river", "stone", "bird", "field", "door")
VERBS = ("sees", "likes", "leaves", "finds", "hears", "wants", "takes", "holds", "meets", "turns", "keeps")


def sentences(first: int, count: int) -> list[tuple[str, str]]:
    """Toy sentences, no two of them alike: words backwards, and English."""
    english = [
        f"{NOUNS[number % 12]} {number} {VERBS[number % 11]} {NOUNS[number // 12 % 12]} {NOUNS[number * 7 % 12]}"
        for number in range(first, first + count)
    ]
    return [(" ".join(word[::-1] for word in text.split()), text) for text in english]


class Toys:
    """A source in Kinyarwanda."""

    name, license, origin = "toys", "CC0-1.0", "a test"
    domain: Domain = "prose"

    def pairs(self, language: Language) -> list[Pair]:
        found = sentences(0, 60) if language.tag == "rw" else []
        return [Pair(text, english, self.name, str(at), self.license) for at, (text, english) in enumerate(found)]


class Suite:
    """Held-out sentences in Kinyarwanda."""

    name = "toy-suite"

    def load(self, language: Language) -> ParallelSuite | None:
        texts, english = zip(*sentences(1000, 24), strict=True)
        keys = tuple(map(str, range(24)))
        return ParallelSuite(self.name, "a test", "CC0-1.0", "prose", language.tag, texts, english, keys)


@pytest.fixture
def effect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    monkeypatch.setenv("HUBKIT_HOME", str(tmp_path / "home"))
    spec = importlib.util.spec_from_file_location("effect", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "effect", module)
    spec.loader.exec_module(module)
    with registering("sources", "toys", Toys), registering("tasks", "toy-suite", Suite):
        yield module


def run(effect: ModuleType, folder: Path, *further: str) -> Any:
    dev = folder / "dev.tsv"
    dev.write_text("".join(f"{text}\t{english}\n" for text, english in sentences(2000, 340)), "utf-8")
    if not (folder / "core").exists():
        tiny_core(folder / "core")
    arguments = ["--language", "rw", "--dev", str(dev), "--suite", "toy-suite", "--source", "toys"]
    arguments += ["--core", str(folder / "core"), "--out", str(folder / "out.jsonl"), "--json", *further]
    done = CliRunner().invoke(effect.main, arguments)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return json.loads(done.stdout)


def test_arms_are_trained_once(effect: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arms = ["contrastive", "vicreg", "barlow-twins"]
    options = ["--steps", "2", *(part for arm in arms for part in ("--arm", arm))]
    rows = run(effect, tmp_path, *options)
    assert [row["arm"] for row in rows] == ["core", *arms]
    for row in rows:
        for test in ("dev", "toy-suite"):
            for view in ("raw", "centred"):
                cell = row[test][view]
                assert 0 <= cell["R@1"] <= 1 and cell["interval"][0] <= cell["difference"] <= cell["interval"][1]
    assert rows[1]["dev"]["raw"]["difference"] == 0
    assert len((tmp_path / "out.jsonl").read_text("utf-8").splitlines()) == 1 + len(arms)
    monkeypatch.setattr(effect, "Training", None)
    assert run(effect, tmp_path, *options) == rows
    with pytest.raises(UsageError, match="other settings"):
        run(effect, tmp_path, "--steps", "3")


def test_the_table_as_text(effect: ModuleType) -> None:
    cell = {"R@1": 0.5, "difference": -0.125, "interval": [-0.25, 0.0]}
    rows = [{"arm": arm, "dev": {"raw": cell, "centred": cell}} for arm in ("core", "plain")]
    lines = effect.rendered(rows, "plain").splitlines()
    assert lines[1].startswith("core   0.500 -0.125 [-0.250, +0.000]")
    assert lines[2].split() == ["plain", "0.500", "0.500"]
