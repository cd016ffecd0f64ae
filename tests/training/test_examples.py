"""Examples with numbers for their labels, and what is said about data that is too little or wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.errors import UsageError
from hubkit.training.examples import Labelled, Scored, Tagged, Text, read_examples


def write(path: Path, content: str) -> list[Path]:
    path.write_text(content)
    return [path]


def test_labels_are_numbered_over_all_languages(tmp_path: Path) -> None:
    paths = {"sw": write(tmp_path / "sw.tsv", "a\tsport\n" * 60), "rw": write(tmp_path / "rw.tsv", "b\thealth\n" * 60)}
    found = read_examples("labelled", paths)
    assert found.labels == ("health", "sport")
    assert found.examples["sw"][0] == Labelled("a", 1, "sw.tsv", "sw.tsv:1")
    assert found.examples["rw"][59] == Labelled("b", 0, "rw.tsv", "rw.tsv:60")
    assert found.warnings == []


def test_a_label_that_is_none_of_the_names(tmp_path: Path) -> None:
    paths = {"sw": write(tmp_path / "sw.tsv", "a\tsport\nb\tsprot\n")}
    with pytest.raises(UsageError, match=r"sw\.tsv:2: 'sprot' is none of the 2 names health, sport"):
        read_examples("labelled", paths, labels=["health", "sport"])


def test_a_score_that_is_out_of_range(tmp_path: Path) -> None:
    paths = {"sw": write(tmp_path / "sw.tsv", "a\tb\t5\na\tb\t7.5\n")}
    assert read_examples("scored", paths).examples["sw"][1] == Scored("a", 7.5, "sw.tsv", "sw.tsv:2", "b")
    with pytest.raises(UsageError, match=r"sw\.tsv:2: the score 7.5 is outside 0 … 5"):
        read_examples("scored", paths, scores=(0, 5))


def test_tags(tmp_path: Path) -> None:
    paths = {"sw": write(tmp_path / "sw.txt", "Kigali B-LOC\nni O\n\nRwanda I-LOC\n")}
    found = read_examples("tagged", paths)
    assert found.labels == ("O", "B-LOC", "I-LOC")
    assert found.examples["sw"][0] == Tagged(("Kigali", "ni"), (1, 0), "sw.txt", "sw.txt:1")
    assert found.examples["sw"][0].text == "Kigali ni"
    paths = {"sw": write(tmp_path / "pos.txt", "Kigali PROPN\nni VERB\n\nx VERB\n")}
    parts = read_examples("tagged", paths, spans=False)
    assert parts.labels == ("PROPN", "VERB")


def test_text(tmp_path: Path) -> None:
    found = read_examples("text", {"sw": write(tmp_path / "sw.txt", "a\n\nb\n")})
    assert found.examples["sw"] == [Text("a", "sw.txt", "sw.txt:1"), Text("b", "sw.txt", "sw.txt:3")]


def test_few_examples_are_worth_a_warning(tmp_path: Path) -> None:
    paths = {"sw": write(tmp_path / "sw.tsv", "a\tx\n" * 60), "rw": write(tmp_path / "rw.tsv", "b\tx\nc\tx\nd\ty\n")}
    found = read_examples("labelled", paths)
    assert [warning.partition(":")[0] for warning in found.warnings] == [
        "Too few examples to learn from",
        "rw has 3 examples",
    ]
    assert "y (1)" in found.warnings[0]


@pytest.mark.parametrize(
    ("data", "content", "message"),
    [
        ("labelled", "a\tx\n", "There are 1 examples in all"),
        ("labelled", "a\tx\nb\tx\n", "Every example has the same label, x"),
        ("pairs", "a\tb\n", "'pairs' is not read here"),
    ],
)
def test_data_of_which_nothing_can_be_learnt(data: str, content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        read_examples(data, {"sw": write(tmp_path / "sw.tsv", content)})  # type: ignore[arg-type]
