"""The user's data of a language is found by whatever its folder is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.errors import NotFoundError
from hubkit.evaluation.tasks.own_data import english_of, entry_of, needed_split, own_folder, split_of
from hubkit.languages import find


def test_the_folder_of_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUBKIT_SUITES", raising=False)
    assert own_folder("sts", None) is None
    monkeypatch.setenv("HUBKIT_SUITES", str(tmp_path))
    assert own_folder("sts", None) is None
    (tmp_path / "sts").mkdir()
    assert own_folder("sts", None) == tmp_path / "sts"
    (tmp_path / "sts" / "data").mkdir()
    assert own_folder("sts", None) == tmp_path / "sts" / "data"
    assert own_folder("sts", tmp_path) == tmp_path
    with pytest.raises(NotFoundError, match="nowhere does not exist"):
        own_folder("sts", tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("tag", "name"),
    [("rw", "kin_Latn"), ("rw", "kin"), ("rw", "rw"), ("sw", "swa"), ("ar", "arb_Arab"), ("lv", "lvs_Latn"),
     ("ms", "zsm_Latn"), ("fa", "pes_Arab"), ("zh-Hant", "zho_Hant")],
)  # fmt: skip
def test_codes_of_known_datasets(tag: str, name: str, tmp_path: Path) -> None:
    for folder in (name, "eng_Latn", "arb_Latn", "README", "lus_Latn"):
        (tmp_path / folder).mkdir()
    (tmp_path / "rw.tsv").touch()
    assert entry_of(tmp_path, find(tag)) == tmp_path / name
    assert entry_of(tmp_path, find("wo")) is None
    assert english_of(tmp_path, "") == tmp_path / "eng_Latn"


def test_the_most_exact_name_wins(tmp_path: Path) -> None:
    for folder in ("sw", "swa", "swh"):
        (tmp_path / folder).mkdir()
    assert entry_of(tmp_path, find("sw")) == tmp_path / "swh"
    (tmp_path / "swh_Latn").mkdir()
    assert entry_of(tmp_path, find("sw")) == tmp_path / "swh_Latn"


def test_files(tmp_path: Path) -> None:
    for file in ("sw.tsv.gz", "rw.txt", "wo.tsv"):
        (tmp_path / file).touch()
    assert entry_of(tmp_path, find("sw"), (".tsv",)) == tmp_path / "sw.tsv.gz"
    assert entry_of(tmp_path, find("rw"), (".tsv",)) is None


def test_splits(tmp_path: Path) -> None:
    (tmp_path / "dev.tsv.gz").touch()
    assert split_of(tmp_path, ("test", "dev"), (".txt", ".tsv")) == tmp_path / "dev.tsv.gz"
    assert split_of(tmp_path, ("test",), (".tsv",)) is None
    with pytest.raises(NotFoundError, match=r"has no test.tsv, of which"):
        needed_split(tmp_path, ("test",), (".tsv",), "of which there is need")
    with pytest.raises(NotFoundError, match="has no English, of which"):
        english_of(tmp_path, "of which there is need")
