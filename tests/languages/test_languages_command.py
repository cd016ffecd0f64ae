"""``hubkit languages``."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from hubkit.cli.languages import languages
from hubkit.errors import NotFoundError
from hubkit.languages import languages as known


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(languages, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_list_shows_all() -> None:
    lines = run().output.splitlines()
    assert lines[0].split() == ["tag", "name", "script", "family"]
    assert lines[-1] == f"{len(known())} languages"
    (kinyarwanda,) = [line for line in lines if line.startswith("rw ")]
    assert " ".join(kinyarwanda.split()) == "rw Kinyarwanda Latn Atlantic-Congo / West Highlands Kivu"


def test_list_by_family_and_script() -> None:
    found = json.loads(run("--family", "Turkic", "--script", "latn", "--json").output)
    tags = {language["tag"] for language in found}
    assert {"tr", "az", "uz"} <= tags
    assert not {"kk", "rw", "uz-Cyrl"} & tags
    assert {language["script"] for language in found} == {"Latn"}


def test_show() -> None:
    output = run("show", "Kiswahili").output
    for part in ("swh", "swa", "swah1253", "Latn (Latin)", "Atlantic-Congo > Volta-Congo", "Congo Swahili", "0.88"):
        assert part in output


def test_show_json() -> None:
    shown = json.loads(run("show", "kin", "--json").output)
    assert (shown["tag"], shown["iso639_3"], shown["family"][0]) == ("rw", "kin", "Atlantic-Congo")
    (rundi,) = [relative for relative in shown["relatives"] if relative["tag"] == "rn"]
    assert rundi["name"] == "Rundi"
    assert rundi["relatedness"] == pytest.approx(0.80, abs=0.01)


def test_show_isolate() -> None:
    assert "none known" in run("show", "eu").output


def test_unknown_is_left_to_the_program() -> None:
    with pytest.raises(NotFoundError):
        run("show", "klingonese")
    with pytest.raises(NotFoundError):
        run("--family", "Bantoo")


@pytest.mark.parametrize("arguments", [["--help"], ["show", "--help"]])
def test_help(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 0
