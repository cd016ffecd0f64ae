"""The build script on registries in miniature, and the shape of what is committed."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from hubkit.errors import HubkitError, NotFoundError
from hubkit.languages import build, registries
from hubkit.languages.registries import Registries, Subtag
from hubkit.languages.table import COLUMNS, DATA, languages


def subtag(code: str, name: str, macrolanguage: str | None = None, scope: str = "") -> Subtag:
    return Subtag(code, (name,), scope, macrolanguage, None, False)


def sources() -> Registries:
    subtags = [
        subtag("sw", "Swahili (macrolanguage)", scope="macrolanguage"),
        subtag("swh", "Swahili (individual language)", "sw"),
        subtag("chm", "Mari (Russia)", scope="macrolanguage"),
        subtag("mhr", "Eastern Mari", "chm"),
        subtag("bnt", "Bantu languages", scope="collection"),
        Subtag("iw", ("Hebrew",), "", None, "he", True),
        subtag("he", "Hebrew"),
        subtag("zap", "Zapotec", scope="macrolanguage"),
        subtag("zaa", "Sierra de Juárez Zapotec", "zap"),
        subtag("zab", "Western Tlacolula Valley Zapotec", "zap"),
    ]
    return Registries(
        subtags={entry.code: entry for entry in subtags},
        alpha3={"sw": "swa", "he": "heb"},
        macro_aliases={"swh": "sw", "mhr": "chm"},
        aliases={"swa": "sw", "heb": "he"},
        extended={},
        locales=("sw", "he", "sw-Arab"),
        scripts_of={"sw": "Latn", "he": "Hebr", "chm": "Cyrl", "zaa": "Latn", "zab": "Latn"},
        region_scripts={"sw-KM": "Arab", "he-IL": "Hebr"},
        script_names={"Latn": "Latin", "Arab": "Arabic", "Hebr": "Hebrew", "Cyrl": "Cyrillic"},
        english_names={"sw": ["Swahili"]},
        native_names={"sw": "Kiswahili"},
        glottocodes={"swh": "swah1253", "zaa": "sier1250", "zab": "west2978"},
        glottolog_names={"swah1253": "Swahili"},
        lineages={
            "swah1253": ("Atlantic-Congo", "Narrow Bantu"),
            "sier1250": ("Otomanguean", "Zapotecan", "Northern"),
            "west2978": ("Otomanguean", "Zapotecan", "Central"),
        },
    )


def test_macrolanguage_and_default_member_are_one_row() -> None:
    known = sources()
    rows = build.base_rows(known, build.replacements(known))
    assert set(rows) == {"sw", "mhr", "he", "zap", "zaa", "zab"}
    assert rows["sw"] == {
        "tag": "sw",
        "iso639_3": "swh",
        "name": "Swahili",
        "native_name": "Kiswahili",
        "macrolanguage": "swa",
        "glottocode": "swah1253",
        "script": "Latn",
        "family": "Atlantic-Congo|Narrow Bantu",
        "other_names": "",
    }
    assert rows["mhr"]["script"] == "Cyrl"
    assert "Mari" in rows["mhr"]["other_names"].split("|")


def test_codes_lead_to_tags() -> None:
    known = sources()
    codes = build.replacements(known)
    rows = build.base_rows(known, codes)
    table = build.codes_table(rows, codes)
    assert {code: table[code] for code in ("swa", "swh", "chm", "iw", "heb")} == {
        "swa": "sw", "swh": "sw", "chm": "mhr", "iw": "he", "heb": "he",
    }  # fmt: skip
    assert build.region_codes(rows, known) == {"sw-km": "sw-Arab"}


def test_macrolanguage_without_a_place_gets_the_shared_path() -> None:
    known = sources()
    rows = build.base_rows(known, build.replacements(known))
    build.add_macrolanguage_families(rows, known)
    assert rows["zap"]["family"] == "Otomanguean|Zapotecan"


def test_script_rows() -> None:
    known = sources()
    rows = build.base_rows(known, build.replacements(known))
    build.add_script_rows(rows, known, ["he-Hebr", "he-Latn"])
    assert {tag for tag in rows if "-" in tag} == {"sw-Arab", "he-Latn"}
    assert (rows["sw-Arab"]["name"], rows["sw-Arab"]["script"]) == ("Swahili (Arabic)", "Arab")


def test_correction_wins_and_glottocode_brings_its_family() -> None:
    known = sources()
    rows = build.base_rows(known, build.replacements(known))
    empty = dict.fromkeys(COLUMNS, "")
    build.apply_corrections(rows, [{**empty, "tag": "he", "name": "Ivrit", "glottocode": "swah1253"}], known)
    assert (rows["he"]["name"], rows["he"]["script"]) == ("Ivrit", "Hebr")
    assert rows["he"]["family"] == "Atlantic-Congo|Narrow Bantu"


def test_incomplete_rows_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build, "load", lambda packages: sources())
    monkeypatch.setattr(build, "DATA", tmp_path)
    (tmp_path / "corrections.tsv").write_text("\t".join(COLUMNS) + "\nqaa" + "\t" * 8 + "\n", "utf-8")
    with pytest.raises(HubkitError, match="qaa"):
        build.build(tmp_path)


def test_build_is_repeatable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build, "load", lambda packages: sources())
    monkeypatch.setattr(build, "DATA", tmp_path)
    (tmp_path / "corrections.tsv").write_text("\t".join(COLUMNS) + "\n", "utf-8")
    arguments = ["build", "--packages", str(tmp_path), "--output", str(tmp_path)]
    monkeypatch.setattr("sys.argv", [*arguments, "--check"])
    assert build.main() == 1
    monkeypatch.setattr("sys.argv", arguments)
    assert build.main() == 0
    monkeypatch.setattr("sys.argv", [*arguments, "--check"])
    assert build.main() == 0


def test_missing_package_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="Fetch it"):
        registries.load(tmp_path)


def test_native_names_come_from_locales_first(tmp_path: Path) -> None:
    script = tmp_path / "jquery.uls/src/jquery.uls.data.js"
    script.parent.mkdir(parents=True)
    table = {"languages": {"sw": ["Latn", [], "other"], "ady": ["Cyrl", [], "Адыгабзэ"], "ady-cyrl": ["ady"]}}
    script.write_text(f"x; $.uls.data = {json.dumps(table)};", "utf-8")
    names = tmp_path / "cldr-localenames-full/main/sw/languages.json"
    names.parent.mkdir(parents=True)
    own = {"main": {"sw": {"localeDisplayNames": {"languages": {"sw": "Kiswahili"}}}}}
    names.write_text(json.dumps(own), "utf-8")
    assert registries._native_names(tmp_path, ["sw", "zu"]) == {"sw": "Kiswahili", "ady": "Адыгабзэ"}


def cells(name: str) -> list[list[str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]


@pytest.mark.parametrize("name", ["codes.tsv", "aliases.tsv"])
def test_committed_codes_are_sorted_unique_and_lead_to_rows(name: str) -> None:
    known = {language.tag for language in languages()}
    keys = [(row[0], row[2:]) for row in cells(name)]
    assert keys == sorted(keys)
    assert len({repr(key) for key in keys}) == len(keys)
    for code, tag, *_ in cells(name):
        assert code == code.lower()
        assert tag in known or (name == "codes.tsv" and re.fullmatch(r"[a-z]+-[A-Z][a-z]{3}", tag)), (code, tag)


def test_every_source_is_attributed() -> None:
    text = (DATA / "ATTRIBUTION.md").read_text("utf-8")
    for name in (
        "Glottolog",
        "CC-BY-SA-4.0",
        "CLDR",
        "IANA",
        "jquery.uls",
        *(file.name for file in DATA.glob("*.tsv")),
    ):
        assert name in text
