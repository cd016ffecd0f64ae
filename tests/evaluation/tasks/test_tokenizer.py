from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from hubkit.core import Core
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task import Tested as System
from hubkit.evaluation.tasks.tokenizer import RATIOS, TokenizerTask, ratio_of_sums, tokenizer_of
from hubkit.languages import find
from hubkit.runtime.encoder import Encoder
from hubkit.vocabulary.delta import Piece, VocabularyDelta
from hubkit.vocabulary.measure import measure

SW = find("sw")
TEXTS = ("habari ya asubuhi", "ߒߞߏ", "kitu " * 40)


class Own:
    name = "mine"

    def load(self, language: Any) -> ParallelSuite | None:
        english = ("good morning", "N'Ko", "thing " * 40)
        return ParallelSuite("mine", "made up", "CC0-1.0", "prose", "sw", TEXTS, english, ("a", "b", "c"))


def bert_size(core: Core) -> int:
    return int(json.loads((core.folder / "config.json").read_text("utf-8"))["vocab_size"])


def measured(encoder: Encoder) -> dict[str, Any]:
    task = TokenizerTask(Own())
    found = task.measure(task.items(SW), System("core", "", encoder.encode, encoder.encode, encoder))
    return {each.metric: each for each in found}


def test_ratios_are_those_of_all_sentences(bert: Core) -> None:
    encoder = Encoder(bert)
    found, whole = measured(encoder), measure(encoder.tokenizer, TEXTS, bert.max_tokens, bert.prefix)
    rates = {
        "fertility": whole.fertility,
        "characters per token": whole.characters_per_token,
        "continued words": whole.continued_word_rate,
        "unknown tokens": whole.unknown_rate,
        "unknown characters": whole.unknown_character_rate,
        "cut sentences": whole.truncated_rate,
    }
    assert {metric: found[metric].value for metric in RATIOS} == pytest.approx(rates)
    assert found["cut sentences"].value == 1 / 3 and found["fertility"].value > 4
    assert found["premium"].value == pytest.approx((17 + 6 + 200) / (12 + 4 + 240))
    assert not found["fertility"].higher_is_better and found["characters per token"].higher_is_better


def test_pieces_that_the_adapter_adds_count(bert: Core, make_adapter: Callable[..., Any]) -> None:
    size = bert_size(bert)
    delta = VocabularyDelta(size, bert.tokenizer_sha256, (Piece("habari", 0.0),), torch.zeros((1, bert.hidden_size)))
    adapter = replace(make_adapter(bert, "lora"), vocabulary=delta)
    encoder = Encoder(bert, adapter=adapter)
    assert measured(encoder)["fertility"].value < measured(Encoder(bert))["fertility"].value
    assert tokenizer_of(encoder) is not encoder.tokenizer


def test_a_recipe_and_an_ensemble(bert: Core, make_adapter: Callable[..., Any]) -> None:
    encoder = Encoder(bert)
    for name in ("lang-rw", "lang-sw"):
        encoder.bank.add(make_adapter(bert, "lora", name=name))
    for recipe in ("lang-rw", "ensemble(lang-rw, lang-sw)"):
        assert tokenizer_of(encoder.with_recipe(recipe)) is encoder.tokenizer


def test_a_system_that_is_no_encoder_is_left_out(bert: Core) -> None:
    task = TokenizerTask(Own())
    encode = Encoder(bert).encode
    assert task.measure(task.items(SW), System("x", "", encode, encode)) == []


def test_nothing_to_divide_by_is_zero() -> None:
    assert ratio_of_sums(np.array([[[1.0, 2.0], [2.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]])).tolist() == [0.75, 0]
