"""The plugin, as hubkit meets it."""

from __future__ import annotations

from hubkit.plugins import Registered
from hubkit.testing import check_plugin

import hubkit_lexicon
from hubkit_lexicon.mix import LexiconMix
from hubkit_lexicon.source import LexiconSource


def test_the_plugin_loads() -> None:
    check_plugin("lexicon")


def test_what_it_registers() -> None:
    targets = hubkit_lexicon.register_sources()
    loaded = {name: Registered(name, target, "lexicon").load() for name, target in targets.items()}
    assert loaded == {"lexicon": LexiconSource, "lexicon-mix": LexiconMix}
    assert all(name == source.name for name, source in loaded.items())
