"""Batches that go through frozen stacks of several languages: "target language-ready task adapters".

Parović et al. 2023 (arXiv 2306.02767): a task adapter that has met several languages' adapters in training fits each of
them better than one that has met a single one.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

_DRAW = 1  # sets the draw of stacks apart from that of sentences, which has the same seed


def stack_for(language: str, stacks: Collection[str], seed: int, step: int) -> str:
    """The tag whose stack a batch in ``language`` goes through: its own; without one of its own, one by chance.

    The seed and the number of the step alone decide the draw, so a resumed run and every process draw the same.
    """
    if language in stacks:
        return language
    names = sorted(stacks)
    return names[int(np.random.default_rng([seed, step, _DRAW]).integers(len(names)))]
