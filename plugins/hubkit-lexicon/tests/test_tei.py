"""TEI: entries, what is a translation in them, and what is refused."""

from __future__ import annotations

import pytest
from conftest import ABOUT, tei_file
from hubkit.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

from hubkit_lexicon import tei
from hubkit_lexicon.dictionary import Entry

WORDS = st.text(st.characters(codec="utf-8", categories=["Ll", "Lo"]), min_size=1, max_size=8)


@given(st.dictionaries(WORDS, st.lists(WORDS, min_size=1, max_size=3, unique=True), max_size=5))
def test_every_entry_is_read(words: dict[str, list[str]]) -> None:
    from hubkit_lexicon.dictionary import plain_words

    found = tei.parse("x", tei_file(words), "x.tei")
    expected = [(plain_words(word), tuple(dict.fromkeys(map(plain_words, each)))) for word, each in words.items()]
    assert [(each.headword, each.translations) for each in found.entries] == expected
    assert ABOUT in found.about


def document(entry: str, namespace: str = ' xmlns="http://www.tei-c.org/ns/1.0"', prolog: str = "") -> bytes:
    body = f"<text><body>\n<entry>{entry}</entry></body></text>"
    return f'<?xml version="1.0"?>\n{prolog}<TEI{namespace}>{body}</TEI>'.encode()


FORM = "<form><orth>inzu</orth><pron>x</pron></form>"
ENTRIES = {
    "a translation": (f'{FORM}<sense><cit type="trans"><quote>house</quote></cit></sense>', ("house",)),
    "two senses": (
        f'{FORM}<sense><cit type="trans"><quote>house</quote></cit></sense>'
        '<sense><cit type="translation"><quote>hut</quote></cit></sense>', ("house", "hut"),
    ),
    "the type at the quote": (f'{FORM}<sense><cit><quote type="trans">house</quote></cit></sense>', ("house",)),
    "an example": (
        f'{FORM}<sense><cit type="trans"><quote>house</quote></cit><cit type="example"><quote>Inzu nini</quote>'
        '<cit type="trans"><quote>A big house</quote></cit></cit></sense>', ("house",),
    ),
    "markup": (f'{FORM}<sense><cit type="trans"><quote>a <hi>big</hi> house</quote></cit></sense>', ("a big house",)),
    "definitions": (f"{FORM}<sense><def>house, hut</def></sense>", ("house", "hut")),
}  # fmt: skip


@pytest.mark.parametrize("case", ENTRIES)
@pytest.mark.parametrize("namespace", [' xmlns="http://www.tei-c.org/ns/1.0"', ""])
def test_an_entry(case: str, namespace: str) -> None:
    entry, translations = ENTRIES[case]
    found = tei.parse("x", document(entry, namespace), "x.tei")
    assert found.entries == (Entry("inzu", translations, "3"),)


def test_definitions_are_read_only_where_nothing_is_a_translation() -> None:
    other = '<sense><cit type="trans"><quote>water</quote></cit></sense></entry><entry>'
    entry = f"<form><orth>amazi</orth></form>{other}{FORM}<sense><def>where people live</def></sense>"
    assert [each.headword for each in tei.parse("x", document(entry), "x.tei").entries] == ["amazi"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "no element found"),
        (b"<TEI>", "Line 1 of x.tei is no TEI"),
        (b"<html></html>", "x.tei is no TEI dictionary: its root is <html>"),
        (document("", prolog='<!DOCTYPE TEI [<!ENTITY a "b">]>'), "it declares the entity 'a'"),
        (document("&a;"), "undefined entity"),
    ],
)
def test_what_is_refused(content: bytes, what: str) -> None:
    with pytest.raises(UsageError) as refused:
        tei.parse("x", content, "x.tei")
    assert what in refused.value.what


def test_a_doctype_alone_is_nothing_to_refuse() -> None:
    content = document(ENTRIES["a translation"][0], prolog='<!DOCTYPE TEI SYSTEM "freedict-P5.dtd">')
    assert len(tei.parse("x", content, "x.tei").entries) == 1


@given(st.binary(max_size=100))
def test_rubbish_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(UsageError, match=r"x\.tei"):
        tei.parse("x", content, "x.tei")
