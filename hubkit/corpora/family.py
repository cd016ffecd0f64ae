"""The text of a language's relatives, nearest first, as far as the sources have any."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from hubkit.corpora.cleaning import sentences
from hubkit.corpora.gather import Gathered, gather
from hubkit.corpora.source import Source, SourceUnavailable
from hubkit.errors import NotFoundError

if TYPE_CHECKING:
    from hubkit.languages import Language

LIMIT = 24
FEWEST_SENTENCES = 20


def gather_many(
    languages: Iterable[Language],
    asked: Sequence[Source],
    limit: int = LIMIT,
    fewest: int = FEWEST_SENTENCES,
    report: Callable[[Gathered], None] | None = None,
) -> list[Gathered]:
    """The text of the first ``limit`` of ``languages`` that have at least ``fewest`` sentences in the sources."""
    found: list[Gathered] = []
    for language in languages:
        if len(found) == limit:
            break
        try:
            gathered = gather(language, asked)
        except (NotFoundError, SourceUnavailable):
            continue
        if len(sentences(gathered.all())) >= fewest:
            found.append(gathered)
            if report:
                report(gathered)
    return found
