"""In which order a training run for a Bantu language meets its relatives, as far as there is text.

hubkit's own curriculum cuts the languages that it is given into three equal parts by relatedness. This one follows the
tree: languages that are equally near to the target (which have the same deepest group with it) come together, and a
group is closed as soon as it has enough sentences to be worth a phase of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from hubkit.languages import find, relatedness

from hubkit_bantu import curated

FEWEST_SENTENCES = 300  # of a group
FEWEST_OF_LANGUAGE = 20  # as hubkit asks of a relative
LEAST_RELATED = 0.25  # as hubkit asks of a relative


def curriculum(tag: str, among: Sequence[str] | None = None, fewest: int = FEWEST_SENTENCES) -> list[list[str]]:
    """Groups of tags, the target and its nearest relatives first; every language of a group is nearer than the next's.

    ``among`` are the languages to order, by default those whose text hubkit's sources have. The last group may have
    fewer than ``fewest`` sentences where none is left to join it. Raises :class:`hubkit.errors.NotFoundError` for an
    unknown language.
    """
    target = find(tag)
    given = [find(each).tag for each in among] if among is not None else _with_text()
    near = {each: relatedness(target, find(each)) for each in given if each != target.tag}
    ranked = sorted((each for each in near if near[each] >= LEAST_RELATED), key=lambda each: (-near[each], each))
    steps = [list(group) for _, group in groupby(ranked, key=lambda each: near[each])]
    groups = [[target.tag]]
    for step in steps:
        if sum(map(curated.sentences, groups[-1])) < fewest:
            groups[-1] += step
        else:
            groups.append(step)
    return groups


def _with_text() -> list[str]:
    return [tag for tag in curated.languages() if curated.sentences(tag) >= FEWEST_OF_LANGUAGE]
