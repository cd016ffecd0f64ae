"""Code-switching by dictionary: some of the words of a sentence are replaced by their translation.

Qin et al. 2020, "CoSDA-ML: Multi-Lingual Code-Switching Data Augmentation for Zero-Shot Cross-Lingual NLP", IJCAI
(arXiv 2006.06402), who replace words of sentences in the source language; Reid & Artetxe 2022, "PARADISE" (arXiv
2108.01887), and Wang, Ruder & Neubig 2022, "Expanding Pretrained Models to Thousands More Languages via Lexicon-based
Adaptation" (arXiv 2203.09435), make text of languages with little of it that way.
"""

from __future__ import annotations

import math
import random
import re
import unicodedata
from dataclasses import dataclass

from hubkit_lexicon.lexicon import MAX_WORDS, Choice, Lookup

_WORD = re.compile(r"(?<!\w)L+(?:['’ʼ-]L+)*(?!\w)")  # in the shape of a sentence


@dataclass(frozen=True, slots=True)
class Mixed:
    """The sentence after replacing, and what took the place of which words."""

    text: str
    replaced: tuple[tuple[str, Choice], ...]


def replaced(sentence: str, lookup: Lookup, share: float, key: str) -> Mixed | None:
    """``sentence`` with ``share`` of the words that ``lookup`` knows replaced, one at least; ``None`` if it knows none.

    A phrase of up to three words is one. ``key`` is the seed: the same arguments give the same sentence everywhere. A
    capital at the beginning of a word stays one.
    """
    known = _known(sentence, lookup)
    if not known:
        return None
    choose = random.Random(key)  # a text as seed is hashed by SHA-512
    chosen = sorted(choose.sample(range(len(known)), math.ceil(share * len(known))))
    parts, told, at = [], [], 0
    for start, end, choices in (known[number] for number in chosen):
        choice = choices[choose.randrange(len(choices))]
        parts += [sentence[at:start], _in_case(choice.text, sentence[start:end])]
        told.append((sentence[start:end], choice))
        at = end
    return Mixed("".join((*parts, sentence[at:])), tuple(told))


def _known(sentence: str, lookup: Lookup) -> list[tuple[int, int, tuple[Choice, ...]]]:
    """Start, end and translations of the words and phrases that ``lookup`` knows; the longest first, none overlaps."""
    words = [(match.start(), match.end()) for match in _WORD.finditer(_shape(sentence))]
    found, number = [], 0
    while number < len(words):
        for count in range(min(MAX_WORDS, len(words) - number), 0, -1):
            start, end = words[number][0], words[number + count - 1][1]
            if (choices := lookup.get(sentence[start:end].casefold())) is not None:
                found.append((start, end, choices))
                number += count - 1
                break
        number += 1
    return found


def _shape(sentence: str) -> str:
    """``sentence`` with an L for each letter or mark (the vowel signs of India are marks), and as long."""
    return "".join("L" if unicodedata.category(each)[0] in "LM" else each for each in sentence)


def _in_case(text: str, model: str) -> str:
    """``text`` in capitals, or with one in front, where ``model`` is so."""
    if len(model) > 1 and model.isupper():
        return text.upper()
    return text[:1].upper() + text[1:] if model[:1].isupper() else text
