"""The pieces of a core's vocabulary that a language uses: a few thousand of 250,000."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def inventory(token_ids: Iterable[Iterable[int]], special: Collection[int] = ()) -> list[int]:
    """The distinct ids of tokenised sentences, ascending, without ``special`` ones."""
    return sorted({number for ids in token_ids for number in ids} - set(special))
