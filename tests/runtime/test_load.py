from __future__ import annotations

import warnings

import numpy as np
import pytest

from hubkit.adapter.store import load_adapter
from hubkit.composition.recipe import CoreAlone
from hubkit.errors import NotFoundError, UsageError, VerificationError
from hubkit.registry.installed import install_folder
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.load import NoAdapterWarning, load, open_adapter
from hubkit.settings import settings

SENTENCES = ["Mwaramutse", "a longer sentence"]


@pytest.fixture
def folder(bert, make_adapter, save):
    return save(make_adapter(bert, "lora", strength=0.5), bert)


def test_without_an_adapter_the_core_answers(bert):
    with warnings.catch_warnings():
        warnings.simplefilter("error", NoAdapterWarning)
        encoder = load(core=str(bert.folder))
    assert encoder.recipe == CoreAlone()
    assert "no adapter was asked for" in encoder.explain()


@pytest.mark.parametrize("form", [lambda path: path, str, lambda path: f"{path}/"])
def test_a_folder(bert, folder, form):
    encoder = load(form(folder), core=str(bert.folder))
    expected = Encoder(bert, adapter=load_adapter(folder, bert)).encode(SENTENCES)
    np.testing.assert_allclose(encoder.encode(SENTENCES), expected, atol=1e-6)
    assert str(folder) in encoder.explain()


def test_a_relative_folder(bert, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert str(load(f"./{folder.name}", core=str(bert.folder)).recipe) == "lang-rw"


@pytest.mark.parametrize("query", ["rw", "kin", "Kinyarwanda", "lang-rw", "lang-rw==0.1.0", "lang-rw >=0.1,<1"])
def test_an_installed_adapter(bert, folder, query):
    install_folder(folder)
    encoder = load(query, core=str(bert.folder))
    (member,) = encoder.recipe.members()
    assert member.name == "lang-rw"
    assert "lang-rw" in encoder.bank.names()[0]
    expected = Encoder(bert, adapter=load_adapter(folder, bert)).encode(SENTENCES)
    np.testing.assert_allclose(encoder.encode(SENTENCES), expected, atol=1e-6)
    assert "own adapter" in encoder.explain() or "the newest installed" in encoder.explain()


def test_a_folder_in_the_working_directory_does_not_shadow_a_language(bert, folder, monkeypatch, tmp_path):
    (tmp_path / "rw").mkdir()
    monkeypatch.chdir(tmp_path)
    install_folder(folder)
    assert load("rw", core=str(bert.folder)).recipe.members()[0].name == "lang-rw"


def test_a_language_without_an_adapter_warns_and_answers(bert):
    with pytest.warns(NoAdapterWarning, match="hubkit add-language sw") as caught:
        encoder = load("sw", core=str(bert.folder))
    assert caught[0].filename == __file__, "the warning points at the caller"
    assert encoder.recipe == CoreAlone()
    assert "The core answers alone" in encoder.explain()
    np.testing.assert_allclose(encoder.encode(SENTENCES), Encoder(bert).encode(SENTENCES), atol=1e-6)


def test_an_adapter_of_another_core_only_warns_for_a_language(folder, other_core):
    install_folder(folder)
    with pytest.warns(NoAdapterWarning, match="was made for another core"):
        assert load("rw", core=str(other_core.folder)).recipe == CoreAlone()
    with pytest.raises(NotFoundError, match="was made for core tiny-bert"):
        load("lang-rw", core=str(other_core.folder))
    with pytest.raises(VerificationError, match="was made for core tiny-bert"):
        load(folder, core=str(other_core.folder))


@pytest.mark.parametrize("query", ["lang-zz", "lang-rw==9.9.9", "qqqqqq", "./nothing/here"])
def test_what_is_not_there(bert, folder, query):
    install_folder(folder)
    with pytest.raises(NotFoundError):
        load(query, core=str(bert.folder))


def test_centre_needs_a_stored_mean(bert, folder, make_adapter, save, tmp_path):
    with pytest.raises(UsageError, match="no stored mean"):
        load(folder, core=str(bert.folder), centre=True)


def test_golden_vectors_are_checked_at_first_load_only(
    bert, make_adapter, make_manifest, make_golden, tmp_path, monkeypatch
):
    from dataclasses import replace

    from hubkit.adapter.store import save_adapter

    adapter = make_adapter(bert, "lora")
    golden = make_golden(adapter, bert)
    wrong = replace(golden, vectors=golden.vectors.flip(0))
    good, bad = tmp_path / "good", tmp_path / "bad"
    save_adapter(good, adapter, bert, make_manifest(adapter, bert), golden)
    save_adapter(bad, adapter, bert, make_manifest(adapter, bert, version="0.2.0"), wrong)
    encoder = Encoder(bert)
    with pytest.raises(VerificationError, match="gives other vectors here"):
        open_adapter(bad, encoder)
    open_adapter(bad, encoder, verify_golden=False)
    open_adapter(good, encoder)
    assert len(list((settings().cache / "golden").iterdir())) == 1
    monkeypatch.setattr(Encoder, "adapted", None)
    open_adapter(good, encoder)


def test_a_refused_adapter_leaves_the_encoder_as_it_was(bert, folder):
    encoder = Encoder(bert)
    before = encoder.encode(SENTENCES)
    (folder / "adapter.safetensors").write_bytes(b"x")
    with pytest.raises(VerificationError):
        open_adapter(folder, encoder)
    np.testing.assert_array_equal(encoder.encode(SENTENCES), before)
    assert all(not part._forward_hooks for part in encoder.model.modules())
