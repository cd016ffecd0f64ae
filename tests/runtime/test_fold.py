from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_model as load_tensors
from safetensors.torch import save_model as save_tensors

from hubkit.adapter.sites import Fusion
from hubkit.composition.recipe import CoreAlone, Ensemble
from hubkit.errors import UsageError
from hubkit.registry.installed import install_folder
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.fold import compiled, fold
from hubkit.runtime.languages import Planned
from hubkit.runtime.load import load
from hubkit.vocabulary.delta import Piece, VocabularyDelta

TOLERANCE = 1e-5
METHODS = ["double_seq_bn", "ia3", "lora", "par_bn", "seq_bn", "seq_bn_inv"]
WEIGHTS = ["ia3", "lora"]  # methods that change nothing but weights
TEXTS = ["a", "", "Mwaramutse neza", "a much longer sentence that is cut where the core ends " * 2, "Ἀθῆναι 😀", "x y"]
RECIPES = [
    "core",
    *[f"0.7*{name}-a + {name}-b" for name in METHODS],
    *[f"merge({name}-a: 0.7, {name}-b: 0.3)" for name in METHODS],
    *[f"lora-a + fuse({name}-a, {name}-b, fusion=fuse-{name})" for name in ("double_seq_bn", "par_bn", "seq_bn")],
    "0.5*seq_bn-a + double_seq_bn-b + lora-a + par_bn-a + ia3-a + seq_bn_inv-b + lora-b",
]


@pytest.fixture
def encoder(core, make_adapter):
    """An encoder whose bank has two adapters of each method, and fusions of two."""
    made = Encoder(core)
    for name in METHODS:
        for seed, letter in enumerate("ab", start=1):
            made.bank.add(make_adapter(core, name, seed=seed, name=f"{name}-{letter}"))
    for name in ("double_seq_bn", "par_bn", "seq_bn"):
        with made.bank.using(f"{name}-a") as entry:
            sites = {path: random_fusion(core.hidden_size, seed) for seed, path in enumerate(entry.sites)}
        made.bank.add_sites(f"fuse-{name}", sites).fused = (f"{name}-a", f"{name}-b")
    return made


@pytest.fixture
def on_bert(encoder, core):
    if core.model_type != "bert":
        pytest.skip("does not depend on the type")
    return encoder


def random_fusion(width, seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = [(width, width), (width,)] * 2 + [(width, width)]
    return Fusion(*[0.3 * torch.randn(shape, generator=generator) for shape in shapes])


def tokens(encoder, texts=TEXTS):
    texts = [encoder.core.prefix + text for text in texts]
    batch = encoder.tokenizer(
        texts, padding=True, truncation=True, max_length=encoder.core.max_tokens, return_tensors="pt"
    )
    return batch["input_ids"], batch["attention_mask"]


def assert_close(found, expected):
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), atol=TOLERANCE, rtol=0)


def hooks_of(model):
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules())


def test_folded_and_compiled_give_what_the_recipe_gives(encoder):
    plain = encoder.encode(TEXTS)
    before = {key: value.clone() for key, value in encoder.model.state_dict().items()}
    for recipe in RECIPES:
        unfolded = encoder.with_recipe(recipe)
        expected = unfolded.encode(TEXTS)
        assert recipe == "core" or np.abs(expected - plain).max() > 1e-3
        folded = unfolded.fold()
        assert hooks_of(folded.model) == 0
        for batch_size in (1, 32):
            assert_close(folded.encode(TEXTS, batch_size=batch_size), expected)
        with torch.inference_mode():
            assert_close(compiled(unfolded)(*tokens(encoder)), expected)
        np.testing.assert_array_equal(unfolded.encode(TEXTS), expected)
    after = encoder.model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    np.testing.assert_array_equal(encoder.encode(TEXTS), plain)


@pytest.mark.parametrize("name", METHODS)
def test_an_adapter_that_is_in_no_bank(core, name, make_adapter):
    adapter = make_adapter(core, name, strength=0.6)
    adapted = Encoder(core, adapter=replace(adapter, centre=torch.full((32,), 0.1)), centre=True)
    folded = adapted.fold()
    assert folded.adapter is adapted.adapter
    for options in ({}, {"centre": False}, {"centre": np.full(32, -0.1)}, {"normalize_embeddings": False}):
        assert_close(folded.encode(TEXTS, **options), adapted.encode(TEXTS, **options))
    assert np.abs(folded.encode(TEXTS) - folded.encode(TEXTS, centre=False)).max() > 1e-2


