from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from hubkit.corpora.file import File, read_monolingual, read_parallel
from hubkit.corpora.source import Source
from hubkit.errors import NotFoundError, UsageError
from hubkit.languages import Language

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, content: str | bytes) -> Path:
        data = content.encode() if isinstance(content, str) else content
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


def sides(paths: list[Path | str], language: Language) -> list[tuple[str, str]]:
    return [(pair.text, pair.english) for pair in read_parallel(paths, language)[0]]


TWO = [("Azul", "Hello"), ("Tanemmirt", "Thank you")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "Azul\tHello\nTanemmirt\tThank you\n"),
        ("a.tsv.gz", "Azul\tHello\nTanemmirt\tThank you"),
        ("a.tsv", "english\ttext\nHello\tAzul\nThank you\tTanemmirt\n"),
        ("a.tsv", "id\tkab\ten\n1\tAzul\tHello\n2\tTanemmirt\tThank you\n"),
        ("a.jsonl", '{"text": "Azul", "english": "Hello"}\n{"kab": "Tanemmirt", "en": "Thank you"}\n'),
        (
            "a.jsonl.gz",
            '{"translation": {"kab": "Azul", "en": "Hello"}}\n{"non_english": "Tanemmirt", "english": "Thank you"}',
        ),
        ("kab-eng.tsv", "Azul\tHello\nTanemmirt\tThank you\n"),
        ("eng-kab.tsv", "Azul\tHello\nTanemmirt\tThank you\n"),
        ("en.tsv", "Azul\tHello\nTanemmirt\tThank you\n"),
        ("a.po", 'msgid "Hello"\nmsgstr "Azul"\n\nmsgid "Thank you"\nmsgstr "Tanemmirt"\n'),
    ],
)
def test_one_parallel_file(write: Write, kabyle: Language, name: str, content: str) -> None:
    assert sides([write(name, content)], kabyle) == TWO


def test_pairs_say_where_they_come_from(write: Write, kabyle: Language) -> None:
    (pair,), report = read_parallel([write("a.tsv", "Azul\tHello\n")], kabyle, license="CC0-1.0")
    assert (pair.source, pair.key, pair.license) == ("file", "a.tsv:1", "CC0-1.0")
    assert report.summary() == "1 of 1 lines kept from a.tsv."


@pytest.mark.parametrize(
    "english", ["eng.tsv.gz", "en.tsv", "english.tsv", "bible-eng.tsv", "bible.en.tsv", "eng-kjv.tsv"]
)
def test_two_files_are_aligned_on_their_identifiers(write: Write, kabyle: Language, english: str) -> None:
    ours = write("kab.tsv.gz", "M.1\tAzul\nM.3\tUlac\nM.2\tTanemmirt\n")
    theirs = write(english, "G.1\tOther\nM.2\tThank you\nM.1\tHello\n")
    for paths in ([ours, theirs], [theirs, ours]):
        pairs, report = read_parallel(list(paths), kabyle)
        assert [(pair.key, pair.text, pair.english) for pair in pairs] == [
            ("kab.tsv.gz:M.1", "Azul", "Hello"), ("kab.tsv.gz:M.2", "Tanemmirt", "Thank you"),
        ]  # fmt: skip
        assert report.as_dict()["problems"] == {"without an English line": {"lines": 1, "first": ["kab.tsv.gz:2"]}}


def test_a_repeated_identifier_counts_once(write: Write, kabyle: Language) -> None:
    ours, theirs = write("kab.tsv", "M.1\tAzul\nM.1\tAzul i kečč\n"), write("eng.tsv", "M.1\tHello\n")
    pairs, report = read_parallel([ours, theirs], kabyle)
    assert [pair.text for pair in pairs] == ["Azul"]
    assert report.problems["with a repeated identifier"].first == ["kab.tsv:2"]


def test_the_english_file_can_be_marked(write: Write, kabyle: Language) -> None:
    ours, theirs = write("one.tsv", "1\tAzul\n2\tTanemmirt\n"), write("two.tsv", "1\tHello\n2\tThank you\n")
    assert sides([ours, f"{theirs}:en"], kabyle) == TWO


