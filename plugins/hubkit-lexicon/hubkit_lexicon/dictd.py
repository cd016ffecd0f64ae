"""dictd's format: ``NAME.index`` says where in ``NAME.dict`` (or ``.dict.dz``, dictzip) the article of a word stands.

A line of the index is headword, offset and length, separated by tabs, and perhaps the headword as it was spelt; the
numbers are in base 64, most significant digit first. Manual pages: dictd(8), dictfmt(1), dictzip(1).
"""

from __future__ import annotations

import re

from hubkit_lexicon.articles import headed_article
from hubkit_lexicon.content import text_of
from hubkit_lexicon.dictionary import Dictionary, Entry, bad_file

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
LONGEST = 10  # digits of a number: a file of 2^60 bytes
_VALUE = {digit: value for value, digit in enumerate(DIGITS)}
_ABOUT = re.compile(r"00-?database-?(info|short|url)")
_META = re.compile(r"00-?database")


def encode_number(value: int) -> str:
    """``value`` as an index writes it: ``0`` → ``A``, ``64`` → ``BA``."""
    digits = DIGITS[value % 64]
    while value := value // 64:
        digits = DIGITS[value % 64] + digits
    return digits


def decode_number(digits: str) -> int:
    """The inverse of :func:`encode_number`. Raises :class:`ValueError` for what is no number."""
    if not 0 < len(digits) <= LONGEST or any(digit not in _VALUE for digit in digits):
        raise ValueError(f"{digits[:20]!r} is no number in base 64")
    value = 0
    for digit in digits:
        value = 64 * value + _VALUE[digit]
    return value


def parse(name: str, index: bytes, text: bytes, where: str) -> Dictionary:
    """The dictionary of the unpacked contents of ``.index`` and ``.dict``.

    Raises :class:`hubkit.errors.UsageError` for the first line of the index that is none, or that names a place
    which the text does not have; and for text that is not UTF-8.
    """
    places: dict[tuple[int, int], int] = {}  # place in the text → number of its first line in the index
    headwords: dict[tuple[int, int], int] = {}  # place → how many words lead there
    about = []
    for number, line in enumerate(text_of(index, f"{where}.index").splitlines(), start=1):
        word, place = _line(line, len(text), f"Line {number} of {where}.index")
        if _META.match(word):
            if _ABOUT.fullmatch(word):
                about.append(_article(text, place, f"Line {number} of {where}.index"))
            continue
        places.setdefault(place, number)
        headwords[place] = headwords.get(place, 0) + 1
    entries: list[Entry] = []
    for place, number in places.items():
        article = _article(text, place, f"Line {number} of {where}.index")
        entries += headed_article(article, str(number), several=headwords[place] > 1)
    return Dictionary(name, tuple(entries), "\n".join(about))


def _line(line: str, size: int, where: str) -> tuple[str, tuple[int, int]]:
    fields = line.split("\t")
    if len(fields) not in (3, 4):
        raise bad_file(where, f"has {len(fields)} fields between tabs, not 3 or 4")
    try:
        start, length = decode_number(fields[1]), decode_number(fields[2])
    except ValueError as error:
        raise bad_file(where, f"names no place: {error}") from error
    if start + length > size:
        raise bad_file(where, f"names bytes {start} to {start + length} of a text that has {size}")
    return fields[0], (start, length)


def _article(text: bytes, place: tuple[int, int], where: str) -> str:
    start, length = place
    return text_of(text[start : start + length], f"{where}: its article")
