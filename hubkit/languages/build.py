"""Builds ``data/languages.tsv``, ``data/codes.tsv`` and ``data/scripts.tsv`` from published registries.

Needed once, by whoever renews the tables::

    pip install urielplus==1.3.2
    npm install --prefix FOLDER cldr-core@48.2.0 cldr-localenames-full@48.2.0 \\
        language-subtag-registry@0.4.2 jquery.uls@0.1.0
    python -m hubkit.languages.build --packages FOLDER/node_modules

Which source gives which column, and under which licence: ``data/ATTRIBUTION.md``. What no source has right is in
``data/corrections.tsv`` (one row a tag; an empty cell keeps what the sources say).
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from hubkit.errors import HubkitError
from hubkit.languages.registries import Registries, Subtag, load
from hubkit.languages.table import COLUMNS, DATA, REQUIRED, SEPARATOR

Cells = dict[str, str]
# Languages that CLDR replaces by another tag, but that have texts, a name and a place in the tree of their own.
KEPT_APART = frozenset({"cls", "cnr", "fat", "tw"})
# Where CLDR has two tags for a language, or a region for one, the code that its texts are published under.
PREFERRED = {"no": "nb", "fil": "tl", "sh": "sr-Latn", "fa-AF": "prs", "sw-CD": "swc"}
UNKNOWN_SCRIPT = "Zzzz"


def macrolanguage_defaults(sources: Registries) -> dict[str, str]:
    """Macrolanguage → its default individual language, as CLDR has it."""
    found = {}
    for individual, macro in sources.macro_aliases.items():
        known = sources.subtags.get(individual)
        if known and known.macrolanguage == macro and individual not in KEPT_APART:
            found[macro] = individual
    return found


def shortest_tag(individual: str, macro: str, sources: Registries) -> str:
    """The macrolanguage's code when it has two letters or a CLDR locale, else the individual language's."""
    return macro if len(macro) == 2 or macro in sources.locales else individual


def replacements(sources: Registries) -> dict[str, str]:
    """Every code that is not a tag of the table → the tag that stands for it."""
    codes: dict[str, str] = dict(PREFERRED)
    for macro, individual in macrolanguage_defaults(sources).items():
        tag = shortest_tag(individual, macro, sources)
        codes[individual if tag == macro else macro] = tag
    for code, tag in sources.aliases.items():
        codes.setdefault(code, tag)
    for subtag in sources.subtags.values():
        if subtag.preferred:
            codes.setdefault(subtag.code, subtag.preferred)
    for tag, code in sources.extended.items():
        codes.setdefault(tag, code)
    for kept in KEPT_APART | set(PREFERRED.values()):
        codes.pop(kept, None)
    codes |= {sources.alpha3[code]: code for code in KEPT_APART if code in sources.alpha3}
    return {code: _last(code, codes) for code in codes}


def _last(code: str, codes: Mapping[str, str]) -> str:
    seen = {code}
    tag = codes[code]
    while tag in codes and tag not in seen:
        seen.add(tag)
        tag = codes[tag]
    return tag


def base_rows(sources: Registries, codes: Mapping[str, str]) -> dict[str, Cells]:
    """One row for each language of the subtag registry that is neither deprecated nor a collection."""
    defaults = macrolanguage_defaults(sources)
    members: dict[str, list[str]] = defaultdict(list)
    for subtag in sources.subtags.values():
        if subtag.is_language:
            members[codes.get(subtag.code, subtag.code)].append(subtag.code)
    rows = {}
    for tag, merged in members.items():
        if tag in sources.subtags and sources.subtags[tag].is_language:
            rows[tag] = base_row(tag, defaults.get(tag, tag), merged, sources)
    return rows


def base_row(tag: str, individual: str, merged: Iterable[str], sources: Registries) -> Cells:
    """The cells of ``tag``, whose ISO 639-3 language is ``individual`` and which stands for the codes ``merged``."""
    iso = sources.alpha3.get(individual, individual)
    macro = sources.subtags[individual].macrolanguage or ("no" if tag == "nb" else None)
    glottocode = sources.glottocodes.get(iso) or sources.glottocodes.get(sources.alpha3.get(tag, tag), "")
    names = [name for code in dict.fromkeys([tag, individual, *merged]) for name in names_of(code, sources)]
    names += [sources.glottolog_names[glottocode]] if glottocode in sources.glottolog_names else []
    name = without_kind(names[0])
    native = sources.native_names.get(tag, "")
    others = {without_kind(other) for other in names} | {re.sub(r" *\([^)]*\)", "", other) for other in names}
    return {
        "tag": tag,
        "iso639_3": iso,
        "name": name,
        "native_name": native,
        "macrolanguage": sources.alpha3.get(macro, macro) if macro else "",
        "glottocode": glottocode,
        "script": usual_script([tag, iso, sources.macro_aliases.get(individual, "")], sources),
        "family": SEPARATOR.join(sources.lineages.get(glottocode, ())),
        "other_names": SEPARATOR.join(sorted(other for other in others - {name, native} if other)),
    }


def usual_script(codes: Iterable[str], sources: Registries) -> str:
    """ISO 15924 code of the script that the first known of ``codes`` is usually written in."""
    return next((sources.scripts_of[code] for code in codes if code in sources.scripts_of), UNKNOWN_SCRIPT)


def names_of(code: str, sources: Registries) -> list[str]:
    """English names of a code, CLDR's first."""
    subtag: Subtag | None = sources.subtags.get(code)
    return sources.english_names.get(code, []) + (list(subtag.names) if subtag else [])


