"""The table: complete, sorted, consistent; tables of plugins are merged and checked."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hubkit.errors import HubkitError
from hubkit.languages import table
from hubkit.languages.codes import script_names
from hubkit.languages.table import COLUMNS, Language, Row, languages, read, rows

HEADER = "tag\tiso639_3\tname\tscript\n"


class Registration:
    """A plugin's registered table."""

    target = "other.languages:path"
    plugin = "other"

    def __init__(self, result: object) -> None:
        self.result = result

    def load(self) -> object:
        def path() -> object:
            if isinstance(self.result, Exception):
                raise self.result
            return self.result

        return path


def merged_with(monkeypatch: pytest.MonkeyPatch, result: object) -> tuple[Row, ...]:
    monkeypatch.setattr("hubkit.plugins.registered", lambda kind: {"theirs": Registration(result)})
    return rows.__wrapped__()


def test_tags_are_sorted_and_unique() -> None:
    tags = [language.tag for language in languages()]
    assert tags == sorted(tags)
    assert len({tag.lower() for tag in tags}) == len(tags) > 7000


def test_names_are_unique() -> None:
    counts = Counter(language.name.lower() for language in languages())
    assert not {name for name, count in counts.items() if count > 1}


def test_columns_are_well_formed() -> None:
    for language in languages():
        assert re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-x-[a-z]+)?", language.tag)
        assert re.fullmatch(r"[a-z]{3}", language.iso639_3)
        assert re.fullmatch(r"[a-z]{3}", language.macrolanguage or "swa")
        assert re.fullmatch(r"[a-z0-9]{4}[0-9]{4}", language.glottocode or "swah1253")
        assert language.script in script_names()
        assert all(node == node.strip() and node for node in (*language.family, language.name))


def test_tags_are_the_shortest() -> None:
    two_letters = {language.iso639_3 for language in languages() if len(language.tag) == 2}
    longer = {language.tag for language in languages() if len(language.tag) == 3 and language.iso639_3 in two_letters}
    assert not longer


def test_groups_have_one_place_in_the_tree() -> None:
    places: dict[str, set[tuple[str, ...]]] = {}
    for language in languages():
        for depth, node in enumerate(language.family):
            places.setdefault(node, set()).add(language.family[:depth])
    assert not {node: paths for node, paths in places.items() if len(paths) > 1}


def test_file_is_small() -> None:
    assert table.path().stat().st_size < 1_500_000


def test_plugin_table_is_merged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    theirs = tmp_path / "languages.tsv"
    theirs.write_text("script\ttag\tname\tiso639_3\nLatn\tqaa\tTestish\tqaa\n", "utf-8")
    found = {row.language.tag: row.language for row in merged_with(monkeypatch, theirs)}
    assert found["qaa"] == Language("qaa", "Testish", None, "qaa", None, None, "Latn", ())
    assert "rw" in found
    assert list(found) == sorted(found)


def test_tag_given_twice_names_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.tsv"
    theirs.write_text(HEADER + "RW\tkin\tRwandan\tLatn\n", "utf-8")
    with pytest.raises(HubkitError, match=r"RW is given twice: by hubkit and by plugin other .*theirs\.tsv"):
        merged_with(monkeypatch, theirs)


@pytest.mark.parametrize("result", [None, RuntimeError("no")])
def test_plugin_without_a_table_is_named(monkeypatch: pytest.MonkeyPatch, result: object) -> None:
    with pytest.raises(HubkitError, match="plugin other"):
        merged_with(monkeypatch, result)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tag\tname\nqaa\tTestish\n", "no column iso639_3, script"),
        (HEADER + "qaa\tqaa\t\tLatn\n", "line 2"),
        ("", "no column"),
        ("tag\tiso639_3\tname\tscript\n\xff", "cannot be read"),
    ],
)
def test_malformed_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.tsv"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(HubkitError, match=message) as refused:
        read(file)
    assert str(file) in str(refused.value)


def test_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HubkitError, match="cannot be read"):
        read(tmp_path / "nowhere.tsv")


def test_all_columns_are_read(tmp_path: Path) -> None:
    file = tmp_path / "full.tsv"
    cells = ("qaa", "qab", "Testish", "Test", "qac", "test1234", "Latn", "Root|Branch", "Proofish|Trial")
    file.write_text("\t".join(COLUMNS) + "\n" + "\t".join(cells) + "\n", "utf-8")
    language = Language("qaa", "Testish", "Test", "qab", "qac", "test1234", "Latn", ("Root", "Branch"))
    assert read(file) == [Row(language, ("Proofish", "Trial"))]


def test_import_is_light() -> None:
    heavy = "torch transformers numpy pandas rich urielplus langcodes"
    code = (
        f"import sys, hubkit.languages, hubkit.cli.languages; print([m for m in {heavy.split()} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
