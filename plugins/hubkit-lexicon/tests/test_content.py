"""Files as they are packed."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from conftest import dictzip
from hubkit.errors import NotFoundError, UsageError
from hypothesis import given
from hypothesis import strategies as st

from hubkit_lexicon import content


@given(st.binary(max_size=5000))
def test_dictzip_gzip_and_plain_give_the_same(data: bytes) -> None:
    assert content.unpacked(dictzip(data), "x") == data
    assert content.unpacked(gzip.compress(data), "x") == data
    if not data.startswith(b"\x1f\x8b"):
        assert content.unpacked(data, "x") == data


@given(st.binary(min_size=1, max_size=300), st.data())
def test_what_was_cut_off_is_damaged(data: bytes, draw: st.DataObject) -> None:
    packed = dictzip(data)
    cut = draw.draw(st.integers(2, len(packed) - 1))
    with pytest.raises(UsageError, match="^x is damaged"):
        content.unpacked(packed[:cut], "x")


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "LARGEST", 1000)
    with pytest.raises(UsageError, match="more than 1000 bytes when it is unpacked"):
        content.unpacked(gzip.compress(b"0" * 1001), "x")
    with pytest.raises(UsageError, match="more than 1000 bytes"):
        content.unpacked(b"0" * 1001, "x")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no file"):
        content.read_file(tmp_path / "nowhere")


def test_text_must_be_utf_8() -> None:
    with pytest.raises(UsageError, match="x is not UTF-8"):
        content.text_of(b"\xff", "x")
