"""The benchmark on a tiny core: it trains its arms, goes on where it stopped, and prints one table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import effect
import pytest
from click.testing import CliRunner
from conftest import KINYARWANDA, simple, write_dictd
from hubkit.corpora.source import Domain, Pair
from hubkit.languages import Language
from hubkit.testing import registering, tiny_core

pytestmark = pytest.mark.usefixtures("no_packages")
NOUNS, VERBS = ("boat", "rain", "road", "cat", "song", "hill", "lamp"), ("sees", "likes", "leaves", "finds", "hears")
Run = Callable[..., Any]


def rows(first: int, count: int) -> list[tuple[str, str]]:
    """Toy sentences: words backwards, and English with words of the dictionary."""
    english = [
        f"the {NOUNS[number % 7]} {VERBS[number // 7 % 5]} the {[*KINYARWANDA.values()][number // 35 % 5]}"
        for number in range(first, first + count)
    ]
    return [(" ".join(word[::-1] for word in text.split()), text) for text in english]


class Toys:
    """Sentences of this test."""

    name, license, origin = "toys", "CC0-1.0", "made here"
    domain: Domain = "prose"
    first = 0

    def pairs(self, language: Language) -> list[Pair]:
        return [
            Pair(text, english, self.name, str(number), self.license)
            for number, (text, english) in enumerate(rows(self.first, 60))
        ]


class Others(Toys):
    """Sentences that are kept for development."""

    name, first = "others", 100


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    write_dictd(tmp_path / "own", "kin-eng", simple(KINYARWANDA))
    monkeypatch.setenv("HUBKIT_LEXICON", str(tmp_path / "own"))
    core = str(tiny_core(tmp_path / "core").folder)
    dev = tmp_path / "dev.tsv"
    dev.write_text("".join(f"{text}\t{english}\n" for text, english in rows(100, 60)), "utf-8")

    def run(*arguments: str) -> Any:
        options = ["--language", "rw", "--source", "toys", "--core", core, "--out", str(tmp_path / "out.jsonl")]
        development = [] if any(each.startswith("--dev") for each in arguments) else ["--dev", str(dev)]
        with registering("sources", "toys", Toys), registering("sources", "others", Others):
            return CliRunner().invoke(effect.main, [*options, *development, "--steps", "3", *arguments])

    return run


def lines(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]


def test_one_table_and_a_line_an_arm(run: Run, tmp_path: Path) -> None:
    done = run()
    assert done.exit_code == 0, done.output
    table = [line for line in done.stdout.splitlines() if not line.startswith("rw without 0:")]
    assert [line.split()[:2] for line in table if line.startswith(("language", "rw "))][-5:] == [
        ["language", "arm"], ["rw", "core"], ["rw", "without"], ["rw", "dictionary"], ["rw", "mix"],
    ]  # fmt: skip
    found = lines(tmp_path)
    assert [line["arm"] for line in found] == ["core", "without", "dictionary", "mix"]
    assert all(len(line["scores"][view]) == 60 for line in found for view in ("raw", "centred"))
    assert [line["pairs"] for line in found[1:]] == [60, 65, 120]
    assert all(line["steps"] == 3 for line in found[1:])


def test_it_goes_on_where_it_stopped(run: Run, tmp_path: Path) -> None:
    assert run().exit_code == 0
    everything = lines(tmp_path)
    out = tmp_path / "out.jsonl"
    out.write_text("".join(f"{json.dumps(line)}\n" for line in everything[:3]), "utf-8")
    done = run("--json")
    again = lines(tmp_path)
    assert again[:3] == everything[:3] and [line["arm"] for line in again] == [line["arm"] for line in everything]
    assert again[3]["scores"] == everything[3]["scores"]
    table = json.loads(done.stdout[done.stdout.index("[") :])
    assert (table[1]["arm"], table[1]["raw"]["difference"]) == ("without", 0)
    low, high = table[2]["raw"]["interval"]
    assert low <= table[2]["raw"]["difference"] <= high
    assert run("--steps", "4").exit_code != 0


def test_a_source_as_development_text_is_not_trained_on(run: Run, tmp_path: Path) -> None:
    assert run("--dev-source", "others", "--source", "others").exit_code == 0
    assert lines(tmp_path)[1]["pairs"] == 60


def test_what_is_asked_must_be_clear(run: Run) -> None:
    assert "either --dev or --dev-source" in str(run("--dev-source", "others", "--dev", str(Path(__file__))).exception)
