from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from hubkit.adapter.store import load_adapter
from hubkit.core import load_model, load_tokenizer
from hubkit.errors import NotFoundError, UsageError, VerificationError
from hubkit.runtime import encoder as module
from hubkit.runtime.encoder import Encoder

SENTENCES = ["a", "", "Mwaramutse neza", "a longer one, with many more bytes than the others", "ქართული"]


@pytest.fixture(scope="module")
def plain(cores):
    return Encoder(cores["bert"])


@pytest.fixture
def adapted(plain, bert, make_adapter):
    return plain.adapted(make_adapter(bert, "lora"))


def by_hand(core, sentences):
    """Mean over real tokens, one sentence at a time, so without padding."""
    model, tokenizer = load_model(core), load_tokenizer(core)
    rows = []
    for sentence in sentences:
        ids = torch.tensor([tokenizer(core.prefix + sentence)["input_ids"][: core.max_tokens]])
        rows.append(model(input_ids=ids).last_hidden_state[0].mean(0))
    return torch.nn.functional.normalize(torch.stack(rows), dim=1).numpy()


def test_vectors_are_those_of_the_core(core):
    vectors = Encoder(core).encode(SENTENCES)
    assert vectors.shape == (5, 32)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, by_hand(core, SENTENCES), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_order_and_values_do_not_depend_on_the_batch_size(adapted, batch_size):
    sentences = SENTENCES * 7
    np.testing.assert_allclose(
        adapted.encode(sentences, batch_size=batch_size), np.tile(adapted.encode(SENTENCES), (7, 1)), atol=1e-6
    )


def test_order_does_not_depend_on_the_chunks(adapted, monkeypatch):
    expected = adapted.encode(SENTENCES)
    monkeypatch.setattr(module, "CHUNK", 2)
    np.testing.assert_allclose(adapted.encode(SENTENCES), expected, atol=1e-6)


def test_one_string_is_one_vector(plain):
    one = plain.encode("Mwaramutse neza")
    assert one.shape == (32,)
    np.testing.assert_allclose(one, plain.encode(SENTENCES)[2], atol=1e-6)


@pytest.mark.parametrize("empty", [[], (), np.array([], dtype=str)])
def test_no_sentences(plain, empty):
    assert plain.encode(empty).shape == (0, 32)


def test_any_iterable_of_strings(plain):
    expected = plain.encode(SENTENCES)
    for form in (tuple(SENTENCES), np.array(SENTENCES), iter(SENTENCES)):
        np.testing.assert_array_equal(plain.encode(form), expected)


def test_a_hundred_thousand_characters_are_truncated(plain):
    long = "mwaramutse " * 10_000
    np.testing.assert_allclose(plain.encode([long]), plain.encode([long[:100]]), atol=1e-6)


@pytest.mark.parametrize(
    ("sentences", "message"), [(["a", 5], "Sentence 1 is a int"), (None, "NoneType"), (b"x", "bytes"), (3, "int")]
)
def test_what_is_no_text_is_a_usage_error(plain, sentences, message):
    with pytest.raises(UsageError, match=message):
        plain.encode(sentences)


def test_the_index_counts_over_chunks(plain, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 2)
    with pytest.raises(UsageError, match="Sentence 5 is a float"):
        plain.encode([*SENTENCES, 0.5])


def test_tensor_and_half_precision(plain):
    full = plain.encode(SENTENCES)
    tensor = plain.encode(SENTENCES, convert_to_tensor=True)
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), full)
    half = plain.encode(SENTENCES, precision="float16")
    assert half.dtype == np.float16
    np.testing.assert_allclose(half.astype(np.float32), full, atol=1e-3)


@pytest.mark.parametrize("options", [{"precision": "int8"}, {"batch_size": 0}])
def test_options_that_cannot_be_used(plain, options):
    with pytest.raises(UsageError, match="cannot be used"):
        plain.encode(SENTENCES, **options)


def test_prompt_replaces_the_prefix(plain):
    assert not np.allclose(plain.encode(["x"], prompt=""), plain.encode(["x"]))
    np.testing.assert_allclose(plain.encode(["x"], prompt="q: "), plain.encode(["x"]), atol=1e-6)


def test_encoders_share_a_model_and_not_an_adapter(bert, plain, make_adapter):
    before = plain.encode(SENTENCES)
    first, second = plain.adapted(make_adapter(bert, "lora")), plain.adapted(make_adapter(bert, "seq_bn"))
    assert first.model is plain.model is second.model
    one, two = first.encode(SENTENCES), second.encode(SENTENCES)
    assert np.abs(one - before).max() > 1e-2
    assert np.abs(two - one).max() > 1e-2
    np.testing.assert_array_equal(plain.encode(SENTENCES), before)
    np.testing.assert_array_equal(first.encode(SENTENCES), one)


def test_the_model_is_not_changed(bert, make_adapter):
    model = load_model(bert)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    types = [type(part) for part in model.modules()]
    Encoder(bert, model).adapted(make_adapter(bert, "seq_bn")).encode(SENTENCES)
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert [type(part) for part in model.modules()] == types