@pytest.mark.parametrize("recipe", [f"{name}-a" for name in WEIGHTS])
def test_folding_into_the_weights_leaves_the_core_s_modules_and_copies_only_what_changed(encoder, recipe):
    folded = encoder.with_recipe(recipe).fold()
    kinds = [type(part) for part in encoder.model.modules()]
    assert [type(part) for part in folded.model.modules()] == kinds
    with encoder.bank.using(recipe) as entry:
        changed = {f"{path}.{part}" for path in entry.sites for part in ("weight", "bias")}
    theirs = dict(encoder.model.named_parameters())
    for key, value in folded.model.named_parameters():
        is_shared = value.data_ptr() == theirs[key].data_ptr()
        assert is_shared or key in changed, key
        assert not (is_shared and key in changed and key.endswith("weight")), key
    assert not any(value.requires_grad for value in folded.model.parameters())


@pytest.mark.parametrize("recipe", ["lora-a", "seq_bn-a", "seq_bn_inv-a"])
def test_changing_the_type_of_the_copy_leaves_the_core(on_bert, recipe):
    plain = on_bert.encode(TEXTS)
    compiled(on_bert.with_recipe(recipe)).double()
    assert {value.dtype for value in on_bert.model.parameters()} == {torch.float32}
    np.testing.assert_array_equal(on_bert.encode(TEXTS), plain)


@pytest.mark.parametrize("name", ["lora", "par_bn", "seq_bn_inv"])
def test_another_adapter_may_take_the_memory_of_a_folded_one(on_bert, make_adapter, name):
    folded = on_bert.with_recipe(f"{name}-a").fold()
    expected = folded.encode(TEXTS)
    on_bert.bank.evict(f"{name}-a")
    on_bert.bank.add(make_adapter(on_bert.core, name, seed=9, name=f"{name}-c"))
    np.testing.assert_array_equal(folded.encode(TEXTS), expected)


@pytest.mark.parametrize("name", ["lora", "seq_bn_inv"])
def test_added_tokens(core, name, make_adapter):
    pieces = tuple(Piece(text, 0.0) for text in ("Mwaramutse", "neza", "sentence"))
    rows = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    delta = VocabularyDelta(260, core.tokenizer_sha256, pieces, rows)
    adapted = Encoder(core, adapter=replace(make_adapter(core, name), vocabulary=delta))
    folded = adapted.fold()
    expected = adapted.encode(TEXTS)
    assert np.abs(expected - Encoder(core, adapter=make_adapter(core, name)).encode(TEXTS))[2].max() > 1e-2
    assert_close(folded.encode(TEXTS), expected)
    assert folded.model.config.vocab_size == 263
    assert adapted.model.config.vocab_size == 260
    ids = folded.network.tokenise(delta)(["Mwaramutse neza"])
    assert max(ids[0]) > 260
    with torch.inference_mode():
        vectors = compiled(adapted)(torch.tensor(ids), torch.ones(1, len(ids[0])))
    assert_close(vectors, adapted.encode(["Mwaramutse neza"]))


def test_the_stored_mean_is_inside_a_compiled_model(bert, make_adapter):
    adapter = replace(make_adapter(bert, "seq_bn"), centre=torch.full((32,), 0.1))
    encoder = Encoder(bert)
    encoder.bank.add(adapter)
    centred, raw = encoder.with_recipe("lang-rw - mean(lang-rw)"), encoder.with_recipe("lang-rw")
    batch = tokens(encoder)
    mean = encoder.fit_centre(TEXTS)
    for one, centre in ((centred, None), (centred, False), (raw, None), (raw, True), (raw, mean)):
        with torch.inference_mode():
            assert_close(compiled(one, centre)(*batch), one.encode(TEXTS, centre=centre))
            assert_close(one.fold().encode(TEXTS, centre=centre), one.encode(TEXTS, centre=centre))
    with pytest.raises(UsageError, match="no stored mean"):
        compiled(encoder.with_recipe("core"), centre=True)


