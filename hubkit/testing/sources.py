"""What gathering relies on in a source: pairs with licence and origin, and no network the second time."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from hubkit.corpora.cleaning import clean
from hubkit.corpora.source import Domain, Pair, Source
from hubkit.languages import Language, find
from hubkit.testing.error import require, require_text
from hubkit.testing.offline import second_run

NOWHERE = Language("qtz", "A language that nobody has", None, "qtz", None, None, "Latn", ())
"""A language of the codes that ISO 639-3 leaves to everybody, for which nothing has text."""


def check_source(source: Callable[[], Source], language: Language | str) -> None:
    """Check a class with the protocol :class:`hubkit.corpora.source.Source` on a language that it has text in.

    Every pair has both sides, its place, a licence and the source's name; cleaning leaves some; a language that it
    does not have gives ``[]``; a fresh object gives the same pairs with the network away. What is fetched goes to
    ``HUBKIT_HOME``. Raises :class:`hubkit.testing.ConformanceError`.
    """
    asked, made = find(language) if isinstance(language, str) else language, source()
    require(isinstance(made, Source), f"{made!r} must have name, license, domain, origin and pairs(language)")
    for field in ("name", "license", "origin"):
        require_text(getattr(made, field), f"the source's {field}")
    domains = get_args(Domain)
    require(made.domain in domains, f"{made.name}: the domain is one of {', '.join(domains)}, not {made.domain!r}")
    pairs = made.pairs(asked)
    _check_pairs(made, pairs, asked)
    nothing = made.pairs(NOWHERE)
    require(nothing == [], f"{made.name}: for a language that it does not have it must give [], not {nothing!r:.80}")
    again = second_run(lambda: source().pairs(asked), made.name)
    require(again == pairs, f"{made.name}: the second run gives {len(again)} pairs, not the {len(pairs)} of the first")


def _check_pairs(made: Source, pairs: list[Pair], language: Language) -> None:
    require(isinstance(pairs, list), f"{made.name}: pairs() must return a list, not {type(pairs).__name__}")
    require(pairs, f"{made.name}: it has no text in {language.tag}; name a language that it has")
    for pair in pairs:
        require(isinstance(pair, Pair), f"{made.name}: {pair!r} is no hubkit.corpora.source.Pair")
        for field in ("text", "english", "key", "license"):
            require_text(getattr(pair, field), f"{made.name}, {pair.key!r}: the pair's {field}")
        require(pair.source == made.name, f"{made.name}, {pair.key!r}: the pair's source is {pair.source!r}")
    kept, counts = clean(pairs, language)
    require(kept, f"{made.name}: cleaning leaves none of its pairs in {language.tag}: {counts}")
