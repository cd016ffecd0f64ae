"""Which language each sentence is in, offline, and whether that is sure enough to act on it.

The identifier gives every language that it knows a probability; the router turns that into a decision, and abstains:
a sentence that is too short, unsure, mixed or in a language that was not asked for goes to the group of the family
tree on which the candidates agree, else to the core. The thresholds were chosen on text that is not in any suite; what
they come to is in ``docs/runtime.md``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from hubkit.corpora.text import letters, plain, script_share
from hubkit.errors import HubkitError
from hubkit.languages import Language, find, languages, relatedness
from hubkit.languages.family import RELATED, common_path

FEWEST_LETTERS = 3  # below, a text is never identified
SHORT_LETTERS = 20  # below, a text needs the higher of the two confidences
CONFIDENT, CONFIDENT_SHORT = 0.6, 0.8
AGREED = 0.8  # probability that the languages of one group must have together
MIXED_LETTERS = 40  # from here on both halves must be possible in the language …
MIXED = 0.05  # … with this probability
_SCRIPT_SHARE = 0.5  # of the letters that must be in the language's script
_NEGLIGIBLE = 0.01  # probability below which a candidate is not looked at
NO_LANGUAGE = "zxx"  # ISO 639's code for text that is in no language

_loading = threading.Lock()


class Identifier(Protocol):
    """What a router asks; py3langid's ``LanguageIdentifier`` is one."""

    @property
    def labels(self) -> Sequence[str]:
        """The codes or tags of the languages that it knows; "zxx" is text in no language."""

    def rank(self, text: str) -> Sequence[tuple[str, float]]:
        """Labels with their probabilities (together 1), the likeliest first. Several threads may ask at once."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a sentence goes: to ``language``, else to the family ``group``, else (both None) to the core.

    ``confidence`` is the probability of what was decided for; of the likeliest language where that is the core.
    """

    language: Language | None
    group: str | None
    confidence: float
    reason: str


Ranking = list[tuple[Language | None, float]]
"""Languages (None: no language) with their probabilities, the likeliest first."""


class Router:
    """Decides for each sentence among ``languages``; None stands for all that the identifier knows.

    What the identifier takes for another member of a macrolanguage counts for the one that was asked for, and a
    language that is written in several scripts is told by the script. Deterministic, and threads may share it.
    ``unrecognised`` lists the languages that the identifier cannot tell: no sentence is ever routed to them.
    Raises :class:`HubkitError` where no identifier is installed.
    """

    def __init__(self, languages: Iterable[Language] | None = None, identifier: Identifier | None = None) -> None:
        self._identifier = default_identifier() if identifier is None else identifier
        self._known = _known(self._identifier.labels)
        wanted = _rows_of(self._known.values()) if languages is None else tuple(dict.fromkeys(languages))
        self._targets = {known: _targets(known, wanted) for known in self._known.values()}
        reached = {target for targets in self._targets.values() for target in targets}
        self.languages = tuple(language for language in wanted if language in reached)
        self.unrecognised = tuple(language for language in wanted if language not in reached)

    def route(self, sentences: str | Sequence[str]) -> list[Decision]:
        """A decision for each sentence, in order."""
        asked = [sentences] if isinstance(sentences, str) else sentences
        decided = {sentence: self._decide(plain(sentence)) for sentence in dict.fromkeys(asked)}
        return [decided[sentence] for sentence in asked]

    def _decide(self, text: str) -> Decision:
        count = letters(text)
        if count < FEWEST_LETTERS:
            return Decision(None, None, 0.0, f"too short: {count} letters" if text else "empty")
        ranking = self._rank(text)
        target, confidence = self._best(ranking, text)
        if target is None or confidence < (CONFIDENT_SHORT if count < SHORT_LETTERS else CONFIDENT):
            return _abstained(ranking, self._doubt(ranking, text))
        if count >= MIXED_LETTERS:
            halves = [self._rank(half) for half in _halves(text)]
            if min(self._shares(half, text).get(target, 0.0) for half in halves) < MIXED:
                return _abstained(_mean(halves), f"mixed: {' and '.join(_name(half[0]) for half in halves)}")
        return Decision(target, None, confidence, f"{_name((target, confidence))}{_seen_as(ranking, target)}")

    def _rank(self, text: str) -> Ranking:
        return [
            (self._known.get(label), probability)
            for label, probability in self._identifier.rank(text)
            if label == NO_LANGUAGE or label in self._known
        ]

    def _shares(self, ranking: Ranking, text: str) -> dict[Language, float]:
        """Probability of every language that was asked for and can be in the script of ``text``."""
        shares: dict[Language, float] = {}
        for language, probability in ranking:
            if language is not None and probability >= _NEGLIGIBLE:
                fitting = (one for one in self._targets[language] if script_share(text, one.script) >= _SCRIPT_SHARE)
                if (target := next(fitting, None)) is not None:
                    shares[target] = shares.get(target, 0.0) + probability
        return shares

    def _best(self, ranking: Ranking, text: str) -> tuple[Language | None, float]:
        shares = self._shares(ranking, text)
        best = max(shares, key=lambda language: shares[language], default=None)
        return (None, 0.0) if best is None else (best, shares[best])

    def _doubt(self, ranking: Ranking, text: str) -> str:
        """Why no language was decided for."""
        language, probability = ranking[0]
        if language is None:
            return "in no language: names, numbers or code"
        if probability >= CONFIDENT and not self._shares(ranking[:1], text):
            return f"looks like {_name(ranking[0])}, which is not among the languages asked for"
        return f"unsure: {', '.join(map(_name, ranking[:3]))}"


