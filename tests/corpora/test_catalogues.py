from __future__ import annotations

from collections.abc import Callable

import pytest

from hubkit.corpora.catalogues import messages

Make = Callable[..., bytes]


@pytest.mark.parametrize("order", ["<", ">"])
def test_reads_context_plurals_and_both_byte_orders(make_mo: Make, order: str) -> None:
    content = make_mo(
        {"": "Content-Type: text/plain", "menu\x04Open": "Fungura", "page\0pages": "ukurasa\0kurasa", "Edit": "Hariri"},
        order,
    )
    assert list(messages(content)) == [("menu", "Open", "Fungura"), ("", "pages", "kurasa"), ("", "Edit", "Hariri")]


def test_skips_entries_that_are_not_utf8(make_mo: Make) -> None:
    content = make_mo({"Edit": "Hariri", "Open": "Fungura"}).replace(b"Hariri", b"Har\xffri")
    assert list(messages(content)) == [("", "Open", "Fungura")]


@pytest.mark.parametrize("content", [b"", b"text", b"\xde\x12\x04\x95", b"\xde\x12\x04\x95" + b"\xff" * 40])
def test_refuses_what_is_no_catalogue(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"no compiled|cut off"):
        list(messages(content))


def test_refuses_a_cut_off_catalogue(make_mo: Make) -> None:
    with pytest.raises(ValueError, match="cut off"):
        list(messages(make_mo({"Edit": "Hariri"})[:-4]))
