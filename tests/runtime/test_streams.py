from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hubkit.errors import UsageError
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.streams import read_lines, write_vectors


def test_lines_keep_their_place():
    stream = io.BytesIO("\ufeffone\r\n\n tab\t\u2028x \nlast".encode())
    assert list(read_lines(stream, "x")) == ["one", "", " tab\t\u2028x ", "last"]
    assert list(read_lines(io.BytesIO(b""), "x")) == []
    assert list(read_lines(io.BytesIO(b"\n"), "x")) == [""]


def test_broken_utf8_names_the_line_and_the_byte():
    lines = read_lines(io.BytesIO(b"ok\nab\xff\n"), "standard input")
    assert next(lines) == "ok"
    with pytest.raises(UsageError, match="Line 2 of standard input is not UTF-8: byte 0xff at place 3"):
        next(lines)


VECTORS = arrays(
    np.float32, st.tuples(st.integers(0, 5), st.just(3)), elements=st.floats(-2, 2, width=32, allow_subnormal=True)
)


@given(st.lists(VECTORS, max_size=4))
def test_every_format_gives_back_the_same_floats(pieces):
    chunks = [([f"s{row}\u2028" for row in range(len(piece))], piece) for piece in pieces]
    expected = np.concatenate([np.zeros((0, 3), np.float32), *pieces])

    def written(form):
        stream = io.BytesIO()
        assert write_vectors(chunks, 3, form, stream) == len(expected)
        return stream.getvalue()

    found = np.load(io.BytesIO(written("npy")))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    lines = [json.loads(line) for line in written("jsonl").decode().split("\n")[:-1]]
    assert [line["text"] for line in lines] == [text for texts, _ in chunks for text in texts]
    np.testing.assert_array_equal(np.array([line["vector"] for line in lines], np.float32).reshape(-1, 3), expected)
    rows = [[float(value) for value in line.split("\t")] for line in written("tsv").decode().split("\n")[:-1]]
    np.testing.assert_array_equal(np.array(rows, np.float32).reshape(-1, 3), expected)


def test_the_npy_header_is_as_numpy_wants_it():
    stream = io.BytesIO()
    write_vectors([(["x"], np.ones((1, 384), np.float32))], 384, "npy", stream)
    start = stream.getvalue().index(b"\n") + 1
    assert start % 64 == 0
    stream.seek(0)
    assert np.load(stream).shape == (1, 384)


@pytest.mark.parametrize("form", ["npy", "jsonl", "tsv"])
def test_lines_are_read_only_as_vectors_are_written(bert, form):
    """So memory does not grow with the input."""
    read, ahead = 0, []

    def source():
        nonlocal read
        for read in range(1, 41):  # noqa: B007
            yield b"ab\n"

    class Sink(io.BytesIO):
        def write(self, data):
            ahead.append(read)
            return super().write(data)

    chunks = Encoder(bert).encode_stream(read_lines(source(), "x"), chunk_size=4)
    write_vectors(chunks, 32, form, Sink())
    written = [count for count in ahead if count][:10]
    assert written == list(range(4, 41, 4))
