from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubkit.corpora.file_report import FileReport
from hubkit.corpora.formats import READERS, Row, extension, read_jsonl, read_mo, read_po, read_tmx, read_tsv
from hubkit.errors import UsageError
from hubkit.languages import Language

KABYLE = Language("kab", "Kabyle", None, "kab", None, None, "Latn", ())


@pytest.mark.parametrize(
    ("name", "expected"), [("a.tsv", ".tsv"), ("a.b.TSV.gz", ".tsv"), ("a", ""), ("x.en-kab.kab", ".kab")]
)
def test_extension(name: str, expected: str) -> None:
    assert extension(Path(name)) == expected


def test_header_row_is_not_counted(tmp_path: Path) -> None:
    path, report = tmp_path / "a.tsv", FileReport()
    path.write_text("Kabyle\tEnglish\tnote\nAzul\tHello\t-\nx\ty\n")
    assert list(read_tsv(path, KABYLE, report)) == [Row(2, "Azul", "Hello")]
    assert report.lines == 2
    assert report.problems["without 3 columns"].first == ["a.tsv:3"]


def test_po_skips_what_is_not_translated(tmp_path: Path) -> None:
    path, report = tmp_path / "a.po", FileReport()
    path.write_bytes(
        b'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"\n\n'
        b'msgctxt "menu"\nmsgid "Open"\nmsgstr "Ldi"\n\n'
        b'msgid "page"\nmsgid_plural "pages"\nmsgstr[0] "asebter"\nmsgstr[1] "isebtar"\n\n'
        b'#, fuzzy\nmsgid "Maybe"\nmsgstr "Ahat"\n\nmsgid "None"\nmsgstr ""\n\n'
        b'msgid "Broken"\nmsgstr "\xff"\n\n#~ msgid "Old"\n#~ msgstr "Aqbur"\n'
    )
    assert [(row.text, row.english) for row in read_po(path, KABYLE, report)] == [("Ldi", "Open"), ("isebtar", "pages")]
    assert {kind: each.lines for kind, each in report.problems.items()} == {"not translated": 3, "not UTF-8": 1}


def test_po_with_broken_syntax_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "a.po"
    path.write_text('msgid "Open"\nnothing\n')
    with pytest.raises(UsageError, match="no gettext catalogue"):
        list(read_po(path, KABYLE, FileReport()))


def test_mo(tmp_path: Path, make_mo: Callable[..., bytes]) -> None:
    path, report = tmp_path / "a.mo", FileReport()
    path.write_bytes(make_mo({"Open": "Ldi", "Save": "Sekles"}))
    assert list(read_mo(path, KABYLE, report)) == [Row(1, "Ldi", "Open"), Row(2, "Sekles", "Save")]
    path.write_bytes(b"no catalogue")
    with pytest.raises(UsageError, match=r"a.mo is damaged"):
        list(read_mo(path, KABYLE, report))


def test_tmx_takes_units_with_both_languages(tmp_path: Path) -> None:
    path, report = tmp_path / "a.tmx", FileReport()
    path.write_text(
        '<tmx version="1.4"><body>\n'
        '<tu><tuv xml:lang="en-US"><seg>Open</seg></tuv><tuv xml:lang="KAB"><seg>Ldi</seg></tuv></tu>\n'
        '<tu><tuv xml:lang="en"><seg>Alone</seg></tuv></tu></body></tmx>'
    )
    assert list(read_tmx(path, KABYLE, report)) == [Row(2, "Ldi", "Open")]
    assert report.problems["without both languages"].first == ["a.tmx:3"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(sorted(READERS)),
    content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)),
)
def test_any_bytes_give_rows_or_a_usage_error(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / f"any{kind}"
    path.write_bytes(content)
    try:
        rows = list(READERS[kind](path, KABYLE, FileReport()))
    except UsageError:
        return
    assert all(isinstance(row, Row) for row in rows)


def test_jsonl_fields_are_found_in_any_case(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"KAB": "Ldi", "English": "Open"}\n{"text": 5, "english": "Open"}\n')
    assert list(read_jsonl(path, KABYLE, FileReport())) == [Row(1, "Ldi", "Open")]
