"""Safetensors, read strictly: the header is checked here before the library sees the file.

Format: 8 bytes little-endian length, a JSON header name → {dtype, shape, data_offsets}, then the tensors' bytes.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.adapter.strict_json import parse_json
from hubkit.errors import VerificationError

if TYPE_CHECKING:
    from torch import Tensor

MAX_HEADER_BYTES = 1 << 20
_DTYPE, _ITEM_BYTES = "F32", 4
_AGAIN = "Fetch the adapter again from a source you trust."
Shapes = Mapping[str, tuple[int, ...]]


def read_header(data: bytes, where: str) -> dict[str, tuple[int, ...]]:
    """Name → shape of each tensor, in the order of their bytes.

    Raises :class:`VerificationError` unless every byte of the file is accounted for.
    """
    if len(data) < 8:
        raise VerificationError(f"{where} is no safetensors file: it has {len(data)} bytes.", _AGAIN)
    (length,) = struct.unpack("<Q", data[:8])
    if length > MAX_HEADER_BYTES:
        raise VerificationError(f"{where} is no safetensors file, or has a header over 1 MB.", _AGAIN)
    if 8 + length > len(data) or data[8:9] != b"{":
        raise VerificationError(f"{where} is no safetensors file: its header is cut or is no JSON object.", _AGAIN)
    header = parse_json(data[8 : 8 + length], where)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise VerificationError(f"{where} has metadata other than strings.", _AGAIN)
    end = _check_layout(header, where)
    if 8 + length + end != len(data):
        raise VerificationError(f"{where} has {len(data)} bytes, its header accounts for {8 + length + end}.", _AGAIN)
    if zipfile.is_zipfile(io.BytesIO(data)):
        raise VerificationError(f"{where} is a zip archive as well as safetensors.", _AGAIN)
    return {name: tuple(entry["shape"]) for name, entry in sorted(header.items(), key=_place)}


def _place(entry: tuple[str, Any]) -> tuple[int, int]:
    begin, end = entry[1]["data_offsets"]
    return begin, end


def _check_layout(header: dict[str, Any], where: str) -> int:
    """Check that the entries describe float32 tensors that fill the buffer without gap or overlap; return its end."""
    for name, entry in header.items():
        if not name or not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise VerificationError(f"{where} has a malformed entry {name!r} in its header.", _AGAIN)
        if entry["dtype"] != _DTYPE:
            raise VerificationError(f"{where}: tensor {name} has dtype {entry['dtype']!r}, expected {_DTYPE}.", _AGAIN)
        if not _are_counts(entry["shape"]) or not _are_counts(entry["data_offsets"]) or len(entry["data_offsets"]) != 2:
            raise VerificationError(f"{where}: tensor {name} has a malformed shape or place.", _AGAIN)
    position = 0
    for name, entry in sorted(header.items(), key=_place):
        begin, end = entry["data_offsets"]
        if begin != position or end - begin != math.prod(entry["shape"]) * _ITEM_BYTES:
            raise VerificationError(f"{where}: the bytes of tensor {name} do not fit its shape and place.", _AGAIN)
        position = end
    return position


def _are_counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def read_tensors(data: bytes, expected: Shapes, where: str) -> dict[str, Tensor]:
    """The float32 tensors of a safetensors file: exactly those expected, finite.

    Raises :class:`VerificationError` that names the file and the first tensor that is missing, unexpected, misshapen or
    not finite.
    """
    shapes = read_header(data, where)
    if missing := sorted(set(expected) - set(shapes)):
        raise VerificationError(f"{where} lacks {len(missing)} tensors, the first is {missing[0]}.", _AGAIN)
    if unexpected := sorted(set(shapes) - set(expected)):
        raise VerificationError(
            f"{where} has {len(unexpected)} tensors that its configuration does not have, the first is "
            f"{unexpected[0]!r}.",
            _AGAIN,
        )
    for name, shape in sorted(shapes.items()):
        if shape != tuple(expected[name]):
            raise VerificationError(
                f"{where}: tensor {name} has shape {shape}, expected {tuple(expected[name])}.", _AGAIN
            )
    return _views(data, shapes, where)


def _views(data: bytes, shapes: Shapes, where: str) -> dict[str, Tensor]:
    """Views of one buffer, which holds the file's numbers in their order."""
    import numpy as np
    import torch

    numbers = np.frombuffer(data, dtype="<f4", offset=len(data) - sum(map(math.prod, shapes.values())) * _ITEM_BYTES)
    flat = torch.from_numpy(numbers.astype(np.float32))
    # A sum is finite only if every term is; huge numbers may overflow it, hence the second look.
    with np.errstate(all="ignore"):
        all_finite = bool(np.isfinite(numbers.sum())) or bool(np.isfinite(numbers).all())
    views, position = {}, 0
    for name, shape in shapes.items():
        views[name] = flat[position : position + math.prod(shape)].view(shape)
        position += math.prod(shape)
        if not all_finite and not bool(views[name].isfinite().all()):
            raise VerificationError(f"{where}: tensor {name} is not finite.", _AGAIN)
    return views


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write float32 copies of the tensors as safetensors."""
    from safetensors.torch import save_file

    save_file({name: tensor.detach().cpu().float().contiguous().clone() for name, tensor in tensors.items()}, path)
