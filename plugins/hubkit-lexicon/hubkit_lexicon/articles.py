"""Articles in plain text, as FreeDict and others write them: a line with the headword, then senses with translations.

zone /zəʊn/ <n>             headword, pronunciation, grammar
1. zona, kawasan            translations of a sense, between commas or semicolons
area distinguished by …     what is meant, in the language of the headword: left out, as examples and notes are
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hubkit_lexicon.dictionary import Entry, entry

_AFTER_HEADWORD = re.compile(r"\s+(?=[/<\[{\\])")
_NUMBERED = re.compile(r"\s{0,2}\d{1,3}\.(?:\s+(?P<text>.*))?")
_NEXT_NUMBER = re.compile(r"\s+\d{1,3}\.$")  # "zodiak 2.": the number of the next sense, which has no translation
_BETWEEN = re.compile(r"\s*[,;]\s*")
_GRAMMAR = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\([^()]*\)")
_NO_TRANSLATION = re.compile(r"[:{}\"“”]|^see ")  # notes, references, examples
INDENTED = "  "


def headed_article(article: str, place: str, several: bool = False) -> list[Entry]:
    """The entries of an article that begins with its headword, or with ``several`` between commas."""
    head, *senses = article.split("\n")
    written = _AFTER_HEADWORD.split(head.strip(), maxsplit=1)[0]
    words = _BETWEEN.split(written) if several else [written]
    translations = list(meanings(senses))
    found = [entry(word, translations, place) for word in words]
    return [each for each in found if each is not None]


def meanings(senses: Sequence[str]) -> Iterator[str]:
    """The translations in the lines below a headword: of each sense the first line."""
    expected = True
    for line in senses:
        if not line.strip():
            continue
        if (numbered := _NUMBERED.fullmatch(line)) is not None:
            yield from _translations(numbered["text"] or "")
            expected = False
        elif expected and not line.startswith(INDENTED):
            yield from _translations(line)
            expected = False


def _translations(line: str) -> Iterator[str]:
    bare = _GRAMMAR.sub(" ", _NEXT_NUMBER.sub("", line.rstrip()))
    if not _NO_TRANSLATION.search(bare.strip()):
        yield from filter(None, _BETWEEN.split(bare.strip()))
