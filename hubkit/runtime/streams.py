"""Lines in, vectors out: text from a stream, vectors to JSON lines, tab-separated values or a NumPy file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Chunks = Iterable[tuple[list[str], "NDArray[Any]"]]
FORMATS = ("npy", "jsonl", "tsv")
_NPY_HEADER_BYTES = 128


def read_lines(stream: Iterable[bytes], name: str) -> Iterator[str]:
    """The lines of a UTF-8 stream without their ends; an empty line is an empty sentence.

    Raises :class:`UsageError` that names the stream and the line when a line is not UTF-8.
    """
    for number, line in enumerate(stream, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(
                f"Line {number} of {name} is not UTF-8: byte 0x{line[error.start]:02x} at place {error.start + 1}.",
                "Convert the text first, such as with `iconv -f latin1 -t utf-8`.",
            ) from error
        yield text.removesuffix("\n").removesuffix("\r")


def write_vectors(chunks: Chunks, width: int, form: str, stream: IO[bytes]) -> int:
    """Write (sentences, vectors (n, width)) to ``stream`` as they come and return how many there were.

    ``npy`` needs a stream that can seek: the number of rows is written at the end.
    """
    count = 0
    if form == "npy":
        stream.write(_npy_header(0, width))
    for sentences, vectors in chunks:
        count += len(sentences)
        stream.write(vectors.astype("<f4").tobytes() if form == "npy" else _as_text(sentences, vectors, form))
    if form == "npy":
        stream.seek(0)
        stream.write(_npy_header(count, width))
    return count


def _npy_header(rows: int, width: int) -> bytes:
    """NumPy's format 1.0, padded to the same length for any number of rows."""
    start = b"\x93NUMPY\x01\x00" + (_NPY_HEADER_BYTES - 10).to_bytes(2, "little")
    content = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {width}), }}"
    return start + content.ljust(_NPY_HEADER_BYTES - 11).encode() + b"\n"


def _as_text(sentences: list[str], vectors: NDArray[Any], form: str) -> bytes:
    """Nine significant digits, which give back the same float32."""
    rows = ([f"{value:.9g}" for value in row] for row in vectors.tolist())
    if form == "tsv":
        return "".join("\t".join(row) + "\n" for row in rows).encode()
    lines = (
        f'{{"text": {json.dumps(sentence, ensure_ascii=False)}, "vector": [{", ".join(row)}]}}\n'
        for sentence, row in zip(sentences, rows, strict=True)
    )
    return "".join(lines).encode()
