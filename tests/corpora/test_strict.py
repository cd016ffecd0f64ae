"""Data with labels is read strictly: what is wrong is named by file and line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from hubkit.corpora.conll import read_conll
from hubkit.corpora.examples import Labelled, Scored, Tagged, Text
from hubkit.corpora.labelled import read_labelled, read_scored, read_scored_pairs, read_text
from hubkit.errors import NotFoundError, UsageError


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_the_layout_of_sib_200(tmp_path: Path) -> None:
    path = write(
        tmp_path / "test.tsv",
        "index_id\tcategory\ttext",
        '61\tscience/technology\t"He said ""Today"" twice."',
        "8\tpolitics\tJust after 11:00",
    )
    assert read_labelled(path) == [
        Labelled('He said "Today" twice.', "science/technology", "61"),
        Labelled("Just after 11:00", "politics", "8"),
    ]


def test_columns_without_a_header_are_told_by_their_number(tmp_path: Path) -> None:
    alone = write(tmp_path / "a.tsv", "habari\tgreeting", "", "kwaheri\tparting")
    pairs = write(tmp_path / "b.tsv", "habari\tjambo\tsame")
    assert read_labelled(alone) == [
        Labelled("habari", "greeting", "a.tsv:1"),
        Labelled("kwaheri", "parting", "a.tsv:3"),
    ]
    assert read_labelled(pairs) == [Labelled("habari", "same", "b.tsv:1", "jambo")]
    assert read_scored(write(tmp_path / "c.tsv", "habari\t3.5")) == [Scored("habari", 3.5, "c.tsv:1")]
    assert read_scored_pairs(write(tmp_path / "d.tsv", "a\tb\t-1e0")) == [Scored("a", -1.0, "d.tsv:1", "b")]


def test_without_a_header_quotes_are_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", '"Habari"\tgreeting')
    assert read_labelled(path)[0].text == '"Habari"'
    path = write(tmp_path / "b.tsv", "text\tlabel", '"Habari" alisema "jambo"\tgreeting')
    assert read_labelled(path)[0].text == '"Habari" alisema "jambo"'


def test_json_lines_and_gzip(tmp_path: Path) -> None:
    row = {"sentence1": "a", "sentence2": "b", "label": 3, "id": 7, "note": [1]}
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as handle:
        handle.write(json.dumps(row | {"note": None}) + "\n\n")
    assert read_labelled(tmp_path / "a.jsonl.gz") == [Labelled("a", "3", "7", "b")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", "habari\tgreeting\nkwaheri\n", "Line 2 of .*a.tsv has 1 columns, not 2. A line is text<TAB>label or"),
        ("a.tsv", "text\tlabel\n\nx\ty\tz\n", "Line 3 .* has 3 columns, not 2. Lines have as many"),
        ("a.tsv", "habari\t\n", "Line 1 .* has no label"),
        ("a.tsv", "text\ttext\tlabel\nx\ty\tz\n", "two columns for text"),
        ("a.tsv", "id\ttext\tlabel\n7\ta\tb\n8\ta\tb\n7\tc\td\n", "Line 4 .* has the key '7', as line 2 does"),
        ("a.tsv", "\n", "has no rows"),
        ("a.tsv", "x" * 10_001 + "\ty\n", "Line 1 .* a text of 10,001 characters"),
        ("a.tsv", "a\0b\tc\n", "Line 1 .* NUL"),
        ("a.jsonl", '{"text": "a", "label": "b"}\n{\n', "Line 2 .* is not JSON"),
        ("a.jsonl", "[]\n", "Line 1 .* is not an object. Write one object a line with text, label or"),
        ("a.jsonl", '{"text": "a"}\n', "Line 1 .* has no label"),
        ("a.jsonl", '{"text": "a", "label": [1]}\n', "Line 1 .* label that is neither text nor a number"),
        ("a.jsonl", '{"text": "a", "label": "b", "class": "c"}\n', "Line 1 .* two fields for label"),
        ("a.csv", "a,b\n", "neither .tsv nor .jsonl"),
    ],
)
def test_what_is_wrong_is_named(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=message):
        read_labelled(tmp_path / name)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes(b"habari\tgreeting\nkwaheri\xff\tparting\n")
    with pytest.raises(UsageError, match=r"Line 2 of .* is not UTF-8"):
        read_labelled(tmp_path / "a.tsv")
    (tmp_path / "a.tsv.gz").write_bytes(b"no gzip")
    with pytest.raises(UsageError, match="cannot be read"):
        read_labelled(tmp_path / "a.tsv.gz")
    with pytest.raises(NotFoundError, match=r"no file .*b\.tsv"):
        read_labelled(tmp_path / "b.tsv")


@pytest.mark.parametrize("score", ["high", "nan", "inf", "3,5"])
def test_a_score_is_a_number(score: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "a\tb\t1", f"a\tb\t{score}")
    with pytest.raises(UsageError, match=f"Line 2 of .* has the score '{score}', which is no number"):
        read_scored_pairs(path)


def test_pairs_need_a_second_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Line 1 .* has 2 columns, not 3"):
        read_scored_pairs(write(tmp_path / "a.tsv", "a\t1"))


def test_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "﻿one", "", " two ")
    assert read_text(path) == [Text("one", "a.txt:1"), Text("two", "a.txt:3")]
    with pytest.raises(UsageError, match="no sentences"):
        read_text(write(tmp_path / "b.txt", ""))


CONLL = ("-DOCSTART- O", "", "Rwanda B-LOC", "ni O", "", "", "Kigali\tB-LOC", "nzuri\tO")


def test_conll(tmp_path: Path) -> None:
    found = read_conll(write(tmp_path / "a.txt", *CONLL))
    assert found == [
        Tagged(("Rwanda", "ni"), ("B-LOC", "O"), "a.txt:3"),
        Tagged(("Kigali", "nzuri"), ("B-LOC", "O"), "a.txt:7"),
    ]
    assert found[0].text == "Rwanda ni"


def test_conll_of_four_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "-DOCSTART- -X- -X- O", "", "EU NNP B-NP B-ORG", "rejects VBZ B-VP O")
    assert read_conll(path) == [Tagged(("EU", "rejects"), ("B-ORG", "O"), "a.txt:3")]


def test_conll_of_any_tags(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "Kigali PROPN")
    assert read_conll(path, spans=False)[0].tags == ("PROPN",)
    with pytest.raises(UsageError, match=r"Line 1 of .* has the tag 'PROPN'. A tag is O, B-TYPE or I-TYPE"):
        read_conll(path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("Kigali B-LOC", "ni"), "Line 2 of .* has the word 'ni' without a tag"),
        (("Kigali B-LOC", "ni hapa O"), "Line 2 of .* has 3 columns, the lines before have 2"),
        (("-DOCSTART- O", ""), "has no sentences"),
        (("Kigali S-LOC",), "has the tag 'S-LOC'"),
    ],
)
def test_what_is_wrong_in_conll_is_named(lines: tuple[str, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        read_conll(write(tmp_path / "a.txt", *lines))


def test_a_word_may_be_a_space_that_is_none_to_conll(tmp_path: Path) -> None:
    assert read_conll(write(tmp_path / "a.txt", "\u00a0 O", "x O"))[0].words == ("\u00a0", "x")
