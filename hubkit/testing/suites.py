"""What evaluation relies on in a task: aligned sentences with keys that mean the same in every language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import get_args

from hubkit.corpora.source import Domain
from hubkit.evaluation.suite import ParallelSuite, Suite
from hubkit.languages import Language, find
from hubkit.testing.error import require, require_text
from hubkit.testing.offline import second_run
from hubkit.testing.sources import NOWHERE

FEWEST = 2


def check_suite(suite: Callable[[], Suite], *languages: Language | str) -> None:
    """Check a class with the protocol :class:`hubkit.evaluation.suite.Suite` on languages that it has.

    The suite of a language has origin, licence, domain and tag; every sentence has its English and a key of its own;
    two languages share a key exactly where they share the English side; a language that it does not have gives
    ``None``; a fresh object gives the same with the network away. Raises :class:`hubkit.testing.ConformanceError`.
    """
    require(languages, "name at least one language that the suite has")
    made = suite()
    require(isinstance(made, Suite), f"{made!r} must have name and load(language)")
    require_text(made.name, "the suite's name")
    asked = [find(language) if isinstance(language, str) else language for language in languages]
    loaded = [_loaded(made, language) for language in asked]
    for first in loaded:
        for second in loaded:
            _check_shared(first, second)
    require(made.load(NOWHERE) is None, f"{made.name}: for a language that it does not have it must give None")
    fresh = suite()
    again = second_run(lambda: [fresh.load(language) for language in asked], made.name)
    require(again == loaded, f"{made.name}: the second run, offline, gives something else")


def _loaded(made: Suite, language: Language) -> ParallelSuite:
    found = made.load(language)
    require(found is not None, f"{made.name}: it has nothing in {language.tag}; name a language that it has")
    require(isinstance(found, ParallelSuite), f"{made.name}: load() must return a ParallelSuite, not {found!r:.80}")
    assert found is not None
    where = f"{made.name} in {language.tag}"
    require(found.name == made.name, f"{where}: the suite calls itself {found.name!r}")
    require(found.language == language.tag, f"{where}: the suite says it is in {found.language!r}")
    for field in ("origin", "license"):
        require_text(getattr(found, field), f"{where}: its {field}")
    require(found.domain in get_args(Domain), f"{where}: {found.domain!r} is no domain of a source")
    require(len(found) >= FEWEST, f"{where}: it has {len(found)} sentences, fewer than {FEWEST}")
    for sentences in (found.texts, found.english, found.keys):
        require(isinstance(sentences, tuple), f"{where}: texts, English and keys must be tuples")
        for sentence in sentences:
            require_text(sentence, f"{where}: a text, an English side and a key")
    twice = [key for key, count in Counter(found.keys).items() if count > 1]
    require(not twice, f"{where}: the key {twice[:1]} is there twice")
    return found


def _check_shared(first: ParallelSuite, second: ParallelSuite) -> None:
    """Intervals that are pooled over languages draw by key."""
    where = f"{first.name} in {first.language} and {second.language}"
    english_of = dict(zip(second.keys, second.english, strict=True))
    key_of = dict(zip(second.english, second.keys, strict=True))
    once = {english for english in key_of if first.english.count(english) == second.english.count(english) == 1}
    for key, english in zip(first.keys, first.english, strict=True):
        require(english_of.get(key, english) == english, f"{where}: the key {key!r} has two English sides")
        require(english not in once or key_of[english] == key, f"{where}: {english!r:.60} has two keys")
