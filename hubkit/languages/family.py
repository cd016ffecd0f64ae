"""How closely languages are related, from their shared path in the family tree (Glottolog's).

``relatedness(a, b) = 1 - ln(n) / ln(N)``, where ``n`` is the number of languages below the deepest group that has both
and ``N`` the number of all languages: the information content of the closest common ancestor (Resnik 1995,
https://arxiv.org/abs/cmp-lg/9511007). The same language is 1, languages of different families 0, and going down from
the root of a tree it can only grow. It counts languages, not levels, because the depth of the tree says how thoroughly
a family was studied: Kinyarwanda lies twelve groups deep, Kabyle three. Languages are counted in hubkit's own table, so
a plugin that adds one changes no number.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from functools import lru_cache
from itertools import chain

from hubkit.errors import NotFoundError, UsageError
from hubkit.languages.names import SUGGESTIONS, plain, shown
from hubkit.languages.table import DATA, Language, builtin_rows, languages

RELATED = 0.25  # between Benue-Congo (.24) and Narrow Bantu (.30), the classical branches of Indo-European (.29)
# Glottolog's groups by kind of language; families begin below them.
_NO_FAMILY = {
    "Artificial Language", "Auxiliary Sign Systems", "L1 Sign Language", "Mixed Language", "Pidgin",
    "Pidgin Sign Language", "Sign Language",
}  # fmt: skip


def relatedness(a: Language, b: Language) -> float:
    """0 (no common ancestor known) … 1 (the same language, perhaps in another script); symmetric."""
    if (a.iso639_3, a.glottocode, a.family) == (b.iso639_3, b.glottocode, b.family):
        return 1.0
    shared = common_path(a, b)
    if not shared or set(shared) <= _NO_FAMILY:
        return 0.0
    sizes, everything = _sizes()
    return 1.0 - math.log(max(2, sizes[shared[-1]])) / math.log(everything)


def common_path(a: Language, b: Language) -> tuple[str, ...]:
    """The groups that have both languages, from the root down."""
    depth = 0
    for ours, theirs in zip(a.family, b.family, strict=False):
        if ours != theirs:
            break
        depth += 1
    return a.family[:depth]


@lru_cache(maxsize=1)
def _sizes() -> tuple[Counter[str], int]:
    """Number of languages below every group of the tree (names of groups are unique there), and of all languages."""
    paths = {(row.language.iso639_3, row.language.glottocode): row.language.family for row in builtin_rows()}
    return Counter(chain.from_iterable(paths.values())), len(paths)


def relatives(language: Language, minimum: float = RELATED, limit: int | None = None) -> list[tuple[Language, float]]:
    """Languages at least ``minimum`` related, the closest first (then by tag), without ``language`` itself."""
    near = ((other, relatedness(language, other)) for other in languages() if other.tag != language.tag)
    ranked = sorted((pair for pair in near if pair[1] >= minimum), key=lambda pair: (-pair[1], pair[0].tag))
    return ranked[:limit]


def family_of(name: str) -> tuple[Language, ...]:
    """All languages below the group called ``name`` (Glottolog's or a common name: Bantu, Berber, Romance), by tag."""
    root = group(name)
    return tuple(language for language in languages() if language.family[: len(root)] == root)


def group(name: str) -> tuple[str, ...]:
    """Path from the root to the group called ``name``; :class:`NotFoundError` suggests names spelt alike."""
    folded = plain(name).removesuffix(" languages")
    paths = _groups().get(plain(_common_names().get(folded, folded)), ())
    if not paths:
        raise NotFoundError(f"No language family is known as {shown(name)}.", _advice(folded))
    if len(paths) > 1:
        listed = "; ".join(" > ".join(path) for path in paths)
        raise UsageError(f"Several families are called {shown(name)}: {listed}.", "Name a group above or below it.")
    return paths[0]


def _advice(folded: str) -> str:
    from difflib import get_close_matches

    known = {plain(name): name for paths in _groups().values() for path in paths for name in path[-1:]}
    known |= {common: common.title() for common in _common_names()}
    near = get_close_matches(folded[:60], sorted(known), SUGGESTIONS)
    if not near:
        return "`hubkit languages show TAG` has the families of a language."
    return f"Did you mean {', '.join(known[name] for name in near)}?"


@lru_cache(maxsize=1)
def _groups() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Folded name → paths of the groups of that name."""
    found: dict[str, dict[tuple[str, ...], None]] = {}
    for path in dict.fromkeys(language.family for language in languages()):
        for depth, node in enumerate(path, 1):
            found.setdefault(plain(node), {})[path[:depth]] = None
    return {name: tuple(paths) for name, paths in found.items()}


@lru_cache(maxsize=1)
def _common_names() -> dict[str, str]:
    """Folded common name → Glottolog's name."""
    with (DATA / "families.tsv").open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(reader)
        return {plain(common): node for common, node in reader}
