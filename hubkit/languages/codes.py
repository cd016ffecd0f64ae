"""From what a user or a corpus calls a language to its :class:`Language`.

A query is tried as a code or tag (BCP 47, ISO 639-1, -2/B, -3, deprecated codes, the codes of MediaWiki and of locale
files), then as a name, then as a tag whose further subtags (region, variant) do not change the language. Codes win over
names: ``mon`` is Mongolian, not Mon.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from hubkit.errors import HubkitError, NotFoundError, UsageError
from hubkit.languages import names
from hubkit.languages.table import DATA, Language, clashes, rows

EVERYWHERE = ""
_SUBTAG = re.compile(r"[a-z0-9]{1,8}")
_SCRIPT = re.compile(r"[a-z]{4}")
_CODESET = re.compile(r"\.[a-z-]*[0-9][a-z0-9-]*$")
_LOCALE_SCRIPTS = {"latin": "latn", "latn": "latn", "cyrillic": "cyrl", "devanagari": "deva", "arabic": "arab"}
_PART_OF = {"Hani": {"Hans", "Hant"}, "Hang": {"Kore"}, "Hira": {"Jpan"}, "Kana": {"Jpan"}, "Hrkt": {"Jpan"}}
_ANY_SCRIPT = {"Zyyy", "Zzzz", "Zinh"}


def find(query: str, scheme: str | None = None) -> Language:
    """The language that ``query`` means: a tag, a code, an English or native name, or a tag with region.

    ``scheme`` names whose codes these are where they contradict ISO 639 (``"mediawiki"``: ``nrm`` is Norman there).
    Raises :class:`NotFoundError` with suggestions, :class:`UsageError` when a name is that of several languages, and
    :class:`HubkitError` for a tag that two plugins give.
    """
    tag = _normal_tag(query)
    if not tag:
        raise UsageError("No language was named.", "Name one by tag, code or name, such as sw, swh or Swahili.")
    if (clash := clashes().get(tag)) is not None:
        raise HubkitError(clash, "Uninstall one of the two, or limit plugins with HUBKIT_LOAD_PLUGINS.")
    found = _by_code(tag, scheme) or names.by_name(query) or _by_subtags(tag.split("-"), scheme)
    if found is None:
        raise NotFoundError(f"No language is known as {names.shown(query)}.", names.advice(query, tag))
    return found


def _normal_tag(query: str) -> str:
    """Lower case, hyphens; of POSIX locale names the encoding is dropped and ``@latin`` becomes a script subtag."""
    text, _, modifier = query.strip().lower().replace("_", "-").partition("@")
    text = _CODESET.sub("", text)
    language, *rest = text.split("-")
    script = _LOCALE_SCRIPTS.get(modifier)
    return "-".join([language, script, *rest]) if script and language else text


def _by_code(tag: str, scheme: str | None) -> Language | None:
    if scheme and (own := _aliases().get((scheme, tag))):
        tag = own.lower()
    if (language := _by_tag().get(tag)) is not None:
        return language
    return _in_script_of(_codes()[tag]) if tag in _codes() else None


def _in_script_of(tag: str) -> Language | None:
    """The row of a canonical tag, or its language in the script that the tag names."""
    if (language := _by_tag().get(tag.lower())) is not None:
        return language
    base, _, script = tag.partition("-")
    return in_script(_by_tag()[base.lower()], script)


def _by_subtags(parts: list[str], scheme: str | None) -> Language | None:
    """The longest beginning that is a code; a script after it counts, regions and variants do not."""
    if not all(_SUBTAG.fullmatch(part) for part in parts):
        return None
    for end in range(len(parts) - 1, 0, -1):
        language = _by_code("-".join(parts[:end]), scheme)
        if language is None:
            continue
        script = parts[end]
        return in_script(language, script.title()) if _SCRIPT.fullmatch(script) else language
    return None


def in_script(language: Language, script: str) -> Language | None:
    """The same language written in ``script`` (ISO 15924); None when there is no such script."""
    base = _by_tag().get(language.tag.partition("-")[0].lower(), language)
    if script == base.script or script in _ANY_SCRIPT or base.script in _PART_OF.get(script, ()):
        return base
    if (known := _by_tag().get(f"{base.tag}-{script}".lower())) is not None:
        return known
    return _rewritten(base, script) if script in script_names() else None


@lru_cache(maxsize=1024)
def _rewritten(base: Language, script: str) -> Language:
    name = f"{base.name} ({script_names()[script]})"
    return replace(base, tag=f"{base.tag}-{script}", name=name, native_name=None, script=script)


@lru_cache(maxsize=1)
def script_names() -> dict[str, str]:
    """ISO 15924 code → English name."""
    return dict(_cells(DATA / "scripts.tsv", 2))


@lru_cache(maxsize=1)
def _by_tag() -> dict[str, Language]:
    return {row.language.tag.lower(): row.language for row in rows()}


@lru_cache(maxsize=1)
def _aliases() -> dict[tuple[str, str], str]:
    """(scheme, code) → tag, of the hand-kept table."""
    return {(scheme, code): tag for code, tag, scheme in _cells(DATA / "aliases.tsv", 3)}


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    """Code in lower case → tag; hand-kept aliases first, then the registries' codes, then the rows' ISO 639-3 codes."""
    codes = {row.iso639_3: row.tag for row in reversed(list(_individual())) if row.iso639_3}
    codes |= dict(_cells(DATA / "codes.tsv", 2))
    return codes | {code: tag for (scheme, code), tag in _aliases().items() if scheme == EVERYWHERE}


def _individual() -> Iterator[Language]:
    """Languages in their usual script, so that an ISO 639-3 code means that."""
    return (row.language for row in rows() if "-" not in row.language.tag)


def _cells(table: Path, columns: int) -> Iterable[list[str]]:
    with table.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(reader)
        return [cells[:columns] for cells in reader]
