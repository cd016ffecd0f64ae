"""Reads the published registries that :mod:`hubkit.languages.build` makes the table of languages from."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubkit.errors import NotFoundError

NO_FAMILY = {"Bookkeeping", "Speech Register", "Unattested", "Unclassifiable"}  # Glottolog's boxes for the rest


@dataclass(frozen=True, slots=True)
class Subtag:
    """A language subtag of the IANA registry (BCP 47)."""

    code: str
    names: tuple[str, ...]
    scope: str
    macrolanguage: str | None
    preferred: str | None
    deprecated: bool

    @property
    def is_language(self) -> bool:
        """Whether it is a language in use as a code, not a collection and not deprecated."""
        return not self.deprecated and self.scope in ("", "macrolanguage")


@dataclass(frozen=True, slots=True)
class Registries:
    """What the sources say, in the shape that the build needs."""

    subtags: dict[str, Subtag]
    alpha3: dict[str, str]  # "sw" → "swa"
    macro_aliases: dict[str, str]  # "swh" → "sw"
    aliases: dict[str, str]  # "iw" → "he", "ger" → "de", "swa" → "sw"
    extended: dict[str, str]  # "zh-yue" → "yue"
    locales: tuple[str, ...]  # CLDR's
    scripts_of: dict[str, str]  # "sw" → "Latn"
    region_scripts: dict[str, str]  # "zh-TW" → "Hant"
    script_names: dict[str, str]  # "Latn" → "Latin"
    english_names: dict[str, list[str]]
    native_names: dict[str, str]
    glottocodes: dict[str, str]  # ISO 639-3 → Glottocode
    glottolog_names: dict[str, str]
    lineages: dict[str, tuple[str, ...]]


def load(packages: Path) -> Registries:
    """Read the npm packages unpacked in ``packages`` and the tables of the installed ``urielplus``."""
    aliases = _json(packages / "cldr-core/supplemental/aliases.json")["supplemental"]["metadata"]["alias"]
    likely = _json(packages / "cldr-core/supplemental/likelySubtags.json")["supplemental"]["likelySubtags"]
    locales = _json(packages / "cldr-core/availableLocales.json")["availableLocales"]["full"]
    records = _json(packages / "language-subtag-registry/data/json/registry.json")
    english = _display_names(packages, "en", "languages")
    names, lineages = _lineages()
    return Registries(
        subtags=_subtags(records),
        alpha3=_alpha3(aliases["languageAlias"]),
        macro_aliases=_aliases(aliases["languageAlias"], {"macrolanguage"}),
        aliases=_aliases(aliases["languageAlias"], {"overlong", "bibliographic", "deprecated", "legacy"}),
        extended=_extended(records),
        locales=tuple(sorted(locales)),
        scripts_of=_suppressed_scripts(records) | _scripts(likely),
        region_scripts=_region_scripts(likely),
        script_names=_script_names(records, _display_names(packages, "en", "scripts")),
        english_names=_english_names(english),
        native_names=_native_names(packages, locales),
        glottocodes=_glottocodes(),
        glottolog_names=names,
        lineages=lineages,
    )


def _json(file: Path) -> Any:
    if not file.is_file():
        raise NotFoundError(f"{file} is missing.", "Fetch it as the help of this command says.")
    return json.loads(file.read_text("utf-8"))


def _subtags(records: list[dict[str, Any]]) -> dict[str, Subtag]:
    return {
        record["Subtag"]: Subtag(
            record["Subtag"],
            tuple(record["Description"]),
            record.get("Scope", ""),
            record.get("Macrolanguage"),
            record.get("Preferred-Value"),
            "Deprecated" in record,
        )
        for record in records
        if record["Type"] == "language" and ".." not in record["Subtag"]
    }


def _extended(records: list[dict[str, Any]]) -> dict[str, str]:
    extended = [record for record in records if record["Type"] == "extlang"]
    return {
        f"{prefix}-{record['Subtag']}": record["Preferred-Value"] for record in extended for prefix in record["Prefix"]
    }


def _alpha3(aliases: dict[str, dict[str, str]]) -> dict[str, str]:
    found = {
        alias["_replacement"]: code
        for code, alias in aliases.items()
        if alias["_reason"] == "overlong" and len(alias["_replacement"]) == 2
    }
    return found | {"ak": "aka", "tw": "twi", "ro": "ron", "tl": "tgl", "sh": "hbs"}


def _aliases(aliases: dict[str, dict[str, str]], reasons: set[str]) -> dict[str, str]:
    return {
        code: alias["_replacement"]
        for code, alias in aliases.items()
        if alias["_reason"] in reasons and not code.startswith("und") and not alias["_replacement"].startswith("und")
    }


def _suppressed_scripts(records: list[dict[str, Any]]) -> dict[str, str]:
    return {record["Subtag"]: record["Suppress-Script"] for record in records if "Suppress-Script" in record}


def _scripts(likely: dict[str, str]) -> dict[str, str]:
    return {code: full.split("-")[1] for code, full in likely.items() if "-" not in code and code != "und"}


def _region_scripts(likely: dict[str, str]) -> dict[str, str]:
    return {
        code: full.split("-")[1]
        for code, full in likely.items()
        if re.fullmatch(r"[a-z]{2,3}-[A-Z]{2}", code) and not code.startswith("und")
    }


def _script_names(records: list[dict[str, Any]], english: dict[str, str]) -> dict[str, str]:
    registered = {
        record["Subtag"]: record["Description"][0]
        for record in records
        if record["Type"] == "script" and ".." not in record["Subtag"]
    }
    return {script: english.get(script, name) for script, name in registered.items()}


def _display_names(packages: Path, locale: str, kind: str) -> dict[str, str]:
    main = _json(packages / f"cldr-localenames-full/main/{locale}/{kind}.json")["main"]
    names: dict[str, str] = main[locale]["localeDisplayNames"][kind]
    return names


def _english_names(english: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key in sorted(english, key=lambda key: ("-alt-" in key, key)):
        code, _, variant = key.partition("-alt-")
        if "-menu-" not in code and variant != "menu" and english[key] not in found[code]:
            found[code].append(english[key])
    return found


def _native_names(packages: Path, locales: list[str]) -> dict[str, str]:
    names = _wikimedia_names((packages / "jquery.uls/src/jquery.uls.data.js").read_text("utf-8"))
    for locale in locales:
        try:
            own = _display_names(packages, locale, "languages")
        except NotFoundError:
            continue
        for key in (locale, locale.partition("-")[0]):
            if own.get(key, key) != key:
                names[locale] = own[key]
                break
    return names


def _wikimedia_names(script: str) -> dict[str, str]:
    start = script.index("{", script.index("$.uls.data ="))
    table = json.JSONDecoder().raw_decode(script, start)[0]["languages"]
    names = {}
    for code, entry in table.items():
        base, _, variant = code.partition("-")
        if len(entry) == 3 and (not variant or len(variant) == 4):
            names[f"{base}-{variant.title()}" if variant else base] = entry[2]
    return names


def _urielplus() -> Path:
    found = importlib.util.find_spec("urielplus")
    if found is None or not found.submodule_search_locations:
        raise NotFoundError("The package urielplus is not installed.", "pip install urielplus==1.3.2")
    return Path(found.submodule_search_locations[0]) / "database" / "urielplus_csvs"


def _lineages() -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    names, lineages = {}, {}
    with (_urielplus() / "lang_fam_geo.csv").open(encoding="utf-8", newline="") as lines:
        for record in csv.DictReader(lines):
            names[record["language_id"]] = record["language_name"]
            path = tuple(node.strip() for node in record["lineage"].split(", ") if node)
            lineages[record["language_id"]] = () if path[:1] and path[0] in NO_FAMILY else path
    return names, lineages


def _glottocodes() -> dict[str, str]:
    with (_urielplus() / "uriel_glottocode_map.csv").open(encoding="utf-8", newline="") as lines:
        return {record["iso_code"]: record["glottocode"] for record in csv.DictReader(lines)}