def test_it_takes_no_other_recipe(on_bert, make_adapter):
    folded = on_bert.with_recipe("lora-a").fold()
    assert fold(folded) is folded
    for wrong in (
        lambda: folded.with_recipe("lora-b"),
        lambda: folded.adapted(make_adapter(on_bert.core, "lora")),
        lambda: folded.adapted(None),
        lambda: folded.encode(["a"], recipes=["core"]),
        lambda: folded.encode(["a"], languages="rw"),
    ):
        with pytest.raises(UsageError, match="folded"):
            wrong()


def test_what_cannot_be_folded(on_bert):
    with pytest.raises(UsageError, match="several times"):
        on_bert.with_recipe(Ensemble("lora-a", "lora-b", weights=[1, 1])).fold()
    with pytest.raises(UsageError, match="for each sentence"):
        fold(Encoder(on_bert.core, planned=Planned(on_bert.core, "auto")))


def test_it_says_that_it_is_folded(on_bert):
    assert "lora-a" in on_bert.with_recipe("lora-a").fold().explain()
    assert "folded" in on_bert.with_recipe("lora-a").fold().explain()
    assert "folded" not in on_bert.with_recipe("lora-a").explain()


def test_load(bert, make_adapter, save):
    for name in ("lora", "seq_bn"):
        install_folder(save(make_adapter(bert, name, name=f"lang-{name[:3]}"), bert))
    core = str(bert.folder)
    for options in ({"recipe": "lang-lor"}, {"recipe": "lang-lor + lang-seq"}, {"adapter": "lang-lor"}):
        assert_close(load(core=core, fold=True, **options).encode(TEXTS), load(core=core, **options).encode(TEXTS))
    assert load(core=core, fold=True).recipe == CoreAlone()
    with pytest.raises(UsageError, match="Leave out fold"):
        load(core=core, languages=["rw"], fold=True)
    with pytest.raises(UsageError, match="several times"):
        load(core=core, recipe=Ensemble("lang-lor", "lang-seq", weights=[1, 1]), fold=True)


@pytest.mark.parametrize("recipe", ["lora-a", "seq_bn-a + par_bn-a + seq_bn_inv-a"])
def test_tensors_can_be_saved(encoder, recipe, tmp_path):
    first, second = encoder.with_recipe(recipe), encoder.with_recipe(recipe.replace("-a", "-b"))
    save_tensors(compiled(first), str(tmp_path / "model.safetensors"))
    other = copy.deepcopy(compiled(second))  # loading writes into the tensors, some of which are the core's
    load_tensors(other, str(tmp_path / "model.safetensors"))
    with torch.inference_mode():
        assert_close(other(*tokens(encoder)), first.encode(TEXTS))


EXPORTED = {
    "bert": "0.5*seq_bn-a + double_seq_bn-b",
    "xlm-roberta": "seq_bn_inv-a",
    "distilbert": "lora-a + par_bn-a",
    "modernbert": "fuse(seq_bn-a, seq_bn-b, fusion=fuse-seq_bn)",
}


@pytest.mark.slow
def test_torch_export_and_onnx(encoder, core, tmp_path):
    """Batches of other sizes and lengths than the example, with padding and without."""
    recipe = encoder.with_recipe(EXPORTED[core.model_type])
    model = compiled(recipe, centre=recipe.fit_centre(TEXTS))
    ids, mask = tokens(encoder)
    shapes = ({0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=64)},) * 2
    exported = torch.export.export(model, (ids[:3], mask[:3]), dynamic_shapes=shapes)
    torch.export.save(exported, tmp_path / "model.pt2")
    again = torch.export.load(tmp_path / "model.pt2").module()
    names = {"input_names": ["input_ids", "attention_mask"], "output_names": ["vectors"]}
    torch.onnx.export(exported, dynamo=True, verbose=False, **names).save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for rows, length in ((6, 64), (1, 64), (1, 4), (2, 3), (5, 31)):
        batch = ids[-rows:, :length], mask[-rows:, :length]
        with torch.inference_mode():
            expected = model(*batch)
            assert_close(again(*batch), expected)
        inputs = dict(zip(names["input_names"], (part.numpy() for part in batch), strict=True))
        assert_close(session.run(None, inputs)[0], expected)
