from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hubkit.core import load_tokenizer
from hubkit.errors import UsageError
from hubkit.runtime.batches import TOKENS, Tokenise, batches, chunks


@pytest.fixture(scope="module")
def tokenise(cores):
    return Tokenise(load_tokenizer(cores["bert"]), "q: ", 64)


def test_prefix_specials_and_truncation(tokenise):
    short, long = tokenise(["ab", "x" * 100])
    assert short[0] == long[0] == 0
    assert short[-1] == long[-1] == 2, "the end token survives truncation"
    assert len(short) == len("q: ab") + 2
    assert len(long) == 64
    assert len(tokenise(["ab"], "")[0]) == 4


def test_other_users_of_the_tokenizer_leave_no_trace(cores):
    tokenizer = load_tokenizer(cores["bert"])
    tokenise = Tokenise(tokenizer, "q: ", 64)
    expected = tokenise(["ab", "x" * 100])
    tokenizer(["a", "x" * 100], truncation=True, max_length=8, padding=True)
    assert tokenise(["ab", "x" * 100]) == expected
    tokenizer(["a", "x" * 100], truncation=False, padding="max_length", max_length=80)
    assert tokenise(["ab", "x" * 100]) == expected


def test_not_a_string_is_named_by_its_index(tokenise):
    with pytest.raises(UsageError, match="Sentence 12 is a NoneType, not a string"):
        tokenise(["a", "b", None], first=10)


def test_half_a_surrogate_pair_is_named_by_its_index(tokenise):
    with pytest.raises(UsageError, match="Sentence 1 holds half a surrogate pair"):
        tokenise(["a", "b\ud800"])


@given(st.lists(st.lists(st.integers(3, 9), max_size=9), max_size=30), st.integers(1, 7))
def test_batches_hold_every_row_once_padded_to_their_longest(rows, size):
    seen = {}
    lengths = []
    for batch in batches(rows, size, pad_id=1):
        longest = max(1, *(len(rows[row]) for row in batch.rows))
        assert batch.ids.shape == (len(batch.rows), longest)
        assert len(batch.rows) <= max(1, size * TOKENS // longest)
        mask = torch.ones_like(batch.ids) if batch.mask is None else batch.mask
        assert (batch.mask is None) == all(len(rows[row]) == longest for row in batch.rows)
        assert (batch.ids[mask == 0] == 1).all()
        lengths += [len(rows[row]) for row in batch.rows]
        for place, row in enumerate(batch.rows):
            seen[row] = batch.ids[place][mask[place] == 1].tolist()
    assert seen == dict(enumerate(rows))
    assert lengths == sorted(lengths, reverse=True)


def test_chunks_take_no_more_than_they_give():
    taken = []

    def source():
        for number in range(10):
            taken.append(number)
            yield number

    pieces = chunks(source(), 4)
    assert next(pieces) == [0, 1, 2, 3]
    assert taken == [0, 1, 2, 3]
    assert list(pieces) == [[4, 5, 6, 7], [8, 9]]
