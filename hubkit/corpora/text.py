"""What a text looks like: its plain form, the form near-duplicates share, its letters and their script."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache
from importlib.resources import files

_HIDDEN = "\0-\x08\x0e-\x1b\x7f\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffd"
_INVISIBLE = re.compile(f"[{_HIDDEN}]")
_NOT_PLAIN = re.compile(rf"[{_HIDDEN}]|[^\S ]|  ")
_SPACE = re.compile(r"\s+")
_ZEROS = re.compile(r"0[0 ]*0|0")


class _WordCharacters(dict[int, str]):
    """For ``str.translate``: letters and their marks stay, digits become 0, everything else a space."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        kept = character if category[0] in "LM" else "0" if category[0] == "N" else " "
        self[code] = kept
        return kept


_WORD_CHARACTERS = _WordCharacters()


def plain(text: str) -> str:
    """``text`` in NFKC with single spaces, without control, bidirectional-format and replacement characters."""
    while not (unicodedata.is_normalized("NFKC", text) and _plain_already(text)):
        text = _SPACE.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))).strip()
    return text


def _plain_already(text: str) -> bool:
    return text == text.strip() and _NOT_PLAIN.search(text) is None


@lru_cache(maxsize=1 << 17)
def normal_form(text: str) -> str:
    """What near-duplicates share: NFKC, case folded, punctuation and symbols gone, every number 0."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(_ZEROS.sub("0", folded.translate(_WORD_CHARACTERS)).split())


def letters(text: str) -> int:
    """How many letters ``text`` has."""
    return sum(map(str.isalpha, text))


def script_share(text: str, script: str) -> float:
    """The share of the letters of ``text`` that belong to ``script`` (ISO 15924); 1 for a script without a table."""
    words = _scripts().get(script)
    if words is None or (script == "Latn" and text.isascii()):
        return 1.0
    found = [character for character in text if character.isalpha()]
    return sum(_script_word(character) in words for character in found) / max(1, len(found))


@lru_cache(maxsize=1)
def _scripts() -> dict[str, list[str]]:
    """ISO 15924 code → the first words of its letters' Unicode names."""
    table: dict[str, list[str]] = json.loads(files("hubkit.corpora").joinpath("data/scripts.json").read_text("utf-8"))
    return table


@lru_cache(maxsize=1 << 16)
def _script_word(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