def test_threads_do_not_see_each_others_adapter(bert, plain, make_adapter):
    encoders = [plain, *(plain.adapted(make_adapter(bert, "lora", seed=seed)) for seed in range(3))]
    expected = [encoder.encode(SENTENCES) for encoder in encoders]
    wrong: list[int] = []

    def work(place: int) -> None:
        for _ in range(10):
            if not np.allclose(encoders[place].encode(SENTENCES), expected[place], atol=1e-6):
                wrong.append(place)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(encoders))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_strength_zero_is_the_core_and_strength_scales(bert, plain, make_adapter):
    adapter = make_adapter(bert, "seq_bn")
    core = plain.encode(SENTENCES)
    near, far = (plain.adapted(adapter.with_strength(value)).encode(SENTENCES) for value in (1e-4, 1.0))
    assert np.abs(near - core).max() < np.abs(far - core).max() / 100
    np.testing.assert_allclose(plain.adapted(adapter.with_strength(0.0)).encode(SENTENCES), core, atol=1e-6)


def test_normalisation_can_be_off(plain):
    raw = plain.encode(SENTENCES, normalize_embeddings=False)
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    assert np.abs(lengths - 1).max() > 0.1
    np.testing.assert_allclose(raw / lengths, plain.encode(SENTENCES), atol=1e-6)


class TestCentring:
    def test_order_is_normalise_subtract_normalise(self, adapted):
        mean = adapted.fit_centre(SENTENCES)
        unit = adapted.encode(SENTENCES)
        np.testing.assert_allclose(mean, unit.mean(axis=0), atol=1e-6)
        moved = unit - mean
        np.testing.assert_allclose(
            adapted.encode(SENTENCES, centre=mean), moved / np.linalg.norm(moved, axis=1, keepdims=True), atol=1e-5
        )
        np.testing.assert_allclose(adapted.encode(SENTENCES, centre=mean, normalize_embeddings=False), moved, atol=1e-6)

    def test_stored_mean(self, bert, plain, make_adapter):
        mean = torch.linspace(-0.2, 0.2, 32)
        adapted = plain.adapted(replace(make_adapter(bert, "lora"), centre=mean))
        expected = adapted.encode(SENTENCES, centre=mean.numpy())
        np.testing.assert_array_equal(adapted.encode(SENTENCES, centre=True), expected)
        always = plain.adapted(adapted.adapter, centre=True)
        np.testing.assert_array_equal(always.encode(SENTENCES), expected)
        np.testing.assert_array_equal(always.encode(SENTENCES, centre=False), adapted.encode(SENTENCES))
        np.testing.assert_allclose(always.fit_centre(SENTENCES), adapted.encode(SENTENCES).mean(0), atol=1e-6)

    def test_without_a_stored_mean(self, plain, adapted):
        for encoder in (plain, adapted):
            with pytest.raises(UsageError, match="no stored mean vector"):
                encoder.encode(SENTENCES, centre=True)

    @pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((1, 32)), 0.5])
    def test_of_another_shape(self, plain, wrong):
        with pytest.raises(UsageError, match="centre has shape"):
            plain.encode(SENTENCES, centre=wrong)

    def test_fitting_needs_text(self, plain):
        with pytest.raises(UsageError, match="at least one sentence"):
            plain.fit_centre([])

    def test_a_stream_is_read_once_in_chunks(self, plain):
        np.testing.assert_allclose(
            plain.fit_centre(iter(SENTENCES), chunk_size=2), plain.encode(SENTENCES).mean(0), atol=1e-6
        )


def test_stream_gives_chunks_in_order(plain):
    texts, vectors = zip(*plain.encode_stream(iter(SENTENCES), chunk_size=2), strict=True)
    assert [len(chunk) for chunk in texts] == [2, 2, 1]
    assert [text for chunk in texts for text in chunk] == SENTENCES
    np.testing.assert_allclose(np.concatenate(vectors), plain.encode(SENTENCES), atol=1e-6)


def test_an_adapter_of_another_core_is_refused(bert, other_core, plain, make_adapter, save):
    adapter = load_adapter(save(make_adapter(other_core, "lora"), other_core), other_core)
    with pytest.raises(VerificationError, match="was made for core"):
        plain.adapted(adapter)


def test_languages(bert, plain, make_adapter, save):
    encoder = plain.adapted(load_adapter(save(make_adapter(bert, "lora"), bert), bert))
    np.testing.assert_array_equal(encoder.encode(SENTENCES, languages="rw"), encoder.encode(SENTENCES))
    mixed = encoder.encode(["a", "b"], languages=["rw", "sw"])
    np.testing.assert_allclose(mixed[0], encoder.encode("a"), atol=1e-6)
    np.testing.assert_allclose(mixed[1], plain.encode("b"), atol=1e-6)
    with pytest.raises(NotFoundError, match="qqqq"):
        encoder.encode(["a"], languages="qqqq")
    with pytest.raises(UsageError, match="1 languages were given for 2 sentences"):
        encoder.encode(["a", "b"], languages=["rw"])


def test_explain(bert, plain, make_adapter):
    assert "no adapter was asked for" in plain.explain()
    text = plain.adapted(make_adapter(bert, "lora", strength=0.3), reason="it is the best").explain()
    assert "lang-rw (lora, strength 0.3) on tiny-bert: it is the best. Centring is off." in text


def test_progress_bar_goes_to_standard_error(plain, capsys):
    plain.encode(SENTENCES, show_progress_bar=True)
    shown = capsys.readouterr()
    assert "encoding" in shown.err
    assert shown.out == ""
    plain.encode(SENTENCES)
    assert capsys.readouterr().err == ""


def test_sentence_transformers_names(plain):
    assert plain.get_sentence_embedding_dimension() == 32
    assert plain.max_seq_length == 64
    assert plain.device == torch.device("cpu")
