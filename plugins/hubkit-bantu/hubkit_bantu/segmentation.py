"""Where the class prefix of a word ends: ``umu·ntu``, ``aba·ntu``.

A prefix is cut off only where what is left can be a stem: after a prefix that ends in a vowel comes a consonant (unless
its class has no other form for vowels), after one that ends in another consonant than a nasal (``umw-``, ``icy-``) a
vowel, after a nasal (``in-``, ``um-``) a consonant, and before b, f, p and v the nasal of classes 9 and 10 is m. That
alone also cuts words which are no nouns, and verbs after a subject prefix that looks the same. :class:`Stems` is
stricter: it learns from text which stems occur with the prefixes of a singular and of its plural, and takes those.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from hubkit_bantu.noun_classes import classes

SIGN = "·"
FEWEST_PREFIXES = 3  # of a stem that is never met in a singular and its plural
_SHORTEST_STEM = 2
_WORD = re.compile(r"[^\W\d_]+")
_VOWELS = frozenset("aeiouɛɔĩũ")
_NASALS = frozenset("mn")
_LABIALS = frozenset("bfpv")


class Split(NamedTuple):
    """A word cut in two. ``numbers`` are the classes that have the prefix."""

    prefix: str
    stem: str
    numbers: frozenset[str]


class Stems:
    """Stems that text of a language shows with prefixes of several classes."""

    def __init__(self, texts: Iterable[str], tag: str) -> None:
        """Learn from ``texts`` in the language ``tag``; the more, the more nouns are known."""
        self.tag = tag
        self._pairs = _pairs(tag)
        seen: defaultdict[str, set[str]] = defaultdict(set)
        for word in {word for text in texts for word in _WORD.findall(text.lower())}:
            for cut in splits(word, tag):
                seen[cut.stem].add(cut.prefix)
        self._prefixes = {stem: frozenset(found) for stem, found in seen.items() if len(found) > 1}

    def __len__(self) -> int:
        return sum(map(self.known, self._prefixes))

    def known(self, stem: str) -> bool:
        """Whether the stem was seen in a singular and its plural, or with :data:`FEWEST_PREFIXES` prefixes."""
        found = self._prefixes.get(stem, frozenset())
        return len(found) >= FEWEST_PREFIXES or not self._pairs.isdisjoint(product(found, found))

    def split(self, word: str) -> Split | None:
        """The cut whose stem is known with most prefixes; ``None`` when none is."""
        found = [cut for cut in splits(word, self.tag) if self.known(cut.stem.lower())]
        return max(found, key=lambda cut: (len(self._prefixes[cut.stem.lower()]), len(cut.prefix)), default=None)


@lru_cache(maxsize=64)
def _pairs(tag: str) -> frozenset[tuple[str, str]]:
    """(prefix of a singular, prefix of its plural); not two vowels, with which a verb may begin as well."""
    by_number = {each.number: each for each in classes(tag)}
    return frozenset(
        (one, many)
        for each in by_number.values() if each.plural
        for one, many in product(each.prefixes, by_number[each.plural].prefixes)
        if one != many and len(one) + len(many) > 2
    )  # fmt: skip


def splits(word: str, tag: str) -> Iterator[Split]:
    """Every way to cut a class prefix off ``word``, the longest prefix first; none for a language without a table."""
    lowered = word.lower()
    for prefix in _prefixes(tag):
        if lowered.startswith(prefix.text) and prefix.can_precede(lowered[len(prefix.text) :]):
            yield Split(word[: len(prefix.text)], word[len(prefix.text) :], prefix.numbers)


def split(word: str, tag: str, stems: Stems | None = None) -> Split | None:
    """The word without its class prefix: as ``stems`` know it, else with the longest prefix that can be one."""
    return next(splits(word, tag), None) if stems is None else stems.split(word)


def mark(text: str, tag: str, sign: str = SIGN, stems: Stems | None = None) -> str:
    """``text`` with ``sign`` after the class prefix of every word that has one.

    Names are left alone: words that begin with a capital, but for the first one.
    """
    pieces, end = [], 0
    for number, match in enumerate(_WORD.finditer(text)):
        word = match[0]
        if number and word[0].isupper():
            continue
        if (cut := split(word, tag, stems)) is not None:
            at = match.start() + len(cut.prefix)
            pieces += [text[end:at], sign]
            end = at
    return "".join([*pieces, text[end:]])


class _Prefix(NamedTuple):
    """A prefix, the classes that have it, and whether one of them has another form before vowels."""

    text: str
    numbers: frozenset[str]
    before_consonants: bool

    def can_precede(self, rest: str) -> bool:
        """Whether ``rest`` can be a stem after it."""
        if len(rest) < _SHORTEST_STEM or not _VOWELS & set(rest):
            return False
        last, first = self.text[-1], rest[0]
        if last in _VOWELS:
            return first not in _VOWELS or (not self.before_consonants and first != last)
        if last not in _NASALS:
            return first in _VOWELS
        if first in _VOWELS:
            return False
        return not self.numbers <= {"9", "10"} or (last == "m") == (first in _LABIALS) or first == last


@lru_cache(maxsize=64)
def _prefixes(tag: str) -> tuple[_Prefix, ...]:
    """The prefixes of a language, the longest first."""
    numbers: defaultdict[str, set[str]] = defaultdict(set)
    split_up: set[str] = set()
    for each in classes(tag):
        glides = [prefix for prefix in each.prefixes if prefix[-1] not in _VOWELS | _NASALS]
        for prefix in each.prefixes:
            numbers[prefix].add(each.number)
            split_up |= {prefix} if glides else set()
    ordered = sorted(numbers, key=lambda prefix: (-len(prefix), prefix))
    return tuple(_Prefix(prefix, frozenset(numbers[prefix]), prefix in split_up) for prefix in ordered)