def test_two_files_are_aligned_line_by_line(write: Write, kabyle: Language) -> None:
    ours, theirs = write("kab.txt", "Azul\n\nTanemmirt\n"), write("eng.txt", "Hello\nNothing\nThank you\n")
    assert sides([ours, theirs], kabyle) == TWO


def test_language_codes_as_extensions(write: Write, kabyle: Language) -> None:
    ours, theirs = write("Corpus.en-kab.kab", "Azul\nTanemmirt\n"), write("Corpus.en-kab.en", "Hello\nThank you\n")
    assert sides([ours, theirs], kabyle) == TWO


def test_files_of_unequal_length_are_not_aligned(write: Write, kabyle: Language) -> None:
    with pytest.raises(UsageError, match=r"kab.txt has 2 lines and .*eng.txt has 1: they are not aligned"):
        read_parallel([write("kab.txt", "Azul\nTanemmirt\n"), write("eng.txt", "Hello\n")], kabyle)


def test_plain_text_alone_is_not_parallel(write: Write, kabyle: Language) -> None:
    with pytest.raises(UsageError, match=r"plain text in one language.*Expected are two columns"):
        read_parallel([write("kab.txt", "Azul\n")], kabyle)


def test_identifiers_without_english_are_not_taken_for_text(write: Write, kabyle: Language) -> None:
    with pytest.raises(UsageError, match=r"an identifier and one text a line.*FILE:en"):
        read_parallel([write("kab.tsv", "MAT.1.1\tAzul\nMAT.1.2\tTanemmirt\n")], kabyle)


def test_a_folder_gives_the_files_of_the_language(
    write: Write, kabyle: Language, swahili: Language, tmp_path: Path
) -> None:
    write("data/kab.tsv.gz", "1\tAzul\n2\tTanemmirt\n")
    write("data/eng.tsv.gz", "1\tHello\n2\tThank you\n")
    write("data/kab-2.jsonl", '{"text": "Ih", "english": "Yes"}')
    write("data/swh.tsv", "Ndiyo\tYes\n")
    write("data/languages.tsv", "kab\t2\n")
    assert sides([tmp_path / "data"], kabyle) == [("Ih", "Yes"), *TWO]
    assert sides([tmp_path / "data"], swahili) == [("Ndiyo", "Yes")]


def test_a_folder_without_the_language_lists_what_it_has(write: Write, kabyle: Language, tmp_path: Path) -> None:
    write("data/swh.tsv", "Ndiyo\tYes\n")
    with pytest.raises(NotFoundError, match=r"no file for Language kab; it has swh.tsv.*Name it kab.tsv"):
        read_parallel([tmp_path / "data"], kabyle)


def test_a_missing_file_is_not_found(kabyle: Language, tmp_path: Path) -> None:
    for read in (read_parallel, read_monolingual):
        with pytest.raises(NotFoundError, match="There is no file"):
            read([tmp_path / "none.tsv"], kabyle)


def test_an_unknown_format_says_what_is_expected(write: Write, kabyle: Language) -> None:
    with pytest.raises(UsageError, match=r"of no format that hubkit reads. Expected are two columns"):
        read_parallel([write("a.docx", b"PK")], kabyle)


def test_english_alone_is_a_usage_error(write: Write, kabyle: Language) -> None:
    with pytest.raises(UsageError, match="Only English files were given"):
        read_parallel([write("eng.tsv", "1\tHello\n"), write("en.txt", "Hello\n")], kabyle)


BAD = (
    b"\xef\xbb\xbfAzul\tHello\r\n"
    b"\r\n"
    b"one column\n"
    b"a\tb\tc\n"
    b"broken \xff\xfe\tutf\n"
    b"\tempty side\n"
    b"same\tsame\n"
    b"nul\0here\ttext\n"
    + b"x" * 10_001 + b"\tlong\n"
    + b"y" * 200_000 + b"\n"
    + b"Tanemmirt\tThank you\n"
)  # fmt: skip


