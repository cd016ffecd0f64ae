from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.errors import NotFoundError, UsageError
from hubkit.evaluation.tasks.tatoeba import Tatoeba
from hubkit.languages import find
from hubkit.testing import check_suite

ENGLISH = ["Yes.", "No.", "Yes.", "Where is it?"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "suites" / "tatoeba"
    path.mkdir(parents=True)
    for code, words in {
        "swh": ["Ndiyo.", "Hapana.", "Naam.", "Iko wapi?"],
        "uzb": ["Ha.", "Yoʻq.", "Ha!", "Qani?"],
    }.items():
        (path / f"tatoeba.{code}-eng.{code}").write_text("\n".join(words) + "\n", "utf-8")
        (path / f"tatoeba.{code}-eng.eng").write_text("\n".join(ENGLISH) + "\n", "utf-8")
    return path


def test_a_language(folder: Path) -> None:
    found = Tatoeba(folder).load(find("sw"))
    assert found is not None and found.english == tuple(ENGLISH)
    assert (found.name, found.license, found.domain) == ("tatoeba", "CC-BY-2.0-FR", "prose")
    assert found.keys[2] == f"{found.keys[0]}.2" and len(set(found.keys)) == 4
    assert Tatoeba(folder).load(find("rw")) is None


def test_its_folder_among_the_suites(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_SUITES", str(folder.parent))
    check_suite(Tatoeba, "sw", "uz")


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nothing"):
        Tatoeba(tmp_path / "nothing").load(find("sw"))


def test_files_that_are_not_aligned(folder: Path) -> None:
    (folder / "tatoeba.swh-eng.eng").write_text("Yes.\nNo.\n", "utf-8")
    with pytest.raises(UsageError, match=r"4 lines .* has 2"):
        Tatoeba(folder).load(find("sw"))


def test_an_empty_line(folder: Path) -> None:
    (folder / "tatoeba.swh-eng.eng").write_text("Yes.\n \nNo.\nWhere?\n", "utf-8")
    with pytest.raises(UsageError, match=r"Line 2 of .* is empty"):
        Tatoeba(folder).load(find("sw"))
