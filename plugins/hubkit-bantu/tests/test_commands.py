"""``hubkit bantu``: what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hubkit.errors import NotFoundError
from hubkit.testing import check_command

from hubkit_bantu.commands import bantu


def run(*arguments: str, given: str = "") -> str:
    done = CliRunner().invoke(bantu, list(arguments), input=given)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_it_is_a_command() -> None:
    check_command(bantu, "hubkit_bantu.commands:bantu")


def test_segment(tmp_path: Path) -> None:
    assert run("segment", "rw", given="umuntu n'abantu\numurimo\n") == "umu·ntu n'aba·ntu\numu·rimo\n"
    learn = tmp_path / "text.txt"
    learn.write_text("umuntu n'abantu\n", "utf-8")
    assert run("segment", "rw", "--sign", "|", "--learn", str(learn), given="umuntu umurimo\n") == "umu|ntu umurimo\n"


def test_normalise(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("n’ umuntu\n", "utf-8")
    assert run("normalise", "Kinyarwanda", str(text)) == "n'umuntu\n"


def test_classes() -> None:
    assert "Kimenyi, Alexandre. 1980." in run("classes", "rw")
    rows = json.loads(run("classes", "sw", "--json"))
    assert {"class": "7", "prefixes": ["ki", "ch"], "plural": "8", "reference": "ashton1944"} in rows


def test_sources() -> None:
    assert "left out" in run("sources", "zu")
    rows = json.loads(run("sources", "zu", "--json"))
    assert [row["source"] for row in rows if not row["kept"]] == ["libreoffice", "cldr"] or len(rows) > 2


def test_curriculum() -> None:
    groups = json.loads(run("curriculum", "rw", "--json"))
    assert groups[0][0] == "rw" and len(groups) > 2
    assert run("curriculum", "rw").startswith("1  Kinyarwanda (rw)")
    assert json.loads(run("curriculum", "rw", "--among", "zu", "--json")) == [["rw"], ["zu"]]


@pytest.mark.parametrize("arguments", [("segment", "fr"), ("classes", "fr"), ("sources", "fr"), ("curriculum", "qqq")])
def test_what_it_does_not_know(arguments: tuple[str, str]) -> None:
    with pytest.raises(NotFoundError):
        run(*arguments)
