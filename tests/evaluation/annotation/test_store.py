from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubkit.errors import NotFoundError, UsageError, VerificationError
from hubkit.evaluation.annotation.judgement import Judgement
from hubkit.evaluation.annotation.store import (
    annotation_file,
    append_judgement,
    read_all,
    read_judgements,
    read_lines,
)

Make = Callable[..., Judgement]


def test_what_is_written_is_read(tmp_path: Path, judged: Make) -> None:
    path = tmp_path / "deep" / "ann.jsonl"
    lines = [judged(1), judged(2, "different", text="Ça va", english="It goes"), judged(3, "unsure", seconds=1.5)]
    for line in lines:
        append_judgement(path, line)
    assert read_lines(path) == lines
    assert path.read_text("utf-8").count("\n") == 3 and "Ça va" in path.read_text("utf-8")


def test_the_last_answer_of_a_pair_counts(tmp_path: Path, judged: Make) -> None:
    path = tmp_path / "ann.jsonl"
    for line in (judged(1, "same"), judged(2), judged(1, "related"), judged(1, "same", system="core")):
        append_judgement(path, line)
    assert [(one.key, one.label, one.system) for one in read_judgements(path)] == [
        ("1", "related", "lang-rw==0.1.0"), ("2", "same", "lang-rw==0.1.0"), ("1", "same", "core"),
    ]  # fmt: skip


@pytest.mark.parametrize("kept", range(0, 400, 37))
def test_a_line_cut_by_a_crash_is_left_out_and_written_over(tmp_path: Path, judged: Make, kept: int) -> None:
    path = tmp_path / "ann.jsonl"
    append_judgement(path, judged(1))
    append_judgement(path, judged(2))
    content = path.read_bytes()
    first = content.index(b"\n") + 1
    path.write_bytes(content[: first + kept])
    assert [one.key for one in read_judgements(path)] == ["1"]
    append_judgement(path, judged(3))
    assert [one.key for one in read_judgements(path)] == ["1", "3"]


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"annotator": "Ann"}', ""])
def test_a_line_that_is_no_judgement_is_named(tmp_path: Path, judged: Make, line: str) -> None:
    path = tmp_path / "ann.jsonl"
    append_judgement(path, judged(1))
    path.write_text(path.read_text("utf-8") + line + "\n", "utf-8")
    with pytest.raises(VerificationError, match="Line 2 of"):
        read_judgements(path)


def test_no_file_and_no_judgements(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no judgements in"):
        read_judgements(tmp_path / "none.jsonl")
    with pytest.raises(NotFoundError, match="hubkit annotate rw"):
        read_all("rw")


@pytest.mark.parametrize(
    ("name", "file"),
    [("Ann Uwase", "ann-uwase"), ("../../etc/passwd", "etc-passwd"), ("Ωμέγα", "ωμέγα"), ("a.b", "a-b")],
)
def test_names_make_files_in_their_folder(own_home: Path, name: str, file: str) -> None:
    assert annotation_file("rw", "udhr", name) == own_home / "annotations" / "rw" / "udhr" / f"{file}.jsonl"


def test_a_name_without_letters(own_home: Path) -> None:
    with pytest.raises(UsageError):
        annotation_file("rw", "udhr", "...")


def test_all_annotators_of_a_language(own_home: Path, judged: Make) -> None:
    for suite, annotator in (("udhr", "Ann"), ("udhr", "Ben"), ("mine", "Ann")):
        append_judgement(annotation_file("rw", suite, annotator), judged(1, annotator=annotator, suite=suite))
    append_judgement(annotation_file("lg", "udhr", "Ann"), judged(1, language="lg"))
    assert sorted((one.suite, one.annotator) for one in read_all("rw")) == [
        ("mine", "Ann"), ("udhr", "Ann"), ("udhr", "Ben"),
    ]  # fmt: skip
