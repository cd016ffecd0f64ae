"""Spans as CoNLL counts them, and heads on the tokens of a tiny core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hubkit.errors import UsageError
from hubkit.evaluation.task import Task, Tested
from hubkit.evaluation.tasks.spans import Span, counts, only, spans
from hubkit.evaluation.tasks.token_classification import TokenClassification, word_vectors
from hubkit.languages import find
from hubkit.runtime.encoder import Encoder


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O", set()),
        ("B-LOC I-LOC O", {(0, 1, "LOC")}),
        ("B-LOC B-LOC", {(0, 0, "LOC"), (1, 1, "LOC")}),
        ("B-LOC I-PER", {(0, 0, "LOC"), (1, 1, "PER")}),
        ("I-LOC I-LOC O I-PER", {(0, 1, "LOC"), (3, 3, "PER")}),
        ("O B-LOC I-LOC I-LOC", {(1, 3, "LOC")}),
        ("B-A-B I-A-B", {(0, 1, "A-B")}),
        ("", set()),
    ],
)
def test_spans(tags: str, expected: set) -> None:
    assert spans(tags.split()) == {Span(*span) for span in expected}


def test_a_span_is_right_as_a_whole() -> None:
    gold = ["B-LOC", "I-LOC", "O", "B-PER"]
    assert counts(gold, gold) == (2, 0, 0)
    assert counts(gold, ["B-LOC", "O", "O", "B-PER"]) == (1, 1, 1)
    assert counts(gold, ["B-ORG", "I-ORG", "O", "O"]) == (0, 1, 2)
    assert only(["B-DATE", "I-LOC", "O"], {"LOC"}) == ["O", "I-LOC", "O"]


ENGLISH = """the O
city O
Kigali B-LOC
Town I-LOC

Kigali B-LOC
Town I-LOC
the O

the O
man O
Anna B-PER

Anna B-PER
the O
city O
"""
SWAHILI = """Kigali B-LOC
Town I-LOC
the O

jana B-DATE
Anna B-PER
"""


@pytest.fixture
def task(tmp_path: Path) -> TokenClassification:
    for code, split, content in (("eng", "train", (ENGLISH + "\n") * 6), ("swa", "test", SWAHILI)):
        (tmp_path / code).mkdir()
        (tmp_path / code / f"{split}.txt").write_text(content)
    return TokenClassification(tmp_path)


def system(encoder: Encoder) -> Tested:
    return Tested("core", "", encoder.encode, encoder.encode, encoder)


def test_items(task: TokenClassification) -> None:
    assert isinstance(task, Task)
    items = task.items(find("sw"))
    assert task.items(find("rw")) is None and task.items(find("en")) is None
    assert (items.kinds, items.unseen) == ({"LOC", "PER"}, ["DATE"])
    assert len(items.english) == 24
    assert "Kigali Town the" in task.texts(items) and "Anna the city" in task.texts(items)


def test_words_that_english_has_are_found(task: TokenClassification, bert) -> None:
    items = task.items(find("sw"))
    f1, accuracy, centred, _ = task.measure(items, system(Encoder(bert)))
    assert [(each.metric, each.view) for each in (f1, accuracy, centred)] == [
        ("F1", "raw"), ("accuracy", "raw"), ("F1", "centred"),
    ]  # fmt: skip
    np.testing.assert_array_equal(f1.rows[0], [1, 0, 0])  # seen in this order, so that even a random core has it
    assert f1.rows[:, [0, 2]].sum() == 2  # DATE counts as O: English has none
    assert accuracy.rows[:, 1].tolist() == [3, 2]
    assert f1.keys == ("test.txt:1", "test.txt:5")
    assert f1.facts["types left out"] == ["DATE"]


def test_english_is_encoded_once_for_all_systems(task: TokenClassification, bert, make_adapter) -> None:
    items = task.items(find("sw"))
    encoder = Encoder(bert)
    task.measure(items, system(encoder))
    heads = task._heads(encoder, items)
    adapted = encoder.adapted(make_adapter(bert, "seq_bn"))
    other = task.measure(items, system(adapted))
    assert task._heads(adapted, items) is heads
    own, known = word_vectors(adapted, [each.words for each in items.test])
    assert known.all()
    expected = heads["raw"](own)
    assert other[1].rows[0, 0] == sum(map(str.__eq__, expected[:3], items.test[0].tags))
    assert not np.allclose(own, word_vectors(encoder, [each.words for each in items.test])[0], atol=1e-3)


def test_words_beyond_the_length_are_outside(task: TokenClassification, bert, tmp_path: Path) -> None:
    (tmp_path / "swa" / "test.txt").write_text("x O\n" * 40 + "Kigali B-LOC\n")
    items = task.items(find("sw"))
    f1 = task.measure(items, system(Encoder(bert)))[0]
    assert f1.facts["words without a vector"] == 11
    assert f1.rows[0, 2] == 1


def test_what_is_no_encoder_is_left_out(task: TokenClassification) -> None:
    assert task.measure(task.items(find("sw")), Tested("ridge", "", np.array, np.array)) == []


def test_english_without_spans(task: TokenClassification, tmp_path: Path) -> None:
    (tmp_path / "eng" / "train.txt").write_text("the O\n")
    with pytest.raises(UsageError, match="has no spans: every word is O"):
        task.items(find("sw"))
