"""Gather the parallel text of a language: ask every source, clean, take what earlier sources lack, count."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hubkit.corpora.cleaning import Counts, clean, form, sentences
from hubkit.corpora.plugin_source import BrokenSource, plugin_source
from hubkit.corpora.source import Pair, Source, SourceUnavailable
from hubkit.errors import HubkitError, NotFoundError, UsageError, VerificationError
from hubkit.plugins import OWN, registered

if TYPE_CHECKING:
    from hubkit.languages import Language
    from hubkit.registered import Registered

log = logging.getLogger("hubkit")


@dataclass(slots=True)
class Gathered:
    """The cleaned pairs of a language by source, the counts of every step, and the sources that could not be asked."""

    language: Language
    pairs: dict[str, list[Pair]] = field(default_factory=dict)
    counts: dict[str, Counts] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def all(self) -> list[Pair]:
        """Every pair, source after source."""
        return [pair for found in self.pairs.values() for pair in found]

    def as_dict(self) -> dict[str, Any]:
        """Counts, licences and problems as JSON values; no text."""
        licenses = {name: sorted({pair.license for pair in found}) for name, found in self.pairs.items()}
        return {
            "language": self.language.tag, "pairs": len(self.all()), "sentences": len(sentences(self.all())),
            "counts": self.counts, "licenses": licenses, "problems": self.problems,
        }  # fmt: skip


def sources(names: Iterable[str] | None = None) -> list[Source]:
    """The registered sources with these names; by default all that work, with a warning for each that does not.

    Raises :class:`UsageError` for an unknown name, and :class:`BrokenSource` for a named one that does not work.
    """
    known = registered("sources")
    if names is None:
        return [source for registration in known.values() if (source := _if_it_works(registration)) is not None]
    wanted = list(names)
    if unknown := [name for name in wanted if name not in known]:
        raise UsageError(f"There is no source {', '.join(unknown)}.", f"Known are: {', '.join(known)}.")
    return [_source(known[name], asked=True) for name in wanted]


def _source(registration: Registered, asked: bool) -> Source:
    if registration.plugin == OWN:
        made: Source = registration.load()()
        return made
    return plugin_source(registration, asked)


def _if_it_works(registration: Registered) -> Source | None:
    try:
        return _source(registration, asked=False)
    except BrokenSource as error:
        log.warning("%s It is left out.", error.what)
        return None


def gather(language: Language, asked: Sequence[Source]) -> Gathered:
    """Ask every source for ``language``; one that cannot be reached is noted in ``problems`` and the others go on.

    A plugin's source that fails, or gives what is no list of pairs, is noted likewise. Raises :class:`NotFoundError`
    when no source has anything, :class:`SourceUnavailable` when none could be asked, and at once
    :class:`VerificationError` of hubkit's own sources and :class:`BrokenSource` for one that was asked for by name.
    """
    gathered = Gathered(language)
    taken: set[tuple[str, str]] = set()
    for source in asked:
        try:
            found, counts = clean(source.pairs(language), language)
        except (UsageError, NotFoundError, VerificationError, BrokenSource):
            raise  # the request is wrong, or something was tampered with
        except HubkitError as error:
            _warn(source.name, str(error))
            gathered.problems[source.name] = str(error)
            continue
        fresh = [pair for pair in found if form(pair) not in taken]
        taken.update(form(pair) for pair in fresh)
        gathered.counts[source.name] = {**counts, "in no earlier source": len(fresh)}
        if fresh:
            gathered.pairs[source.name] = fresh
    if not gathered.pairs:
        raise _nothing(gathered, asked)
    return gathered


@lru_cache(maxsize=256)
def _warn(source: str, problem: str) -> None:
    """Say it once: hundreds of relatives may be asked for."""
    log.warning("source %s: %s", source, problem)


def _script(gathered: Gathered) -> str:
    """Says so where a source had text, but in another script than the language's."""
    language = gathered.language
    for name, counts in gathered.counts.items():
        if next((step for step, left in counts.items() if not left), "") == "script":
            text = f"All {counts['raw']:,} pairs of {name}"
            return f" {text} are in another script than {language.script}: name theirs, as TAG-Latn."
    return ""


def _nothing(gathered: Gathered, asked: Sequence[Source]) -> HubkitError:
    language = f"{gathered.language.name} ({gathered.language.tag})"
    names = ", ".join(f"{source.name} ({source.origin})" for source in asked)
    fix = "Pass your own parallel text with --data FILE (.tsv, .jsonl, .tmx, .po), or --data FILE --data ENGLISH_FILE."
    if not gathered.problems:
        return NotFoundError(f"No source has text in {language}; asked were {names or 'none'}.{_script(gathered)}", fix)
    reasons = " ".join(f"{name}: {reason}" for name, reason in gathered.problems.items())
    return SourceUnavailable(f"No text in {language}; asked were {names}. {reasons}", fix)
