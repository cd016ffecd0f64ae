"""A suite from a source that was kept out of training, for languages that no ready suite covers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hubkit.errors import HubkitError
from hubkit.evaluation.suite import ParallelSuite

if TYPE_CHECKING:
    from hubkit.corpora.source import Pair

LIMIT = 1000


def from_pairs(
    name: str, pairs: Sequence[Pair], limit: int = LIMIT, *, language: str, origin: str = "", domain: str = "mixed"
) -> ParallelSuite:
    """At most ``limit`` pairs of a held-out source as a suite, texts and English sentences each at most once.

    The choice depends on the pairs' content alone (the smallest sha256 come first), not on their order or a seed.
    The caller keeps the source out of training. :class:`HubkitError` when there are no pairs.
    """
    chosen = _distinct(sorted(pairs, key=_digest))[:limit]
    if not chosen:
        raise HubkitError(f"Nothing is held out for {language}: {name} has no pairs.", "Give your own with --suite.")
    licenses = ", ".join(sorted({pair.license for pair in chosen}))
    sources = ", ".join(sorted({pair.source for pair in chosen}))
    return ParallelSuite(
        name=name,
        origin=origin or f"held out of training: {sources}",
        license=licenses,
        domain=domain,
        language=language,
        texts=tuple(pair.text for pair in chosen),
        english=tuple(pair.english for pair in chosen),
        keys=tuple(pair.key for pair in chosen),
    )


def _digest(pair: Pair) -> bytes:
    return hashlib.sha256(f"{pair.text}\0{pair.english}\0{pair.key}".encode()).digest()


def _distinct(pairs: Sequence[Pair]) -> list[Pair]:
    texts: set[str] = set()
    originals: set[str] = set()
    kept = []
    for pair in pairs:
        text, english = pair.text.casefold(), pair.english.casefold()
        if text not in texts and english not in originals:
            kept.append(pair)
        texts.add(text)
        originals.add(english)
    return kept
