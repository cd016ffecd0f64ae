from __future__ import annotations

import io
from pathlib import Path

import pytest

from hubkit.corpora import tmx
from hubkit.corpora.tmx import Unit, units
from hubkit.errors import UsageError

HEAD = '<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "tmx14.dtd"><tmx version="1.4"><body>'
TAIL = "</body></tmx>"


def read(content: str | bytes) -> list[tuple[int, Unit]]:
    data = content.encode() if isinstance(content, str) else content
    return list(units(io.BytesIO(data), Path("a.tmx")))


def unit(**segments: str) -> str:
    return (
        "<tu>" + "".join(f'<tuv xml:lang="{code}"><seg>{text}</seg></tuv>' for code, text in segments.items()) + "</tu>"
    )


def test_units_with_their_lines() -> None:
    assert read(f"{HEAD}\n{unit(en='Open', kab='Ldi')}\n{unit(en='Save &amp; go')}{TAIL}") == [
        (2, {"en": "Open", "kab": "Ldi"}), (3, {"en": "Save & go"}),
    ]  # fmt: skip


def test_formatting_codes_are_no_text_and_highlights_are() -> None:
    segment = 'a <bpt i="1">&lt;b&gt;</bpt><hi>bold</hi><ept i="1">&lt;/b&gt;</ept> word<ph>{1}</ph>'
    assert read(f"{HEAD}{unit(en=segment)}{TAIL}")[0][1] == {"en": "a bold word"}


def test_utf16_is_read() -> None:
    content = f'<?xml version="1.0" encoding="UTF-16"?><tmx><body>{unit(en="Open")}</body></tmx>'
    assert read(content.encode("utf-16")) == [(1, {"en": "Open"})]


def test_blocks_smaller_than_a_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tmx, "_BLOCK", 7)
    assert len(read(f"{HEAD}{unit(en='Open', kab='Ldi') * 5}{TAIL}")) == 5


@pytest.mark.parametrize(
    "declaration",
    ['<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">', '<!ENTITY x SYSTEM "file:///etc/hostname">', '<!ENTITY % p "x">'],
)
def test_entity_declarations_are_refused(declaration: str) -> None:
    with pytest.raises(UsageError, match="declares the entity"):
        read(f"<!DOCTYPE tmx [{declaration}]><tmx><body>{unit(en='&b;')}</body></tmx>")


@pytest.mark.parametrize("content", ["", "no xml", f"{HEAD}<tu>", f"{HEAD}{unit(en='&nbsp;')}{TAIL}x<"])
def test_what_is_not_well_formed_is_a_usage_error(content: str) -> None:
    with pytest.raises(UsageError, match=r"a.tmx is no well-formed TMX file"):
        read(content)
