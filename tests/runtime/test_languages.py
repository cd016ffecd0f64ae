"""Sentences to recipes by their language: plans, routing, and what is read for it."""

from __future__ import annotations

import numpy as np
import pytest

from hubkit.composition.candidates import Candidate, candidates_installed
from hubkit.composition.recipe import CoreAlone
from hubkit.errors import NotFoundError, UsageError
from hubkit.languages import find
from hubkit.registry.installed import install_folder
from hubkit.runtime import languages as module
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.languages import Planned
from hubkit.runtime.load import load
from hubkit.runtime.router import Decision


class Fixed:
    """A router that has decided already."""

    def __init__(self, decisions):
        self.decisions = decisions

    def route(self, sentences):
        return [self.decisions[sentence] for sentence in sentences]


def decided(language=None, group=None):
    return Decision(language and find(language), group, 1.0, "given")


def family(name, group, core, version="0.1.0"):
    return Candidate(name, version, "family", ("rw", "sw"), group, core.fingerprint)


@pytest.fixture
def planned(bert):
    own = Candidate("lang-rw", "0.1.0", "language", ("rw",), None, bert.fingerprint)
    made = Planned(
        bert, "auto", [own, family("fam-bantoid", "Bantoid", bert), family("fam-bantu", "Narrow Bantu", bert)]
    )
    made._router = Fixed({"a": decided("rw"), "b": decided(group="Narrow Bantu"), "c": decided(), "d": decided("de")})
    return made


def test_every_sentence_by_its_language(planned):
    assert [str(recipe) for recipe in planned.recipes(["x", "y"], ["rw", "de"])] == ["lang-rw==0.1.0", "core"]
    assert [str(recipe) for recipe in planned.recipes(["x", "y"], "rw")] == ["lang-rw==0.1.0"] * 2
    with pytest.raises(UsageError, match="1 languages were given for 2 sentences"):
        planned.recipes(["x", "y"], ["rw"])
    with pytest.raises(NotFoundError, match="qqqq"):
        planned.recipes(["x"], "qqqq")


def test_the_router_decides_where_nothing_is_said(planned):
    expected = ["lang-rw==0.1.0", "fam-bantu==0.1.0", "core", "core"]
    assert [str(recipe) for recipe in planned.recipes(["a", "b", "c", "d"], None)] == expected
    assert [str(recipe) for recipe in planned.recipes(["a", "b"], ["de", "auto"])] == ["core", "fam-bantu==0.1.0"]
    assert planned.recipes([], "auto") == []


def test_the_family_adapter_of_the_nearest_group_above(planned):
    assert str(planned.family("Narrow Bantu")) == "fam-bantu==0.1.0"
    assert str(planned.family("Bantoid")) == "fam-bantoid==0.1.0"
    assert planned.family("Turkic") == CoreAlone()


def test_what_is_installed_is_read_once(bert, monkeypatch):
    read = []
    monkeypatch.setattr(module, "candidates_installed", lambda: read.append(1) or candidates_installed())
    planned = Planned(bert)
    for tag in ("rw", "sw", "de", "rw"):
        planned.recipe(tag)
    families = []
    monkeypatch.setattr(module, "candidates_families", lambda known: families.append(1) or [])
    for _ in range(3):
        planned.family("Narrow Bantu")
    assert (read, families) == ([1], [1])


def test_a_list_is_asked_for_as_one():
    with pytest.raises(UsageError, match=r"Write \['rw'\]"):
        Planned(None, "rw")


def test_load_for_several_languages(bert, make_adapter, save):
    install_folder(save(make_adapter(bert, "seq_bn"), bert))
    encoder = load(languages=["rw", "de"], core=str(bert.folder))
    assert encoder.bank.names() == ["lang-rw==0.1.0"], "what is planned is loaded at once"
    texts = ["Mwaramutse neza, amakuru yawe muri iki gitondo?", "Guten Morgen, wie geht es dir heute?"]
    found = encoder.encode(texts)
    own = Encoder(bert, adapter=make_adapter(bert, "seq_bn")).encode(texts)
    np.testing.assert_allclose(found[0], own[0], atol=1e-6)
    np.testing.assert_allclose(found[1], Encoder(bert).encode(texts)[1], atol=1e-6)
