"""StarDict: offsets of 32 and 64 bits, types of fields, synonyms; every cut and every lie is noticed."""

from __future__ import annotations

import struct

import pytest
from conftest import ABOUT, stardict_files
from hubkit.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

from hubkit_lexicon import stardict
from hubkit_lexicon.dictionary import Dictionary, Entry

WORDS = st.text(st.characters(codec="utf-8", categories=["Ll", "Lo"]), min_size=1, max_size=8)
ARTICLES = st.lists(st.tuples(WORDS, st.binary(max_size=30)), max_size=6)


def parse(files: dict[str, bytes]) -> Dictionary:
    return stardict.parse("x", files[".ifo"], files[".idx"], files[".dict"], files.get(".syn"), "x")


@given(ARTICLES, st.sampled_from([32, 64]))
def test_every_article_is_found_where_it_lies(articles: list[tuple[str, bytes]], bits: int) -> None:
    files = stardict_files(articles, "m", bits)
    settings = stardict.parse_ifo(files[".ifo"], "x.ifo")
    assert (settings.words, settings.offset_bits, settings.about.strip()) == (len(articles), bits, ABOUT)
    text = files[".dict"]
    found = stardict.parse_idx(files[".idx"], settings, len(text), "x.idx")
    assert [(word, text[start : start + size]) for word, start, size in found] == articles


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1)), min_size=1, max_size=5))
def test_offsets_of_64_bits(places: list[tuple[int, int]]) -> None:
    idx = b"".join(b"w\0" + struct.pack(">QI", *place) for place in places)
    settings = stardict.Settings(len(places), len(idx), 0, 64, "m", "")
    assert [place for _, *place in stardict.parse_idx(idx, settings, 2**65, "x")] == [list(place) for place in places]


@given(ARTICLES.filter(bool), st.sampled_from([32, 64]), st.data())
def test_an_index_that_was_cut_off(articles: list[tuple[str, bytes]], bits: int, draw: st.DataObject) -> None:
    files = stardict_files(articles, "m", bits)
    cut = files[".idx"][: draw.draw(st.integers(0, len(files[".idx"]) - 1))]
    settings = stardict.Settings(len(articles), len(cut), 0, bits, "m", "")
    with pytest.raises(UsageError, match=r"^x\.idx"):
        stardict.parse_idx(cut, settings, len(files[".dict"]), "x.idx")
    with pytest.raises(UsageError, match="its .ifo says"):
        parse({**files, ".idx": cut})


@given(ARTICLES.filter(lambda articles: any(article for _, article in articles)))
def test_a_text_that_was_cut_off(articles: list[tuple[str, bytes]]) -> None:
    files = stardict_files(articles)
    with pytest.raises(UsageError, match=r"x\.idx places word \d+ at bytes"):
        parse({**files, ".dict": files[".dict"][:-1]})


@given(st.fixed_dictionaries({end: st.binary(max_size=60) for end in (".ifo", ".idx", ".dict", ".syn")}))
def test_rubbish_is_refused_in_words(files: dict[str, bytes]) -> None:
    with pytest.raises(UsageError, match=r"^x\.ifo"):
        parse(files)


@given(st.binary(max_size=60), st.text("mlnthgxkwryWPX", max_size=4))
def test_any_article_is_text_or_refused(article: bytes, types: str) -> None:
    try:
        assert isinstance(stardict.article_text(article, types, "word 1 of x"), str)
    except UsageError as error:
        assert error.what.startswith("word 1 of x")


TEXTS: dict[str, tuple[str, bytes, str]] = {
    "plain": ("m", b"water", "water"),
    "plain, with a type": ("", b"mwater\0", "water"),
    "pronunciation and text": ("tm", b"x\0water", "x\nwater"),
    "a picture is skipped": ("", b"W\0\0\0\x02\xff\xfemwater\0", "water"),
    "a picture last": ("mW", b"water\0\xff\xfe", "water"),
    "a list of words is skipped": ("wm", b"a b\0water", "water"),
    "HTML": ("h", b"<b>water</b><br/>fire &amp; ice<li>tree", "water\nfire & ice\ntree"),
    "XDXF": ("x", b"<k>amazi</k><def>water</def>", "\nwater\n"),
    "nothing": ("m", b"", ""),
}


@pytest.mark.parametrize("case", TEXTS)
def test_the_text_of_an_article(case: str) -> None:
    types, article, text = TEXTS[case]
    assert stardict.article_text(article, types, "x") == text


def test_entries_and_synonyms() -> None:
    articles = [
        ("amazi", b"water"),
        ("inzu", b"inzu /x/\n1. house\nwhere people live\n2. hut"),
        ("umwana", b"child; kid"),
    ]
    found = parse(stardict_files(articles, synonyms=[("abana", 2)]))
    assert found.entries == (
        Entry("amazi", ("water",), "1"), Entry("inzu", ("house", "hut"), "2"), Entry("umwana", ("child", "kid"), "3"),
        Entry("abana", ("child", "kid"), "3"),
    )  # fmt: skip


GOOD = stardict_files([("amazi", b"water")], synonyms=[("amagi", 0)])
BAD: dict[str, tuple[str, bytes, bytes, str]] = {
    "magic": (".ifo", b"StarDict's", b"OtherDict's", "x.ifo does not begin with"),
    "version": (".ifo", b"2.4.2", b"1.0", "x.ifo has version '1.0'"),
    "no count": (".ifo", b"wordcount=1\n", b"", "x.ifo has no number wordcount"),
    "odd count": (".ifo", b"wordcount=1", b"wordcount=-1", "the wordcount '-1', no number"),
    "other count": (".ifo", b"wordcount=1", b"wordcount=2", "x.idx has 1 words, its .ifo says 2"),
    "size": (".ifo", b"idxfilesize=14", b"idxfilesize=15", "x.idx has 14 bytes, its .ifo says 15"),
    "bits": (".ifo", b"bookname", b"idxoffsetbits=16\nbookname", "idxoffsetbits 16"),
    "types": (".ifo", b"sametypesequence=m", b"sametypesequence=4", "sametypesequence '4'"),
    "not text": (".ifo", b"bookname", b"\xff", "x.ifo is not UTF-8"),
    "empty word": (".idx", b"amazi\0\0", b"\0\0\0\0\0\0\0", "x.idx has no word of 1 to 255 bytes at byte 0"),
    "not a word": (".idx", b"amazi", b"am\xffzi", "x.idx, word 1, is not UTF-8"),
    "beyond the text": (".idx", b"\0\x05", b"\0\x06", "places word 1 at bytes 0 to 6 of 5"),
    "article": (".dict", b"water", b"w\xffter", "word 1 of x.idx: its article is not UTF-8"),
    "synonym of nothing": (".syn", b"\0\0\0\0", b"\0\0\0\x07", "x.syn leads from 'amagi' to a word"),
    "synonyms": (".ifo", b"synwordcount=1", b"synwordcount=2", "x.syn has 1 words, its .ifo says 2"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_named(case: str) -> None:
    file, old, new, what = BAD[case]
    changed = GOOD[file].replace(old, new) if case != "synonym of nothing" else GOOD[file][:-4] + new
    assert changed != GOOD[file]
    with pytest.raises(UsageError) as refused:
        parse({**GOOD, file: changed})
    assert what in refused.value.what and refused.value.fix


def test_synonyms_that_are_missing() -> None:
    with pytest.raises(UsageError, match=r"x\.syn is missing"):
        parse({file: content for file, content in GOOD.items() if file != ".syn"})
