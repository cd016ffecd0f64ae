"""Pieces that cut across a class prefix are found and left out."""

from __future__ import annotations

from typing import Any

import pytest
from hubkit.errors import NotFoundError
from hubkit.vocabulary.delta import Piece, VocabularyDelta

from hubkit_bantu import vocabulary
from hubkit_bantu.vocabulary import prefix_aware_delta, straddling

NOTHING: Any = None
TEXT = ["umuntu abantu", "umugabo abagabo", "umuntu ukunda abagabo"]


def test_straddling() -> None:
    pieces = ["▁umu", "ntu", "▁umun", "muntu", "gabo", "bag", "▁abantu", "kunda", "xyz"]
    assert straddling(pieces, TEXT, "rw") == {"▁umun", "muntu", "bag", "▁abantu"}


def proposing(*pieces: str) -> Any:
    import torch

    def initial_delta(core: Any, tokenizer: Any, weight: Any, sentences: Any, size: int, seed: int) -> VocabularyDelta:
        made = tuple(Piece(piece, -1.0) for piece in pieces[:size])
        rows = torch.arange(float(len(made))).unsqueeze(1).expand(-1, 4)
        return VocabularyDelta(10, "sha256:" + "0" * 64, made, rows)

    return initial_delta


def test_the_next_ones_take_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "initial_delta", proposing("▁umun", "ntu", "bag", "gabo", "▁aba", "▁umu"))
    delta = prefix_aware_delta(NOTHING, NOTHING, NOTHING, TEXT, 3, "rw")
    assert [piece.text for piece in delta.pieces] == ["ntu", "gabo", "▁aba"]
    assert delta.rows[:, 0].tolist() == [1.0, 3.0, 4.0]


def test_nothing_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "initial_delta", proposing("▁umun", "bag"))
    with pytest.raises(NotFoundError, match="cuts across"):
        prefix_aware_delta(NOTHING, NOTHING, NOTHING, TEXT, 2, "rw")
