"""``hubkit compare`` on a tiny core and a suite of the user's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubkit.registry.installed import install_folder

Run = Callable[..., Any]
WORDS = ("boat", "rain", "road", "cat", "song", "hill", "lamp", "bread")


@pytest.fixture
def arguments(home: Path, bert: Any, make_adapter: Any, save: Any, tmp_path: Path) -> list[str]:
    """What compares the core with an installed adapter on 30 pairs."""
    install_folder(save(make_adapter(bert, "seq_bn"), bert))
    pairs = tmp_path / "mine.tsv"
    english = [f"the {WORDS[number % 8]} and the {WORDS[number * 3 % 7]} {number}" for number in range(30)]
    pairs.write_text("".join(f"{text[::-1]} <b>\t{text}\n" for text in english), "utf-8")
    return ["compare", "core", "lang-rw", "--suite", str(pairs), "--core", str(bert.folder)]


def test_it_prints_words_and_sentences(run: Run, arguments: list[str]) -> None:
    ended = run(*arguments, "--limit", "2", "--quiet")
    shown = " ".join(ended.out.split())
    assert (ended.code, ended.err) == (0, "")
    assert "A The core" in shown and "B lang-rw" in shown and "lang-rw 0.1.0." in shown
    assert "Raw R@1 on mine (30 pairs) goes from" in shown and "Centred R@1 on mine" in shown
    assert "2 shown:" in shown and "text → English: rank" in shown and "came first" in shown


def test_json_has_every_sentence_unless_limited(run: Run, arguments: list[str]) -> None:
    data = json.loads(run(*arguments, "--json", "--quiet").out)
    raw = data["suites"][0]
    assert data["after"]["versions"] == {"lang-rw": "0.1.0"}
    assert raw["view"] == "raw" and len(raw["regressed"]) == raw["regressed_in_all"]
    assert raw["improved_in_all"] + raw["regressed_in_all"] + raw["nearer"] + raw["farther"] + raw["same"] == 30
    cut = json.loads(run(*arguments, "--json", "--quiet", "--limit", "0").out)
    assert cut["suites"][0]["regressed"] == [] and cut["suites"][0]["words"] == raw["words"]


def test_a_page_is_written_and_escaped(run: Run, arguments: list[str], tmp_path: Path) -> None:
    ended = run(*arguments, "--html", str(tmp_path / "page.html"), "--quiet")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert ended.code == 0 and "Wrote" in ended.err
    assert "&lt;b&gt;" in page and "<b>" not in page and "<script" not in page
    assert page.count("<article") > 2


def test_progress_goes_to_standard_error(run: Run, arguments: list[str]) -> None:
    ended = run(*arguments)
    assert "sentences" in ended.err and "✓" not in ended.out


def test_errors_have_their_codes(run: Run, arguments: list[str]) -> None:
    assert run("compare", "core", "core", "--quiet", *arguments[5:]).code == 2
    assert run("compare", "core", "lang-xx", "--quiet", *arguments[5:]).code == 4
