from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hubkit.errors import UsageError, VerificationError
from hubkit.vocabulary.delta import (
    MAX_CHARACTERS,
    MAX_JSON_BYTES,
    MAX_PIECES,
    Piece,
    VocabularyDelta,
    parse_vocabulary,
    pieces_of,
    problem_of,
)

TOKENIZER = "sha256:" + "0" * 64


def delta_of(*pieces: tuple[str, float], base_size: int = 100) -> VocabularyDelta:
    return VocabularyDelta(base_size, TOKENIZER, tuple(Piece(*piece) for piece in pieces), torch.zeros(len(pieces), 4))


def file_of(**changes: object) -> bytes:
    content = {"schema_version": 1, "base_size": 100, "tokenizer_sha256": TOKENIZER, "pieces": [["a", -1.5]]}
    return json.dumps({**content, **changes}).encode()


def test_piece_i_has_the_id_after_the_base():
    assert delta_of(("x", -1.0), ("▁y", -2.0), base_size=7).ids == {"x": 7, "▁y": 8}


def test_every_piece_has_a_row():
    with pytest.raises(UsageError, match=r"2 pieces .* \(1, 4\)"):
        VocabularyDelta(7, TOKENIZER, (Piece("a", -1.0), Piece("b", -1.0)), torch.zeros(1, 4))


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(lambda text: problem_of(text) is None)


@given(st.dictionaries(texts, st.floats(-1000, 0, allow_nan=False), min_size=1), st.integers(1, 1 << 20))
def test_what_is_written_is_read(pieces, base_size):
    delta = delta_of(*pieces.items(), base_size=base_size)
    read = parse_vocabulary(json.dumps(delta.content()).encode(), "vocabulary.json")
    assert (read.base_size, pieces_of(read)) == (base_size, delta.pieces)


def test_the_digest_says_how_text_is_cut():
    digests = {delta.digest for delta in (delta_of(("a", -1.0)), delta_of(("a", -2.0)), delta_of(("b", -1.0)))}
    assert len(digests) == 3
    other_rows = VocabularyDelta(100, TOKENIZER, (Piece("a", -1.0),), torch.ones(1, 4))
    assert other_rows.digest == delta_of(("a", -1.0)).digest


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("a\nb", "holds a control character"),
        ("a\0", "holds a control character"),
        ("a b", "holds a space"),
        ("a\u00a0b", "holds a space"),
        ("\u2028", "holds a space"),
        ("\ufdd0x", "holds a noncharacter"),
        ("\U0001ffff", "holds a noncharacter"),
        ("x" * (MAX_CHARACTERS + 1), "is longer than 64 characters"),
    ],
)
def test_what_is_no_token_is_refused_by_name(text, problem):
    data = file_of(pieces=[["fine", -1.0], [text, -1.0]])
    with pytest.raises(VerificationError) as caught:
        parse_vocabulary(data, "vocabulary.json")
    assert str(caught.value).startswith(f"vocabulary.json: piece 1, {text!r}, {problem}.")
    with pytest.raises(VerificationError, match="piece 0"):
        delta_of((text, -1.0)).content()


def test_marks_joiners_and_other_scripts_are_tokens():
    for text in ("߬", "▁ߒߞߏ", "می\u200cخواهم", "👩\u200d🌾", "x" * MAX_CHARACTERS):
        assert problem_of(text) is None


def test_a_piece_twice_is_refused():
    with pytest.raises(VerificationError, match=r"piece 2, 'a', is there twice"):
        parse_vocabulary(file_of(pieces=[["a", -1.0], ["b", -1.0], ["a", -2.0]]), "vocabulary.json")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        file_of(pieces=[]),
        file_of(pieces=[["a"]]),
        file_of(pieces=[["a", -1.0, 3]]),
        file_of(pieces=[[7, -1.0]]),
        file_of(pieces=[["a", "-1"]]),
        file_of(pieces=[["a", True]]),
        file_of(pieces=[["a", 0.5]]),
        file_of(pieces=[["a", -1001]]),
        file_of(pieces=[["a", float("nan")]]),
        file_of(pieces=[["a", float("-inf")]]),
        file_of(pieces=[{"text": "a", "score": -1.0}]),
        file_of(pieces={"a": -1.0}),
        file_of(base_size=0),
        file_of(base_size="100"),
        file_of(base_size=1 << 31),
        file_of(tokenizer_sha256="0" * 64),
        file_of(schema_version=2),
        file_of(other=1),
        json.dumps({"schema_version": 1, "base_size": 100, "pieces": [["a", -1.0]]}).encode(),
    ],
)
def test_another_shape_is_refused(data):
    with pytest.raises(VerificationError, match=r"^vocabulary\.json is not valid: "):
        parse_vocabulary(data, "vocabulary.json")


def test_sizes_are_bounded():
    with pytest.raises(VerificationError, match="at most"):
        parse_vocabulary(b" " * (MAX_JSON_BYTES + 1), "vocabulary.json")
    with pytest.raises(VerificationError, match="pieces"):
        parse_vocabulary(file_of(pieces=[[f"p{number}", -1] for number in range(MAX_PIECES + 1)]), "vocabulary.json")
