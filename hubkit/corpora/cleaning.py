"""Clean parallel text in ordered steps, each counted; cleaning what is clean changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from hubkit.corpora.markup import has_markup
from hubkit.corpora.source import Pair
from hubkit.corpora.text import letters, normal_form, plain, script_share

if TYPE_CHECKING:
    from hubkit.languages import Language

MAX_CHARACTERS = 260  # of either side
MIN_LETTERS = 2  # of either side; one in scripts that write a word in one character
MAX_LENGTH_RATIO = 3.0  # characters of one side over those of the other, once either side has RATIO_FROM
RATIO_FROM = 20
MIN_SCRIPT_SHARE = 0.5  # of a text's letters that are of the language's script
DENSITY = {"Hani": 3.0, "Hans": 3.0, "Hant": 3.0, "Jpan": 2.0, "Kore": 2.0}  # English characters that one stands for

Counts = dict[str, int]  # step → pairs left after it, in order; "raw" comes first
Step = Callable[[list[Pair], "Language"], list[Pair]]


def clean(pairs: Iterable[Pair], language: Language) -> tuple[list[Pair], Counts]:
    """The usable pairs, in their order, and how many were left after each step."""
    left = list(pairs)
    counts = {"raw": len(left)}
    for name, step in STEPS.items():
        left = step(left, language)
        counts[name] = len(left)
    return left, counts


def sentences(pairs: Iterable[Pair], min_words: int = 4, max_words: int = 30) -> list[Pair]:
    """The pairs whose English side has ``min_words`` to ``max_words`` words: those that training calls sentences."""
    return [pair for pair in pairs if min_words <= len(pair.english.split()) <= max_words]


def form(pair: Pair) -> tuple[str, str]:
    """What near-duplicates of ``pair`` share: the normal forms of both sides."""
    return normal_form(pair.text), normal_form(pair.english)


def _plain(pairs: list[Pair], language: Language) -> list[Pair]:
    found = []
    for pair in pairs:
        text, english = plain(pair.text), plain(pair.english)
        if text and english:
            same = text == pair.text and english == pair.english
            found.append(pair if same else replace(pair, text=text, english=english))
    return found


def _without_markup(pairs: list[Pair], language: Language) -> list[Pair]:
    return [pair for pair in pairs if not has_markup(pair.text) and not has_markup(pair.english)]


def _translated(pairs: list[Pair], language: Language) -> list[Pair]:
    return [pair for pair in pairs if form(pair)[0] != form(pair)[1]]


def _of_fitting_length(pairs: list[Pair], language: Language) -> list[Pair]:
    density = DENSITY.get(language.script, 1.0)
    return [pair for pair in pairs if _fits(pair.text, pair.english, density)]


def _fits(text: str, english: str, density: float) -> bool:
    if max(len(text), len(english)) > MAX_CHARACTERS:
        return False
    if letters(text) < (1 if density > 1 else MIN_LETTERS) or letters(english) < MIN_LETTERS:
        return False
    said, meant = len(text) * density, float(len(english))
    longer, shorter = max(said, meant), min(said, meant)
    return longer < RATIO_FROM or longer <= MAX_LENGTH_RATIO * shorter


def _in_script(pairs: list[Pair], language: Language) -> list[Pair]:
    return [pair for pair in pairs if script_share(pair.text, language.script) >= MIN_SCRIPT_SHARE]


def _distinct(pairs: list[Pair], language: Language) -> list[Pair]:
    """The first of equal pairs."""
    return list({(pair.text, pair.english): pair for pair in reversed(pairs)}.values())[::-1]


def _no_near_duplicates(pairs: list[Pair], language: Language) -> list[Pair]:
    """The first of the pairs that differ in case, punctuation or numbers only; other translations of a text stay."""
    return list({form(pair): pair for pair in reversed(pairs)}.values())[::-1]


STEPS: dict[str, Step] = {
    "plain": _plain,
    "distinct": _distinct,
    "no markup": _without_markup,
    "translated": _translated,
    "length": _of_fitting_length,
    "script": _in_script,
    "no near duplicate": _no_near_duplicates,
}
