"""dictd: numbers, the index, articles; what is wrong is named with its line."""

from __future__ import annotations

import pytest
from conftest import ABOUT, dictd_files
from hubkit.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

from hubkit_lexicon import dictd
from hubkit_lexicon.dictd import DIGITS, decode_number, encode_number
from hubkit_lexicon.dictionary import Entry

LARGEST = 64**dictd.LONGEST - 1


@given(st.integers(0, LARGEST))
def test_a_number_comes_back(value: int) -> None:
    assert decode_number(encode_number(value)) == value


@given(st.integers(0, LARGEST), st.integers(0, LARGEST))
def test_numbers_have_the_order_of_their_digits(one: int, other: int) -> None:
    def ordered(value: int) -> list[int]:
        return [DIGITS.index(digit) for digit in encode_number(value).rjust(dictd.LONGEST, "A")]

    assert (one < other) == (ordered(one) < ordered(other))


@given(st.text(max_size=12))
def test_what_is_no_number_is_refused(text: str) -> None:
    valid = 0 < len(text) <= dictd.LONGEST and set(text) <= set(DIGITS)
    if valid:
        assert encode_number(decode_number(text)) == (text.lstrip("A") or "A")
    else:
        with pytest.raises(ValueError, match="is no number in base 64"):
            decode_number(text)


@pytest.mark.parametrize(("value", "digits"), [(0, "A"), (1, "B"), (63, "/"), (64, "BA"), (4095, "//"), (4096, "BAA")])
def test_numbers_as_dictd_writes_them(value: int, digits: str) -> None:
    assert (encode_number(value), decode_number(digits)) == (digits, value)


WORDS = st.text(st.characters(codec="utf-8", categories=["Ll", "Lo"]), min_size=1, max_size=8)


@given(st.dictionaries(WORDS, WORDS, min_size=1, max_size=8))
def test_every_article_is_found(words: dict[str, str]) -> None:
    index, text = dictd_files({word: f"{word}\n{meaning}\n" for word, meaning in words.items()})
    found = dictd.parse("x", index, text, "x")
    assert {(each.headword, *each.translations) for each in found.entries} == {
        (entry(word), entry(meaning)) for word, meaning in words.items()
    }
    assert found.about == ABOUT


def entry(word: str) -> str:
    from hubkit_lexicon.dictionary import plain_words

    return plain_words(word)


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_rubbish_is_refused_in_words(index: bytes, text: bytes) -> None:
    try:
        dictd.parse("x", index, text, "x")
    except UsageError as error:
        assert "x.index" in error.what


def test_places_with_several_words() -> None:
    text = b"abi, abike /x/ <n>\nsister\nwelcome\nfoo <n>\n1. bar\n"
    first, second = text[: text.index(b"foo")], text[text.index(b"foo") :]
    lines = [("abi", 0, len(first)), ("abike", 0, len(first)), ("foo", len(first), len(second))]
    index = "".join(f"{word}\t{encode_number(at)}\t{encode_number(size)}\n" for word, at, size in lines)
    assert dictd.parse("x", index.encode(), text, "x").entries == (
        Entry("abi", ("sister",), "1"), Entry("abike", ("sister",), "1"), Entry("foo", ("bar",), "3"),
    )  # fmt: skip


def test_a_fourth_field_is_the_headword_as_it_was_spelt() -> None:
    assert dictd.parse("x", b"foo\tA\tH\tFoo\n", b"Foo\nbar", "x").entries == (Entry("Foo", ("bar",), "1"),)


@pytest.mark.parametrize(
    ("index", "text", "what"),
    [
        (b"foo\tA\n", b"", "Line 1 of x.index has 2 fields"),
        (b"foo\tA\tA\nbar A A\n", b"", "Line 2 of x.index has 1 fields"),
        (b"foo\tA\tB\tc\td\n", b"..", "has 5 fields"),
        (b"\n", b"", "Line 1 of x.index has 1 fields"),
        (b"foo\t-1\tA\n", b"", "'-1' is no number in base 64"),
        (b"foo\tA\t\n", b"", "'' is no number"),
        (b"foo\tAAAAAAAAAAA\tA\n", b"", "is no number"),
        (b"foo\tB\tB\n", b".", "names bytes 1 to 2 of a text that has 1"),
        (b"\xff\tA\tA\n", b"", "x.index is not UTF-8"),
        (b"foo\tA\tB\n", b"\xff", "Line 1 of x.index: its article is not UTF-8"),
        (b"00databaseinfo\tA\tB\n", b"\xff", "its article is not UTF-8"),
    ],
)
def test_what_is_wrong_is_named(index: bytes, text: bytes, what: str) -> None:
    with pytest.raises(UsageError) as refused:
        dictd.parse("x", index, text, "x")
    assert what in refused.value.what and refused.value.fix