def _abstained(ranking: Ranking, doubt: str) -> Decision:
    """To the group on which the candidates agree, else to the core."""
    group, together = _agreed(ranking)
    if group is None:
        return Decision(None, None, ranking[0][1], doubt)
    return Decision(None, group, together, f"{doubt}; the candidates agree on {group} ({together:.2f})")


def _agreed(ranking: Ranking) -> tuple[str | None, float]:
    """The smallest group with the likeliest language whose languages have enough probability together."""
    top = ranking[0][0]
    if top is None:
        return None, 0.0
    near = [(other, relatedness(top, other), share) for other, share in ranking if other and share >= _NEGLIGIBLE]
    together = 0.0
    for other, closeness, share in sorted(near, key=lambda one: -one[1]):
        together += share
        if closeness < RELATED:
            break
        if together >= AGREED:
            path = common_path(top, other)
            return (path[-1], together) if path else (None, 0.0)
    return None, 0.0


def _halves(text: str) -> tuple[str, str]:
    """The text parted at the space nearest to its middle; at the middle where there is no space near it."""
    middle = len(text) // 2
    spaces = [place for place, character in enumerate(text) if character == " "]
    place = min(spaces, key=lambda one: abs(one - middle), default=middle)
    if abs(place - middle) > middle // 2:
        place = middle
    return text[:place], text[place:]


def _mean(rankings: Sequence[Ranking]) -> Ranking:
    """The rankings' mean, the likeliest first."""
    shares: dict[Language | None, float] = {}
    for ranking in rankings:
        for language, probability in ranking:
            shares[language] = shares.get(language, 0.0) + probability / len(rankings)
    return sorted(shares.items(), key=lambda pair: -pair[1])


def _name(candidate: tuple[Language | None, float]) -> str:
    language, probability = candidate
    return f"{f'{language.name} ({language.tag})' if language else 'no language'} {probability:.2f}"


def _seen_as(ranking: Ranking, target: Language) -> str:
    language = ranking[0][0]
    same = language is None or language.iso639_3 == target.iso639_3
    return "" if same or language is None else f", recognised as {language.name} ({language.tag})"


def _known(labels: Iterable[str]) -> dict[str, Language]:
    """The identifier's labels as languages; without "zxx" and what hubkit has no language for."""
    known = {}
    for label in labels:
        try:
            known[label] = find(label)
        except HubkitError:
            continue
    return known


def _rows_of(known: Iterable[Language]) -> tuple[Language, ...]:
    """These languages in every script that hubkit has a row for."""
    codes = {language.iso639_3 for language in known}
    return tuple(language for language in languages() if language.iso639_3 in codes)


def _targets(known: Language, wanted: Sequence[Language]) -> tuple[Language, ...]:
    """Which of the languages asked for a text is in when the identifier takes it for ``known``: one in each script."""
    same = [language for language in wanted if language.iso639_3 == known.iso639_3]
    if not same:
        same = [language for language in wanted if _codes(language) & _codes(known)]
        if len({language.iso639_3 for language in same}) > 1:  # then the one that stands for all of them
            same = [language for language in same if language.tag in _standing_for(_codes(known))]
    return tuple(sorted(same, key=lambda language: (language.tag != known.tag, language.tag)))


def _codes(language: Language) -> set[str]:
    return {code for code in (language.iso639_3, language.macrolanguage) if code is not None}


def _standing_for(codes: Iterable[str]) -> set[str]:
    return {find(code).tag for code in codes}


def default_identifier() -> Identifier:
    """py3langid's model of 139 languages, loaded once. Raises :class:`HubkitError` where it is not installed."""
    with _loading:
        return _py3langid()


@lru_cache(maxsize=1)
def _py3langid() -> Identifier:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise HubkitError(
            "Language identification needs the package py3langid, which is not installed.",
            'Run `pip install "hubkit[router]"`, or pass Router(identifier=…).',
        ) from error
    identifier: Identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return identifier