def test_every_bad_line_is_counted_and_the_rest_kept(write: Write, kabyle: Language) -> None:
    pairs, report = read_parallel([write("bad.tsv", BAD)], kabyle)
    assert [(pair.text, pair.english, pair.key) for pair in pairs] == [
        ("Azul", "Hello", "bad.tsv:1"), ("Tanemmirt", "Thank you", "bad.tsv:11"),
    ]  # fmt: skip
    found = {kind: problem.first for kind, problem in report.problems.items()}
    assert found == {
        "with a byte order mark (removed)": ["bad.tsv:1"],
        "with a carriage return (removed)": ["bad.tsv:1", "bad.tsv:2"],
        "empty": ["bad.tsv:2"],
        "without 2 columns": ["bad.tsv:3", "bad.tsv:4"],
        "not UTF-8": ["bad.tsv:5"],
        "with an empty side": ["bad.tsv:6"],
        "with identical sides": ["bad.tsv:7"],
        "with NUL": ["bad.tsv:8"],
        "too long": ["bad.tsv:9", "bad.tsv:10"],
    }
    assert (report.lines, report.kept) == (11, 2)


def test_only_the_first_five_places_are_kept(write: Write, kabyle: Language) -> None:
    _, report = read_parallel([write("a.tsv", "Azul\tHello\n" + "bad\n" * 20)], kabyle)
    assert report.as_dict()["problems"]["without 2 columns"] == {
        "lines": 20,
        "first": [f"a.tsv:{n}" for n in range(2, 7)],
    }
    assert "20 without 2 columns (a.tsv:2, a.tsv:3, a.tsv:4, a.tsv:5, a.tsv:6, …)" in report.summary()


@pytest.mark.parametrize(
    ("name", "content", "shown"),
    [
        ("a.tsv", "", "no line at all"),
        ("a.tsv", "only one column\n", "1 without 2 columns.*'only one column'"),
        ("a.tsv", "Azul,Hello\n", "'Azul,Hello'"),
        ("a.tsv", "Azul\tHello\n".encode("utf-16"), "in UTF-16; save it as UTF-8"),
        ("a.tsv", bytes(range(128, 256)), "1 not UTF-8"),
        ("a.jsonl", "{broken\n[1]\n{}\n", "1 not JSON, 2 without the two fields"),
        ("a.jsonl", "[" * 100_000, "1 too long"),
        ("a.po", 'msgid "Hello"\nmsgstr ""\n', "1 not translated"),
    ],
)
def test_a_file_without_a_usable_line_shows_what_it_has(
    write: Write, kabyle: Language, name: str, content: str | bytes, shown: str
) -> None:
    with pytest.raises(UsageError, match=rf"has no usable line for Language kab\. .*{shown}.*Expected are") as caught:
        read_parallel([write(name, content)], kabyle)
    assert caught.value.exit_code == 2


def test_one_useless_file_among_good_ones_is_an_error(write: Write, kabyle: Language) -> None:
    with pytest.raises(UsageError, match=r"bad.tsv has no usable line"):
        read_parallel([write("a.tsv", "Azul\tHello\n"), write("bad.tsv", "x\n")], kabyle)


@pytest.mark.parametrize("name", ["a.tsv.gz", "a.po.gz", "a.mo.gz", "a.tmx.gz"])
def test_damaged_gzip_is_a_usage_error(write: Write, kabyle: Language, name: str) -> None:
    path = write(name, "Azul\tHello\n" * 1000)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(UsageError, match=r"gzip|TMX"):
        read_parallel([path], kabyle)
    path.write_bytes(b"no gzip")
    with pytest.raises(UsageError, match=r"gzip|TMX"):
        read_parallel([path], kabyle)


def test_monolingual_lines(write: Write, kabyle: Language) -> None:
    texts, report = read_monolingual([write("a.txt", b"\xef\xbb\xbfAzul\r\n\n\xff\n Tanemmirt")], kabyle)
    assert texts == ["Azul", "Tanemmirt"]
    assert (report.lines, report.kept) == (4, 2)
    with pytest.raises(UsageError, match="no usable line"):
        read_monolingual([write("b.txt", "\n\n")], kabyle)


def test_as_a_source(write: Write, kabyle: Language) -> None:
    source = File([write("a.tsv", "Azul\tHello\nbad\n")], license="CC-BY-4.0")
    assert isinstance(source, Source)
    assert source.domain == "prose"
    assert [pair.license for pair in source.pairs(kabyle)] == ["CC-BY-4.0"]
    assert source.report.kept == 1
    assert source.report.lines == 2