def without_kind(name: str) -> str:
    """``Swahili (individual language)`` → ``Swahili``."""
    return re.sub(r" \((individual language|macrolanguage)\)", "", name)


def add_macrolanguage_families(rows: dict[str, Cells], sources: Registries) -> None:
    """A macrolanguage without a place in the tree gets the path that its members share."""
    members = defaultdict(list)
    for row in rows.values():
        if row["macrolanguage"] and row["family"]:
            members[row["macrolanguage"]].append(row["family"].split(SEPARATOR))
    for row in rows.values():
        if not row["family"] and not row["glottocode"] and (paths := members.get(row["iso639_3"])):
            shared = [nodes[0] for nodes in zip(*paths, strict=False) if len(set(nodes)) == 1]
            row["family"] = SEPARATOR.join(shared)


def script_row(tag: str, rows: Mapping[str, Cells], sources: Registries) -> Cells:
    """The row of a language in another script than its usual one: ``sr-Latn`` from ``sr``."""
    base, script = tag.split("-", 1)
    cells = dict(rows[base], tag=tag, script=script, other_names="", native_name=sources.native_names.get(tag, ""))
    cells["name"] = sources.english_names.get(tag, [f"{cells['name']} ({sources.script_names[script]})"])[0]
    return cells


def add_script_rows(rows: dict[str, Cells], sources: Registries, corrections: Iterable[str]) -> None:
    """Rows for the scripts that CLDR has locales of, and for those of ``data/corrections.tsv``."""
    for tag in [*sources.locales, *corrections]:
        base, _, script = tag.partition("-")
        if script in sources.script_names and base in rows and rows[base]["script"] != script:
            rows[tag] = script_row(tag, rows, sources)


def region_codes(rows: Mapping[str, Cells], sources: Registries) -> dict[str, str]:
    """``zh-tw`` → ``zh-Hant``: regions where a language is usually written in another script than elsewhere."""
    return {
        code.lower(): f"{code.partition('-')[0]}-{script}"
        for code, script in sources.region_scripts.items()
        if (base := rows.get(code.partition("-")[0])) and base["script"] != script
    }


def apply_corrections(rows: dict[str, Cells], corrections: Iterable[Cells], sources: Registries) -> None:
    """Overwrite what ``data/corrections.tsv`` knows better, and add what no registry has."""
    for correction in corrections:
        cells = rows.setdefault(correction["tag"], dict.fromkeys(COLUMNS, ""))
        if correction["glottocode"]:
            cells["family"] = SEPARATOR.join(sources.lineages[correction["glottocode"]])
        cells.update({column: value for column, value in correction.items() if value})


def codes_table(rows: Mapping[str, Cells], codes: Mapping[str, str]) -> dict[str, str]:
    """Codes whose tag is in the table, or is a language of the table in another script."""
    return {
        code.lower(): tag
        for code, tag in codes.items()
        if code != tag and (tag in rows or re.fullmatch(r"[A-Z][a-z]{3}", tag.partition("-")[2]))
    }


def tsv(header: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Tab-separated text."""
    text = io.StringIO()
    csv.writer(text, delimiter="\t", quoting=csv.QUOTE_NONE, lineterminator="\n").writerows([header, *lines])
    return text.getvalue()


def build(packages: Path) -> dict[str, str]:
    """File name → content of the three tables."""
    sources = load(packages)
    with (DATA / "corrections.tsv").open(encoding="utf-8", newline="") as lines:
        corrections = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    codes = replacements(sources)
    rows = base_rows(sources, codes)
    add_macrolanguage_families(rows, sources)
    apply_corrections(rows, [line for line in corrections if line["tag"] in rows], sources)
    add_script_rows(rows, sources, [line["tag"] for line in corrections])
    apply_corrections(rows, corrections, sources)
    if incomplete := [tag for tag, cells in rows.items() if not all(cells[column] for column in REQUIRED)]:
        raise HubkitError(f"Rows lack {', '.join(REQUIRED)}: {', '.join(incomplete)}.", "Complete corrections.tsv.")
    codes = region_codes(rows, sources) | codes_table(rows, codes)
    return {
        "languages.tsv": tsv(COLUMNS, ([rows[tag][column] for column in COLUMNS] for tag in sorted(rows))),
        "codes.tsv": tsv(("code", "tag"), sorted(codes.items())),
        "scripts.tsv": tsv(("script", "name"), sorted(sources.script_names.items())),
    }


def main() -> int:
    """Write the tables, or with ``--check`` say whether they are what the sources give."""
    parser = argparse.ArgumentParser(prog="python -m hubkit.languages.build", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--packages", type=Path, required=True, help="folder with the unpacked npm packages")
    parser.add_argument("--output", type=Path, default=DATA, help="where to write (default: the package's data folder)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a table is out of date")
    options = parser.parse_args()
    stale = False
    for name, text in build(options.packages).items():
        target = options.output / name
        if options.check:
            stale |= not target.is_file() or target.read_text("utf-8") != text
        else:
            target.write_text(text, "utf-8", newline="\n")
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
