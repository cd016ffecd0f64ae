"""Pair the paragraphs of a translated document with the English ones, section by section.

A section is paired paragraph by paragraph where the counts match and every paragraph's share of the section's length is
plausible (lengths of translations are proportional: Gale & Church 1993, "A program for aligning sentences in bilingual
corpora"); otherwise as a whole. Equal counts alone are not enough: translations that move a paragraph break would give
wrong pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

MINIMUM_WORDS = 4  # English words; shorter paragraphs are fragments such as "Now, therefore,"
MAXIMUM_JOINED_WORDS = 150  # English words; a longer section (the preamble) is more than encoders read: left out
MAXIMUM_STRETCH = 2.5  # how far a paragraph's share of its section may lie from that of the English one
_SMOOTHING = 15  # characters, so that short paragraphs are not refused for a word more or less

Sections = Mapping[str, Sequence[str]]  # "preamble", "1" … "30" → paragraphs


@dataclass(frozen=True, slots=True)
class Part:
    """One or several consecutive English paragraphs; a fragment is no sentence ("Now, therefore,")."""

    numbers: str  # "8" or "8-10", from 1
    text: str
    fragment: bool


def align(translation: Sections, english: Sections) -> Iterator[tuple[str, str, str]]:
    """Yield (key, text, English); the key names what of the English text it is: ``21.3``, ``preamble.8-10``, ``21``."""
    for section, originals in english.items():
        texts = translation.get(section, ())
        joined = " ".join(originals)
        fitting = next(
            (parts for parts in foldings(originals) if plausible(texts, [part.text for part in parts])), None
        )
        if fitting is not None:
            yield from (
                (f"{section}.{part.numbers}", text, part.text)
                for text, part in zip(texts, fitting, strict=True)
                if not part.fragment
            )
        elif texts and len(joined.split()) <= MAXIMUM_JOINED_WORDS:
            yield section, " ".join(texts), joined


def plausible(texts: Sequence[str], originals: Sequence[str]) -> bool:
    """Whether the paragraphs of two sections correspond one to one: equal counts, and similar shares of the length."""
    if len(texts) != len(originals):
        return False
    scale = sum(map(len, originals)) / max(1, sum(map(len, texts)))
    stretches = [
        (len(text) * scale + _SMOOTHING) / (len(original) + _SMOOTHING)
        for text, original in zip(texts, originals, strict=True)
    ]
    return all(1 / MAXIMUM_STRETCH <= stretch <= MAXIMUM_STRETCH for stretch in stretches)


def foldings(originals: Sequence[str]) -> Iterator[list[Part]]:
    """The ways translators divide a section: as in English; fragments joined; fragments joined to what follows them."""
    fragments = [len(original.split()) < MINIMUM_WORDS for original in originals]
    yield [_part(originals, fragments, [index]) for index in range(len(originals))]
    if any(fragments):
        for onwards in (False, True):
            runs: list[list[int]] = []
            for index, fragment in enumerate(fragments):
                after_fragment = bool(runs) and fragments[runs[-1][-1]]
                if after_fragment and (fragment or onwards):
                    runs[-1].append(index)
                else:
                    runs.append([index])
            yield [_part(originals, fragments, run) for run in runs]


def _part(originals: Sequence[str], fragments: Sequence[bool], run: Sequence[int]) -> Part:
    numbers = f"{run[0] + 1}" if len(run) == 1 else f"{run[0] + 1}-{run[-1] + 1}"
    return Part(numbers, " ".join(originals[index] for index in run), all(fragments[index] for index in run))
