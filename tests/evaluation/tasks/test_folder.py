from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.errors import NotFoundError, UsageError
from hubkit.evaluation.tasks.folder import FolderSuite
from hubkit.languages import Language

RW = Language("rw", "Kinyarwanda", None, "kin", None, None, "Latn", ())
AR = Language("ar", "Arabic", None, "arb", "ara", None, "Arab", ())


def test_laser_layout(tmp_path: Path) -> None:
    (tmp_path / "tatoeba.kin-eng.kin").write_text("Yego.\nOya.\n", "utf-8")
    (tmp_path / "tatoeba.kin-eng.eng").write_text("Yes.\nNo.\n", "utf-8")
    suite = FolderSuite(tmp_path).load(RW)
    assert suite is not None
    assert suite.texts == ("Yego.", "Oya.") and suite.english == ("Yes.", "No.") and suite.keys == ("rw:1", "rw:2")
    assert suite.name == tmp_path.name and str(tmp_path.parent) not in suite.origin
    assert FolderSuite(tmp_path).load(AR) is None


def test_macrolanguage_files_serve_the_language(tmp_path: Path) -> None:
    (tmp_path / "tatoeba.ara-eng.ara").write_text("نعم\n", "utf-8")
    (tmp_path / "tatoeba.ara-eng.eng").write_text("Yes.\n", "utf-8")
    suite = FolderSuite(tmp_path).load(AR)
    assert suite is not None and len(suite) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mine.tsv", "Yego.\tYes.\n\nOya.\tNo.\n"),
        ("mine.jsonl", '{"text": "Yego.", "english": "Yes."}\n{"text": "Oya.", "english": "No.", "more": 1}\n'),
    ],
)
def test_files_of_pairs(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    suite = FolderSuite(tmp_path / name).load(RW)
    assert suite is not None and suite.name == "mine"
    assert suite.texts == ("Yego.", "Oya.") and suite.english == ("Yes.", "No.")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("mine.tsv", "Yego.\tYes.\nOya.\n", "Line 2 .* has 1 fields"),
        ("mine.tsv", "Yego.\t\n", "Line 1"),
        ("mine.jsonl", '{"text": "Yego."}\n', "Line 1"),
        ("mine.jsonl", "[1]\n", "Line 1"),
        ("mine.tsv", "\n", "no pairs"),
        ("mine.docx", "x", "neither"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(UsageError, match=said):
        FolderSuite(tmp_path / name).load(RW)


def test_sides_of_unequal_length(tmp_path: Path) -> None:
    (tmp_path / "t.kin-eng.kin").write_text("Yego.\nOya.\n", "utf-8")
    with pytest.raises(NotFoundError, match="no English side"):
        FolderSuite(tmp_path).load(RW)
    (tmp_path / "t.kin-eng.eng").write_text("Yes.\n", "utf-8")
    with pytest.raises(UsageError, match=r"2 lines .* has 1"):
        FolderSuite(tmp_path).load(RW)


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.tsv").write_bytes("é\tYes.\n".encode("latin-1"))
    with pytest.raises(UsageError, match="not UTF-8"):
        FolderSuite(tmp_path / "mine.tsv").load(RW)


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        FolderSuite(tmp_path / "nothing")
