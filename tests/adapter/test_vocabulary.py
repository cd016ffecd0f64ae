from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import adapters
import pytest
import torch
from safetensors.torch import save_file

from hubkit.adapter.golden import Golden, probe_sentences
from hubkit.adapter.store import load_adapter, random_adapter, save_adapter
from hubkit.core import load_model
from hubkit.errors import VerificationError
from hubkit.vocabulary.delta import Piece, VocabularyDelta


@pytest.fixture
def delta(bert):
    rows = torch.randn(2, bert.hidden_size, generator=torch.Generator().manual_seed(0))
    return VocabularyDelta(260, bert.tokenizer_sha256, (Piece("kandi", 0.0), Piece("ߒߞߏ", -3.25)), rows)


@pytest.fixture
def adapter(bert, make_adapter, delta):
    return replace(make_adapter(bert, "lora"), vocabulary=delta)


@pytest.fixture
def write(bert, make_manifest, tmp_path):
    def write(adapter, folder=tmp_path / "saved"):
        sentences = probe_sentences(("Mwaramutse neza", "Amakuru yawe"))
        vectors = torch.nn.functional.normalize(torch.ones(len(sentences), bert.hidden_size), dim=1)
        save_adapter(folder, adapter, bert, make_manifest(adapter, bert), Golden(sentences, vectors))
        return folder

    return write


@pytest.fixture
def folder(adapter, write):
    return write(adapter)


def reseal(folder):
    """Make the manifest agree with the files again, as someone who means harm would."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["files"] = [
        {"path": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
        for path in sorted(folder.iterdir())
        if path.name != "manifest.json"
    ]
    del manifest["digest"]
    text = json.dumps(manifest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    manifest["digest"] = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def test_round_trip(adapter, bert, folder, delta):
    assert {"vocabulary.json", "vocabulary.safetensors"} <= {path.name for path in folder.iterdir()}
    found = load_adapter(folder, bert).vocabulary
    assert found is not None
    assert (found.base_size, found.tokenizer_sha256, found.pieces) == (260, bert.tokenizer_sha256, delta.pieces)
    assert torch.equal(found.rows, delta.rows)
    assert adapter.parameters == replace(adapter, vocabulary=None).parameters + delta.rows.numel()


def test_an_adapter_without_one(adapter, bert, write):
    folder = write(replace(adapter, vocabulary=None))
    assert not list(folder.glob("vocabulary.*"))
    assert load_adapter(folder, bert).vocabulary is None


def test_it_stays_at_another_strength_and_in_a_random_control(adapter, bert, delta):
    assert adapter.with_strength(0.5).vocabulary is delta
    assert random_adapter(adapter, bert, 0).vocabulary is delta


@pytest.mark.parametrize(("gone", "left"), [("vocabulary.json", ".safetensors"), ("vocabulary.safetensors", ".json")])
def test_both_files_or_none(bert, folder, gone, left):
    (folder / gone).unlink()
    reseal(folder)
    with pytest.raises(VerificationError, match=rf"has vocabulary\{left}, but .* belong together"):
        load_adapter(folder, bert)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(base_size=259), "begins at id 259, tiny-bert has 260 ids"),
        (lambda content: content.update(tokenizer_sha256="sha256:" + "1" * 64), "was made with tokenizer sha256:111"),
        (lambda content: content["pieces"].append(["a", -1.0]), "piece 2, 'a', is in the core's vocabulary already"),
        (lambda content: content["pieces"].append(["kandi", -1.0]), "piece 2, 'kandi', is there twice"),
        (lambda content: content["pieces"].append(["more", -1.0]), r"rows has shape \(2, 32\), expected \(3, 32\)"),
        (lambda content: content.update(extra=1), "extra: Extra inputs are not permitted"),
    ],
)
def test_pieces_that_do_not_fit_are_refused(bert, folder, change, message):
    content = json.loads((folder / "vocabulary.json").read_text("utf-8"))
    change(content)
    (folder / "vocabulary.json").write_text(json.dumps(content), "utf-8")
    reseal(folder)
    with pytest.raises(VerificationError, match=message) as caught:
        load_adapter(folder, bert)
    assert "vocabulary." in str(caught.value)


def test_a_key_twice_is_refused(bert, folder):
    text = (folder / "vocabulary.json").read_text("utf-8").replace("{", '{"base_size": 260, ', 1)
    (folder / "vocabulary.json").write_text(text, "utf-8")
    reseal(folder)
    with pytest.raises(VerificationError, match=r"vocabulary\.json is not valid JSON: a key is there twice"):
        load_adapter(folder, bert)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"rows": torch.zeros(3, 32)}, r"expected \(2, 32\)"),
        ({"rows": torch.zeros(2, 32), "more": torch.zeros(1)}, "'more'"),
        ({"other": torch.zeros(2, 32)}, "lacks 1 tensors, the first is rows"),
        ({"rows": torch.full((2, 32), float("nan"))}, "rows is not finite"),
    ],
)
def test_rows_that_do_not_fit_are_refused(bert, folder, tensors, message):
    save_file(tensors, folder / "vocabulary.safetensors")
    reseal(folder)
    with pytest.raises(VerificationError, match=rf"vocabulary\.safetensors.*{message}"):
        load_adapter(folder, bert)


def test_what_could_not_be_loaded_is_not_saved(adapter, delta, write, tmp_path):
    for wrong in (replace(delta, base_size=300), replace(delta, pieces=(Piece("a", 0.0), Piece("b", 0.0)))):
        with pytest.raises(VerificationError):
            write(replace(adapter, vocabulary=wrong))
    assert not (tmp_path / "saved").exists()


def test_the_library_adapters_loads_the_folder(bert, folder):
    model = load_model(bert)
    adapters.init(model)
    assert model.load_adapter(str(folder), use_safetensors=True) == "lang-rw"
