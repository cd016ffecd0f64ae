from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save

from hubkit.adapter.tensors import MAX_HEADER_BYTES, read_header, read_tensors, write_tensors
from hubkit.errors import VerificationError

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4)}
SHAPES = {"a": (2, 3), "b": (4,)}


def raw(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def entry(start: int, end: int, shape: object = None, dtype: str = "F32") -> dict:
    return {"dtype": dtype, "shape": [(end - start) // 4] if shape is None else shape, "data_offsets": [start, end]}


def test_reads_what_was_written(tmp_path):
    write_tensors(tmp_path / "t.safetensors", TENSORS)
    data = (tmp_path / "t.safetensors").read_bytes()
    found = read_tensors(data, SHAPES, "t")
    assert {name: tensor.tolist() for name, tensor in found.items()} == {
        name: tensor.tolist() for name, tensor in TENSORS.items()
    }
    assert load(data).keys() == TENSORS.keys(), "safetensors itself reads the same file"


def test_writes_float32_copies_of_views_and_other_types(tmp_path):
    base = torch.arange(12, dtype=torch.float64).reshape(3, 4)
    write_tensors(tmp_path / "t.safetensors", {"view": base.T, "row": base[1]})
    found = read_tensors((tmp_path / "t.safetensors").read_bytes(), {"view": (4, 3), "row": (4,)}, "t")
    assert found["view"].tolist() == base.T.tolist()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it has 0 bytes"),
        (b"\x00" * 7, "it has 7 bytes"),
        (pickle.dumps({"a": [1, 2, 3]}), "header over 1 MB"),
        (struct.pack("<Q", 100) + b"{}", "its header is cut"),
        (raw(b"[]"), "no JSON object"),
        (raw(b" {}"), "no JSON object"),
        (raw(b'{"a": 1, "a": 2}'), "a key is there twice"),
        (raw({"": entry(0, 4)}, b"\0" * 4), "malformed entry"),
        (raw({"a": 5}), "malformed entry"),
        (raw({"a": {**entry(0, 4), "more": 1}}, b"\0" * 4), "malformed entry"),
        (raw({"a": entry(0, 4, dtype="F16", shape=[2])}, b"\0" * 4), "has dtype 'F16', expected F32"),
        (raw({"a": entry(0, 4, dtype="F64")}, b"\0" * 8), "has dtype 'F64'"),
        (raw({"a": entry(0, 4, shape=[-1])}, b"\0" * 4), "malformed shape"),
        (raw({"a": entry(0, 4, shape=[True])}, b"\0" * 4), "malformed shape"),
        (raw({"a": entry(0, 4, shape=[1.0])}, b"\0" * 4), "malformed shape"),
        (raw({"a": {**entry(0, 4), "data_offsets": [0, 4, 8]}}, b"\0" * 8), "malformed shape"),
        (raw({"a": entry(0, 8, shape=[1])}, b"\0" * 8), "do not fit"),
        (raw({"a": entry(0, 4), "b": entry(8, 12)}, b"\0" * 12), "do not fit"),
        (raw({"a": entry(0, 4), "b": entry(0, 4)}, b"\0" * 4), "do not fit"),
        (raw({"a": entry(0, 4, shape=[2**40, 2**40])}, b"\0" * 4), "do not fit"),
        (raw({"a": entry(0, 4)}, b"\0" * 3), "its header accounts for"),
        (raw({"a": entry(0, 4)}, b"\0" * 5), "its header accounts for"),
        (raw({"__metadata__": {"x": 1}, "a": entry(0, 4)}, b"\0" * 4), "metadata other than strings"),
        (raw({"__metadata__": [], "a": entry(0, 4)}, b"\0" * 4), "metadata other than strings"),
    ],
)
def test_refuses_malformed_files(data, message):
    with pytest.raises(VerificationError, match=message) as caught:
        read_header(data, "folder/x.safetensors")
    assert "folder/x.safetensors" in str(caught.value)


def test_refuses_a_header_over_the_limit():
    padding = b" " * MAX_HEADER_BYTES
    assert load(raw(b"{}" + padding)) == {}, "safetensors itself accepts it"
    with pytest.raises(VerificationError, match="over 1 MB"):
        read_header(raw(b"{}" + padding), "x")


def test_refuses_a_zip_archive_inside_the_tensors():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as handle:
        handle.writestr("data.pkl", "x" * 100)
    body = archive.getvalue()
    front = b"\0" * (-len(body) % 4)
    data = raw({"a": entry(0, len(front + body))}, front + body)
    assert "a" in load(data), "safetensors itself accepts it"
    with pytest.raises(VerificationError, match="zip archive"):
        read_header(data, "x")


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"a": (2, 3)}, "1 tensors that its configuration does not have, the first is 'b'"),
        ({**SHAPES, "c": (1,)}, "lacks 1 tensors, the first is c"),
        ({**SHAPES, "a": (3, 2)}, r"tensor a has shape \(2, 3\), expected \(3, 2\)"),
        ({**SHAPES, "a": (6,)}, "tensor a has shape"),
    ],
)
def test_refuses_other_tensors_than_expected(expected, message):
    with pytest.raises(VerificationError, match=message):
        read_tensors(save(TENSORS), expected, "x")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_refuses_values_that_are_not_finite(value):
    broken = {"a": TENSORS["a"], "b": torch.tensor([0.0, 0.0, value, 0.0])}
    with pytest.raises(VerificationError, match="tensor b is not finite"):
        read_tensors(save(broken), SHAPES, "x")


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_not_crashed_on(data):
    with pytest.raises(VerificationError):
        read_header(data, "x")


@given(st.data())
def test_a_changed_header_is_refused_or_means_the_same(data):
    """Only the hash in the manifest protects the numbers; the layout protects itself."""
    original = save(TENSORS)
    (length,) = struct.unpack("<Q", original[:8])
    place = data.draw(st.integers(0, 7 + length))
    flipped = bytearray(original)
    flipped[place] ^= data.draw(st.integers(1, 255))
    try:
        shapes = read_header(bytes(flipped), "x")
    except VerificationError:
        return
    assert sorted(shapes.values()) == sorted(SHAPES.values())
