"""Languages by name, English or native, and what to suggest when a name is unknown."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from hubkit.errors import UsageError
from hubkit.languages.table import Language, Row, rows

if TYPE_CHECKING:
    from difflib import SequenceMatcher

SUGGESTIONS = 3
LIKENESS = 0.6  # of spelling; below it a name is not suggested
PART_LIKENESS = 0.9  # of a name that has the query as one of its words
_SHOWN_CHARACTERS = 60
_TIERS: tuple[Callable[[Row], Iterable[str | None]], ...] = (
    lambda row: (row.language.name,),
    lambda row: (row.language.native_name,),
    lambda row: row.other_names,
)


def by_name(query: str) -> Language | None:
    """The language of that name; :class:`UsageError` lists the candidates when there are several.

    The name by which hubkit calls a language wins over its native name, that over further names, and a name spelt as
    it is over one that differs in accents and apostrophes.
    """
    for fold in (plain, unaccented):
        for tier in range(len(_TIERS)):
            if candidates := _index(fold, tier).get(fold(query)):
                return _only(candidates, query)
    return None


def _only(candidates: tuple[Language, ...], query: str) -> Language:
    languages: dict[tuple[str, str | None], Language] = {}
    for language in candidates:  # sorted by tag, so that sr comes before sr-Latn
        languages.setdefault((language.iso639_3, language.glottocode), language)
    if len(languages) == 1:
        return candidates[0]
    listed = ", ".join(f"{language.tag} ({language.name})" for language in languages.values())
    raise UsageError(f"{shown(query)} is a name of several languages: {listed}.", "Name one of them by its tag.")


def plain(name: str) -> str:
    """Without differences of case, width, hyphens and spaces."""
    return " ".join(re.split(r"[\s_-]+", unicodedata.normalize("NFKC", name).casefold())).strip()


def unaccented(name: str) -> str:
    """Further without accents and apostrophes: ``K'iche'`` and ``Kiche`` are the same."""
    decomposed = unicodedata.normalize("NFKD", plain(name))
    kept = (letter for letter in decomposed if letter.isalnum() or letter == " ")
    return "".join(letter for letter in kept if unicodedata.category(letter) != "Lm").strip()  # Lm: letter apostrophes


@lru_cache(maxsize=len(_TIERS) * 2)
def _index(fold: Callable[[str], str], tier: int) -> dict[str, tuple[Language, ...]]:
    index: dict[str, list[Language]] = defaultdict(list)
    for row in rows():
        for folded in {fold(name) for name in _TIERS[tier](row) if name}:
            if folded:
                index[folded].append(row.language)
    return {name: tuple(languages) for name, languages in index.items()}


def advice(query: str, tag: str) -> str:
    """What to try instead of an unknown name: up to three languages that are spelt alike, or where to look."""
    near = suggestions(unaccented(query)[:_SHOWN_CHARACTERS]) if tag else []
    if not near:
        return "`hubkit languages` lists the known ones."
    return f"Did you mean {', '.join(f'{language.tag} ({language.name})' for language in near)}?"


def suggestions(folded: str) -> list[Language]:
    """Up to three languages whose name is like ``folded`` or contains it, best first."""
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(b=folded, autojunk=False)
    best: dict[Language, float] = {}
    for tier in range(len(_TIERS)):
        for name, languages in _index(unaccented, tier).items():
            if (likeness := _likeness(name, folded, matcher)) >= LIKENESS:
                for language in languages:
                    best[language] = max(likeness, best.get(language, 0.0))
    ranked = sorted(best, key=lambda language: (-best[language], len(language.tag), language.tag))
    return ranked[:SUGGESTIONS]


def _likeness(name: str, folded: str, matcher: SequenceMatcher[str]) -> float:
    """0 … 1; 0 without much work where it is below ``LIKENESS`` (of names of very different length it is)."""
    if len(folded) > 3 and folded in name and folded in name.split():
        return PART_LIKENESS
    if 2 * min(len(name), len(folded)) < LIKENESS * (len(name) + len(folded)):
        return 0.0
    matcher.set_seq1(name)
    return matcher.ratio() if matcher.quick_ratio() >= LIKENESS else 0.0


def shown(query: str) -> str:
    """The query as an error shows it: quoted, and cut when it is long."""
    return repr(query if len(query) <= _SHOWN_CHARACTERS else f"{query[:_SHOWN_CHARACTERS]}…")
