"""In which order a run meets languages and sentences: what a mixture is made of, by a recipe.

Competence-based curriculum learning (Platanios et al. 2019, arXiv 1903.09848); groups of languages by relatedness to
the target. The same groups in an order by chance (``shuffled``) are the control.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.languages import find, relatedness
from hubkit.training.mixture import Mixture, length, mix

if TYPE_CHECKING:
    from hubkit.training.recipe import Recipe

GROUPS = 3
DOMAINS = ("lexicon", "interface", "mixed", "prose")  # from simple to hard
_WORD = re.compile(r"\w+")
_KNOWN = 20  # a word that a language's text has so often is known


def mixture_of(
    recipe: Recipe, pairs: Mapping[str, Sequence[Any]], target: str | None = None, seed: int = 0,
    domains: Mapping[str, str] | None = None,
) -> Mixture:  # fmt: skip
    """The mixture that ``recipe`` makes of examples by tag; ``domains`` are those of the sources by name."""
    made = mix(pairs, target, recipe.alpha, recipe.own, recipe.alpha_end)
    order = language_groups(recipe.curriculum, list(made.pairs), target, seed)
    if recipe.easy_first != "none":
        hardness = _HARDNESS[recipe.easy_first]
        made = replace(made, pairs={tag: _sorted(found, hardness, domains or {}) for tag, found in made.pairs.items()})
    return replace(made, order=order, easy_first=recipe.easy_first != "none", limits=(recipe.floor, recipe.cap))


def language_groups(curriculum: str, tags: Sequence[str], target: str | None, seed: int) -> tuple[tuple[str, ...], ...]:
    """Up to :data:`GROUPS` groups of about equal number; the target is in the first unless languages are shuffled.

    Without a target the language that is nearest to all others takes its place.
    """
    if curriculum == "none" or len(tags) < 2:
        return ()
    if curriculum == "shuffled":
        ranked = [sorted(tags)[index] for index in np.random.default_rng(seed).permutation(len(tags))]
    else:
        known = {tag: find(tag) for tag in sorted(tags)}
        centre = target or max(known, key=lambda tag: sum(relatedness(known[tag], other) for other in known.values()))
        near = {tag: relatedness(language, find(centre)) for tag, language in known.items()}
        sign = 1 if curriculum == "distant" else -1
        ranked = sorted(near, key=lambda tag: (tag != target, sign * near[tag], tag))
    parts = np.array_split(np.array(ranked, dtype=object), min(GROUPS, len(ranked)))
    return tuple(tuple(map(str, part)) for part in parts)


def _sorted(found: Sequence[Any], hardness: Hardness, domains: Mapping[str, str]) -> list[Any]:
    marks = hardness(found, domains)
    return [found[index] for index in sorted(range(len(found)), key=lambda index: (marks[index], index))]


Hardness = Callable[[Sequence[Any], Mapping[str, str]], Sequence[float]]


def _by_length(found: Sequence[Any], domains: Mapping[str, str]) -> Sequence[float]:
    return [length(example) for example in found]


def _by_coverage(found: Sequence[Any], domains: Mapping[str, str]) -> Sequence[float]:
    """Share of the words that the language's text has seldom."""
    words = [_WORD.findall(example.text.casefold()) for example in found]
    counts = Counter(word for one in words for word in one)
    return [sum(counts[word] < _KNOWN for word in one) / max(1, len(one)) for one in words]


def _by_domain(found: Sequence[Any], domains: Mapping[str, str]) -> Sequence[float]:
    ranks = {domain: float(rank) for rank, domain in enumerate(DOMAINS)}
    return [ranks.get(domains.get(example.source, "mixed"), 2.0) for example in found]


_HARDNESS: Mapping[str, Hardness] = {"length": _by_length, "coverage": _by_coverage, "domain": _by_domain}
