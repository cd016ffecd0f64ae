"""A plugin's source, asked with care: whatever it raises or returns, the other sources go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

from hubkit.corpora.source import Domain, Pair, Source, SourceUnavailable
from hubkit.errors import HubkitError
from hubkit.isolation import Failed, isolated

if TYPE_CHECKING:
    from hubkit.languages import Language
    from hubkit.registered import Registered

_TEXTS = ("name", "license", "origin")


class BrokenSource(HubkitError):  # noqa: N818 - what it is, not that it is an error
    """A source that was asked for by name does not work."""


@dataclass(slots=True)
class PluginSource:
    """A source whose code is a plugin's; ``asked`` says that somebody wants this one, not whatever there is."""

    name: str
    license: str
    domain: Domain
    origin: str
    registration: Registered
    asked: bool
    source: Source

    def pairs(self, language: Language) -> list[Pair]:
        """What the source gives, checked.

        Where it fails: :class:`SourceUnavailable`, and :class:`BrokenSource` when it was asked for by name.
        """
        try:
            return isolated(lambda: _checked(self.source.pairs(language), self.name))[0]
        except Failed as failed:
            raise self._told(failed) from failed.__cause__

    def _told(self, failed: Failed) -> HubkitError:
        cause = failed.__cause__
        if isinstance(cause, SourceUnavailable):
            return cause
        kind = BrokenSource if self.asked else SourceUnavailable
        if isinstance(cause, HubkitError):  # it says itself what is wrong
            return kind(f"Plugin {self.registration.plugin}: {cause.what}", cause.fix)
        return kind(*_broken(self.registration, failed))


def plugin_source(registration: Registered, asked: bool) -> PluginSource:
    """The source that a plugin registered. Raises :class:`BrokenSource` that names the plugin when it is none."""
    try:
        return isolated(lambda: _made(registration, asked))[0]
    except Failed as failed:
        if isinstance(failed.__cause__, HubkitError):
            raise BrokenSource(failed.__cause__.what, failed.__cause__.fix) from failed.__cause__
        raise BrokenSource(*_broken(registration, failed)) from failed.__cause__


def _made(registration: Registered, asked: bool) -> PluginSource:
    source = registration.load()()
    name, license, origin = (_text(getattr(source, field), field) for field in _TEXTS)
    if name != registration.name:
        raise ValueError(f"it is registered as {registration.name!r} and calls itself {name!r}")
    if (domain := source.domain) not in get_args(Domain):
        raise ValueError(f"its domain is {domain!r}, none of {', '.join(get_args(Domain))}")
    if not callable(getattr(source, "pairs", None)):
        raise TypeError("it has no method pairs(language)")
    return PluginSource(name, license, cast(Domain, str(domain)), origin, registration, asked, source)


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError(f"its {field} is {value!r}, no text")
    return str(value)


def _broken(registration: Registered, failed: Failed) -> tuple[str, str]:
    what = f"The source {registration.name} of plugin {registration.plugin} does not work: {failed}."
    return what, f"Update or remove the plugin {registration.plugin}, or name the sources to ask with --source."


def _checked(found: Any, source: str) -> list[Pair]:
    """The pairs that a source returned; raises for whatever else it may have returned."""
    if not isinstance(found, list):
        raise TypeError(f"pairs() returned {type(found).__name__}, not a list of pairs")
    return [_checked_pair(pair, source) for pair in found]


def _checked_pair(pair: object, source: str) -> Pair:
    if not isinstance(pair, Pair):
        raise TypeError(f"pairs() gave {pair!r:.80}, no hubkit.corpora.source.Pair")
    fields = (pair.text, pair.english, pair.source, pair.key, pair.license)
    if wrong := [value for value in fields if not isinstance(value, str)]:
        raise TypeError(f"pairs() gave a pair with {wrong[0]!r:.80}, which is no text")
    if pair.source != source:
        raise ValueError(f"pairs() gave a pair that says it is of the source {pair.source!r}")
    "".join(fields).encode()  # half a surrogate pair cannot be written anywhere
    return pair
