from __future__ import annotations

from dataclasses import replace

import pytest

from hubkit.errors import VerificationError
from hubkit.vocabulary.base import as_loaded, base_vocabulary, check_fits, embedding_rows
from hubkit.vocabulary.delta import VocabularyFile


def content_of(delta):
    return VocabularyFile(**delta.content())


def test_the_vocabulary_of_a_unigram_core(unigram_core, base):
    assert base.is_unigram
    assert base.ids["▁"] == 4
    assert base.scores[base.ids["."]] == -3.0
    assert base.least == pytest.approx(-5 - 10 / 7)
    assert base.special == {"<s>", "<pad>", "</s>", "<unk>", "<mask>"}
    assert base.longest == len("<mask>")
    assert base_vocabulary(replace(unigram_core, id="by another name")) is base


def test_the_vocabulary_of_another_kind_of_core(wordpiece_core, bert):
    found = base_vocabulary(wordpiece_core)
    assert (found.kind, found.is_unigram, found.ids["##a"]) == ("WordPiece", False, 27)
    assert base_vocabulary(bert).kind == "BPE"


def test_scores_are_those_in_memory(base, tokenizer):
    found = as_loaded(base, tokenizer)
    assert list(found.scores) == pytest.approx(list(base.scores), abs=1e-12)
    assert found.ids is base.ids
    assert as_loaded(base, tokenizer) is found


def test_a_delta_of_this_core_fits(unigram_core, make_delta):
    assert embedding_rows(unigram_core) == 64
    check_fits(content_of(make_delta(unigram_core, {"xyz": -5.0, "▁q": -6.4})), unigram_core, "vocabulary.json")


@pytest.mark.parametrize(
    ("pieces", "changes", "message"),
    [
        ({"xyz": -5.0}, {"base_size": 63}, "begins at id 63, unigram has 64 ids"),
        ({"xyz": -5.0}, {"tokenizer_sha256": "sha256:" + "0" * 64}, "was made with tokenizer sha256:000"),
        ({"xyz": -5.0, "▁ka": -5.0}, {}, "piece 1, '▁ka', is in the core's vocabulary already"),
        ({"<mask>": -5.0}, {}, "piece 0, '<mask>', is in the core's vocabulary already"),
        ({"xyz": -7.0}, {}, r"piece 0, 'xyz', has score -7.0000, below the core's least, -6.4286"),
    ],
)
def test_another_delta_is_refused(unigram_core, make_delta, pieces, changes, message):
    with pytest.raises(VerificationError, match=message) as caught:
        check_fits(content_of(make_delta(unigram_core, pieces, **changes)), unigram_core, "vocabulary.json")
    assert str(caught.value).startswith("vocabulary.json")
    assert caught.value.fix


def test_scores_say_nothing_for_another_kind_of_core(wordpiece_core, make_delta):
    check_fits(content_of(make_delta(wordpiece_core, {"xyz": -900.0})), wordpiece_core, "vocabulary.json")
