"""The default core: a script that its vocabulary does not have."""

from __future__ import annotations

import random

import pytest
from safetensors import safe_open

from hubkit.adapter.golden import PROBES
from hubkit.core import load_tokenizer
from hubkit.vocabulary.base import base_vocabulary
from hubkit.vocabulary.learn import initial_delta
from hubkit.vocabulary.measure import measure
from hubkit.vocabulary.segmenter import Segmenter
from hubkit.vocabulary.tokenizer import extended

WORDS = ["ߒߞߏ", "ߞߊ߲", "ߛߓߍ", "ߞߊ߬ߙߊ߲", "ߓߊ߲߬ߡߊ", "ߖߡߊ߬ߣߊ", "ߡߐ߱", "ߟߎ߬", "ߦߋ߫", "ߕߊ߯", "ߣߊ߬", "ߓߏ߲", "ߘߋ߲", "ߝߊ", "ߓߊ"]
OTHERS = (*PROBES, "Việt Nam đẹp lắm", "വളരെ നന്ദി", "ᠮᠣᠩᠭᠣᠯ ᱥᱟᱱᱛᱟᱲᱤ", "a<mask> b</s>", "", "x" * 300)


@pytest.mark.slow
def test_a_script_that_the_core_does_not_know(real_core):
    tokenizer, base = load_tokenizer(real_core), base_vocabulary(real_core)
    with safe_open(real_core.folder / "model.safetensors", "pt") as weights:
        rows = weights.get_tensor("embeddings.word_embeddings.weight")
    chosen = random.Random(0)
    sentences = [" ".join(chosen.choices(WORDS, k=8)) for _ in range(200)]
    before = measure(tokenizer, sentences, real_core.max_tokens, real_core.prefix)
    assert before.unknown_rate > 0.4
    assert before.unknown_character_rate > 0.9

    delta = initial_delta(real_core, tokenizer, rows, sentences, 100)
    whole = extended(tokenizer, delta)
    assert delta.base_size == len(rows) == 250037
    after = measure(whole, sentences, real_core.max_tokens, real_core.prefix)
    assert after.unknown_rate == 0
    assert after.fertility < before.fertility

    cut = Segmenter(tokenizer, base, delta)
    mixed = [*sentences, *OTHERS, *(f"{a} {b}" for a, b in zip(sentences, OTHERS, strict=False))]
    assert cut(mixed, 512) == [whole(text)["input_ids"] for text in mixed]
    for text in OTHERS:
        assert cut([text], 512) == [tokenizer(text)["input_ids"]]
