from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from hubkit.core import load_tokenizer
from hubkit.errors import UsageError, VerificationError
from hubkit.vocabulary.tokenizer import backend_of, extended

NEW = {"▁kandi": -6.0, "ab.": -5.0, "ߒߞߏ": -6.4, "▁zz": -6.4}
WORDS = st.text("abkndizg .<>ߒߞߏé▁", max_size=12)
TEXTS = st.lists(st.one_of(WORDS, st.sampled_from(["<mask>", "<s>", "kandi", "ߒߞߏ", "ab.", "zz"])), max_size=6).map(
    " ".join
)


@pytest.fixture
def delta(unigram_core, make_delta):
    return make_delta(unigram_core, NEW)


@pytest.fixture
def longer(tokenizer, delta):
    return extended(tokenizer, delta)


def tokens_of(tokenizer, text):
    return tokenizer.convert_ids_to_tokens(tokenizer(text, add_special_tokens=False)["input_ids"])


def test_new_pieces_follow_the_core_s_rows(tokenizer, longer):
    assert longer.convert_tokens_to_ids(list(NEW)) == [64, 65, 66, 67]
    assert len(tokenizer) < 64
    assert longer.convert_ids_to_tokens([64, 67]) == ["▁kandi", "▁zz"]


def test_new_pieces_compete_by_their_scores(unigram_core, tokenizer, make_delta):
    assert tokens_of(tokenizer, "kandi") == ["▁ka", "ndi"]
    assert tokens_of(extended(tokenizer, make_delta(unigram_core, {"▁kandi": -6.0})), "kandi") == ["▁kandi"]
    cheaper = extended(tokenizer, make_delta(unigram_core, {"and": -6.4, "kan": -6.4, "▁k": -6.4}))
    assert tokens_of(cheaper, "kandi") == ["▁ka", "ndi"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_words_without_a_new_piece_keep_their_ids(tokenizer, longer, text):
    without = " ".join(
        word for word in text.split() if not any(piece.removeprefix("▁") in word.replace("▁", "") for piece in NEW)
    )
    assert longer(without)["input_ids"] == tokenizer(without)["input_ids"]


def test_an_unknown_character_costs_what_it_did(tokenizer, longer):
    text = "qéa ééé ꙮ ߒ ߞߒ"
    assert longer(text)["input_ids"] == tokenizer(text)["input_ids"]


def test_ids_without_a_token_change_no_score(make_delta, unigram_core):
    pieces = [("<unk>", 0.0), ("éa", -10.05), ("b", -10.05), ("ab", -0.001)]  # é with ab: just better than éa with b
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.Unigram(pieces, 0, False)), unk_token="<unk>")
    assert tokenizer("éab")["input_ids"] == [0, 3]
    longer = extended(tokenizer, make_delta(unigram_core, {"zz": -10.0}, base_size=9))
    assert longer("éabzz")["input_ids"] == [0, 3, 9]


def test_everything_else_stays(tokenizer, longer):
    assert longer("kandi <mask> ab")["input_ids"][0] == 0
    assert longer("kandi <mask> ab")["input_ids"][-1] == 2
    assert longer.mask_token_id == tokenizer.mask_token_id
    assert longer.mask_token_id in longer("ab <mask>")["input_ids"]
    assert longer.pad_token_id == 1
    padded = longer(["kandi", "ka ba na"], padding=True, truncation=True, max_length=4)
    assert padded["input_ids"][0] == [0, 64, 2, 1]
    assert len(padded["input_ids"][1]) == 4
    assert tokenizer.convert_tokens_to_ids("▁kandi") == tokenizer.unk_token_id
    assert backend_of(tokenizer).truncation is None


def test_it_is_built_once_while_it_is_used(unigram_core, tokenizer, longer, delta, make_delta):
    assert extended(tokenizer, make_delta(unigram_core, NEW)) is longer
    assert extended(load_tokenizer(unigram_core), delta) is not longer
    assert extended(tokenizer, make_delta(unigram_core, {"other": -6.0})) is not longer
    once = weakref.ref(extended(tokenizer, make_delta(unigram_core, {"once": -6.0})))
    gc.collect()
    assert once() is None


@pytest.mark.parametrize(
    ("pieces", "changes", "message"),
    [
        ({"▁ka": -6.0}, {}, "is in the core's vocabulary already"),
        ({"xy": -6.5}, {}, "below the core's least"),
        ({"xy": -6.0}, {"base_size": 30}, "begins at id 30, the tokenizer has 41 ids"),
    ],
)
def test_a_delta_that_does_not_fit_is_refused_each_time(unigram_core, tokenizer, make_delta, pieces, changes, message):
    wrong = make_delta(unigram_core, pieces, **changes)
    for _ in range(2):
        with pytest.raises(VerificationError, match=message):
            extended(tokenizer, wrong)


def test_it_can_be_saved(longer, tmp_path):
    longer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    for text in ("kandi ab. <mask>", "ߒߞߏ the ꙮ", ""):
        assert again(text)["input_ids"] == longer(text)["input_ids"]


def test_wordpiece_gets_whole_words(wordpiece_core, make_delta, tmp_path):
    tokenizer = load_tokenizer(wordpiece_core)
    first = len(tokenizer) + 2
    longer = extended(tokenizer, make_delta(wordpiece_core, {"kandi": 0.0, "ߒߞߏ": 0.0}))
    assert longer.convert_tokens_to_ids(["kandi", "ߒߞߏ"]) == [first, first + 1]
    ab = tokenizer("ab", add_special_tokens=False)["input_ids"]
    assert longer("ab Kandi ߒߞߏ ab.")["input_ids"] == [0, *ab, first, first + 1, *ab, tokenizer.vocab["."], 2]
    for text in ("kandia", "akandi", "ka ndi", "abߒ"):
        assert longer(text)["input_ids"] == tokenizer(text)["input_ids"]
    longer.save_pretrained(tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path)("ab kandi")["input_ids"] == longer("ab kandi")["input_ids"]


def test_bytes_get_whole_words_with_the_space_before(bert, make_delta):
    tokenizer = load_tokenizer(bert)
    longer = extended(tokenizer, make_delta(bert, {"kandi": 0.0}))
    before, after = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("ab", " ba"))
    assert longer("ab kandi ba")["input_ids"] == [0, *before, 260, *after, 2]
    assert longer("kandia")["input_ids"] == tokenizer("kandia")["input_ids"]


def test_a_slow_tokenizer_is_refused():
    with pytest.raises(UsageError, match=r"no tokenizer\.json"):
        backend_of(object())
