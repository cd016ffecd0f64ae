"""Bilingual dictionaries for hubkit: entries as training text, and sentences with words replaced by the dictionary.

Two sources are registered:

- ``lexicon``: every entry of a dictionary, a word with its English (:mod:`hubkit_lexicon.source`);
- ``lexicon-mix``: sentences of the other sources in which some words are replaced (:mod:`hubkit_lexicon.mix`).

Dictionaries are FreeDict's, as Debian packages them, and the user's own in a folder: dictd, StarDict and TEI. Those
that hubkit tests on are refused (:mod:`hubkit_lexicon.held_out`).

    hubkit add-language bg --source mediawiki --source lexicon-mix
"""

from __future__ import annotations

from hubkit import hookimpl


@hookimpl
def register_sources() -> dict[str, str]:
    """Name → where it is found; that is imported when somebody asks for the name."""
    return {"lexicon": "hubkit_lexicon.source:LexiconSource", "lexicon-mix": "hubkit_lexicon.mix:LexiconMix"}
