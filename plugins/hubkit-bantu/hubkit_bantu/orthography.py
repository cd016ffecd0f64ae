"""One spelling where there are several, as far as rules can say it without knowing the words.

*Normal* rules take text to the more usual spelling and lose nothing that it writes: one apostrophe for many, no tone
marks where the orthography has none, ``ng'`` for ``ŋ``, today's letters for those of an older alphabet. *Variant* rules
write a second spelling that is met as well: the Kinyarwanda of the instructions of 2014, Venda without its diacritics.
The rules are data (``orthography.tsv``), each with its source.

What cannot be done by rules is left alone. Word division is the great difference between Bantu orthographies
(conjunctive Zulu ``ngiyabonga``, disjunctive Sotho ``ke a leboha``); to change it needs an analysis of the verb. Only
the elided word is joined (``n' umuntu`` becomes ``n'umuntu``). Doubled vowels are length in Ganda and two syllables in
Swahili: they stay, but for Kinyarwanda and Rundi in phonetic transcription.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from hubkit_bantu.tables import base, rows

Kind = Literal["normal", "variant"]
EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """Replaces ``pattern`` in decomposed text (NFD), inside what ``within`` matches, where ``where`` is in the text."""

    tags: frozenset[str]
    kind: Kind
    name: str
    pattern: re.Pattern[str]
    replacement: str
    within: re.Pattern[str] | None
    where: re.Pattern[str] | None
    reference: str

    def __call__(self, text: str) -> str:
        """The text with the rule applied."""
        if self.within is None:
            return self.pattern.sub(self.replacement, text)
        return self.within.sub(lambda match: self.pattern.sub(self.replacement, match[0]), text)


def rules(tag: str, kind: Kind = "normal") -> tuple[Rule, ...]:
    """The rules of a language, or of the one that it is a variety of, in their order."""
    return tuple(rule for rule in _rules() if rule.kind == kind and rule.tags & {base(tag), EVERYWHERE})


def normalise(text: str, tag: str) -> str:
    """``text`` in the usual spelling of the language; doing it twice changes nothing."""
    return _applied(text, rules(tag))


def variants(text: str, tag: str) -> list[str]:
    """Further spellings of ``text`` that are met, none of them its normal one."""
    normal = normalise(text, tag)
    other = _applied(normal, rules(tag, "variant"))
    return [] if other == normal else [other]


def _applied(text: str, chosen: tuple[Rule, ...]) -> str:
    decomposed = before = unicodedata.normalize("NFD", text)
    for rule in chosen:
        if rule.where is None or rule.where.search(before):
            decomposed = rule(decomposed)
    return unicodedata.normalize("NFC", decomposed)


@lru_cache(maxsize=1)
def _rules() -> tuple[Rule, ...]:
    return tuple(
        Rule(
            tags=frozenset(row["tags"].split()), kind="variant" if row["kind"] == "variant" else "normal",
            name=row["name"], pattern=re.compile(row["pattern"]), replacement=row["replacement"],
            within=re.compile(row["within"]) if row["within"] else None,
            where=re.compile(row["where"]) if row["where"] else None, reference=row["reference"],
        )
        for row in rows("orthography")
    )  # fmt: skip
