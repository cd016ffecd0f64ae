"""Pseudo-perplexity on a tiny core, against a naive implementation."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hubkit.core import load_model, load_tokenizer
from hubkit.evaluation.task import Task, Tested
from hubkit.evaluation.tasks.pseudo_perplexity import PseudoPerplexity, bits_a_character, perplexity, reciprocal_rank
from hubkit.languages import find
from hubkit.runtime.encoder import Encoder
from hubkit.vocabulary.delta import Piece, VocabularyDelta

SENTENCES = ["Mwaramutse", "neza cyane", "a"]
MASK = 3  # a tiny core has no mask token, the unknown one takes its place


@pytest.fixture
def encoder(bert) -> Encoder:
    return Encoder(bert)


def system(encoder: Encoder) -> Tested:
    return Tested("core", "", encoder.encode, encoder.encode, encoder)


@pytest.fixture
def task(tmp_path: Path) -> PseudoPerplexity:
    (tmp_path / "kin.txt").write_text("\n".join(SENTENCES) + "\n")
    return PseudoPerplexity(tmp_path, most=2)


def naive(bert, scored: list[str], every: list[str]) -> list[list[float]]:
    model, tokenizer = load_model(bert), load_tokenizer(bert)
    cut = {text: tokenizer(text)["input_ids"] for text in every}
    own = sorted({number for ids in cut.values() for number in ids} - {0, 1, 2, 3})
    rows = []
    for text in scored:
        total, ranks = 0.0, 0.0
        for place in range(1, len(cut[text]) - 1):
            ids = list(cut[text])
            true, ids[place] = ids[place], MASK
            with torch.inference_mode():
                vector = model(input_ids=torch.tensor([ids])).last_hidden_state[0, place]
                logits = (vector @ model.embeddings.word_embeddings.weight.T)[own]
            total += float(logits.log_softmax(0)[own.index(true)])
            ranks += 1 / int((logits >= logits[own.index(true)]).sum())
        rows.append([total, len(cut[text]) - 2, len(text), ranks])
    return rows


def test_it_is_the_naive_one(task: PseudoPerplexity, encoder: Encoder, bert) -> None:
    assert isinstance(task, Task)
    items = task.items(find("rw"))
    assert task.items(find("sw")) is None
    assert list(task.texts(items)) == SENTENCES
    main, bits, rank = task.measure(items, system(encoder))
    expected = np.array(naive(bert, SENTENCES[:2], SENTENCES))
    np.testing.assert_allclose(main.rows, expected, rtol=1e-4)
    assert main.value == pytest.approx(math.exp(-expected[:, 0].sum() / expected[:, 1].sum()), rel=1e-4)
    assert bits.value == pytest.approx(-expected[:, 0].sum() / math.log(2) / expected[:, 2].sum(), rel=1e-4)
    assert rank.value == pytest.approx(expected[:, 3].sum() / expected[:, 1].sum(), rel=1e-4)
    assert not main.higher_is_better and not bits.higher_is_better and rank.higher_is_better
    assert main.facts["pieces"] == 20
    assert main.facts["pieces to choose from"] == len({*"Mwaramutse", *"neza cyane", "a"})
    assert main.keys == ("kin.txt:1", "kin.txt:2")


def test_a_mask_token_is_used_where_there_is_one(task: PseudoPerplexity, encoder: Encoder, bert) -> None:
    items = task.items(find("rw"))
    tokenizer = load_tokenizer(bert)
    tokenizer.mask_token = "<pad>"
    masked = task.measure(items, system(Encoder(bert, tokenizer=tokenizer)))[0]
    assert masked.value != pytest.approx(task.measure(items, system(encoder))[0].value, rel=1e-4)


def test_adapters_act(task: PseudoPerplexity, encoder: Encoder, bert, make_adapter) -> None:
    items = task.items(find("rw"))
    plain = task.measure(items, system(encoder))[0].value
    adapted = task.measure(items, system(encoder.adapted(make_adapter(bert, "seq_bn"))))[0].value
    assert adapted != pytest.approx(plain, rel=1e-3)


def test_added_tokens_are_chosen_from_and_scored(task: PseudoPerplexity, encoder: Encoder, bert, make_adapter) -> None:
    items = task.items(find("rw"))
    rows = torch.zeros(1, 32)
    delta = VocabularyDelta(260, bert.tokenizer_sha256, (Piece("Mwaramutse", 0.0),), rows)
    adapter = replace(make_adapter(bert, "lora"), vocabulary=delta)
    measure = task.measure(items, system(encoder.adapted(adapter)))[0]
    assert measure.rows[:, 1].tolist() == [1, 10]
    assert measure.facts["pieces to choose from"] == len({*"neza cyane", "a"}) + 1
    folded = task.measure(items, system(encoder.adapted(adapter).fold()))[0]
    np.testing.assert_allclose(folded.rows, measure.rows, rtol=1e-4)


def test_it_does_not_depend_on_the_batch(task: PseudoPerplexity, encoder: Encoder, monkeypatch) -> None:
    from hubkit.evaluation.tasks import pseudo_perplexity

    items = task.items(find("rw"))
    expected = task.measure(items, system(encoder))[0].rows
    monkeypatch.setattr(pseudo_perplexity, "_AT_ONCE", 3)
    np.testing.assert_allclose(task.measure(items, system(encoder))[0].rows, expected, rtol=1e-4)


def test_what_cannot_be_measured_is_left_out(task: PseudoPerplexity, encoder: Encoder, bert, make_adapter) -> None:
    items = task.items(find("rw"))
    assert task.measure(items, Tested("ridge", "", np.array, np.array)) == []
    encoder.bank.add(make_adapter(bert, "lora", name="lang-rw"))
    assert task.measure(items, system(encoder.with_recipe("ensemble(lang-rw, core)"))) == []


def test_aggregates_of_resampled_rows() -> None:
    rows = np.array([[-10.0, 5, 20, 1], [-2.0, 4, 10, 2], [-9.0, 3, 12, 3]])
    drawn = np.array([[0, 0, 2], [1, 1, 1]])
    for aggregate in (perplexity, bits_a_character, reciprocal_rank):
        np.testing.assert_allclose(aggregate(rows[drawn]), [aggregate(rows[index]) for index in drawn])
    assert perplexity(rows) == pytest.approx(math.exp(21 / 12))
