"""The two files of a vocabulary delta in an adapter's folder: both or none, and only for the core of the adapter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.adapter.strict_json import parse_json
from hubkit.adapter.tensors import read_tensors, write_tensors
from hubkit.durable import write_json
from hubkit.errors import VerificationError

if TYPE_CHECKING:
    from hubkit.core import Core
    from hubkit.vocabulary.delta import VocabularyDelta

_PIECES, _ROWS = "vocabulary.json", "vocabulary.safetensors"


def write_vocabulary(folder: Path, delta: VocabularyDelta) -> None:
    """Write ``vocabulary.json`` and ``vocabulary.safetensors``."""
    write_json(folder / _PIECES, delta.content())
    write_tensors(folder / _ROWS, {"rows": delta.rows})


def parse_vocabulary(files: Mapping[str, bytes], core: Core, folder: Path) -> VocabularyDelta | None:
    """The delta in an adapter's files, None when they have none.

    Raises :class:`VerificationError` that names the file, and the piece when it is about one.
    """
    from hubkit.vocabulary import delta
    from hubkit.vocabulary.base import check_fits

    present = [name for name in (_PIECES, _ROWS) if name in files]
    if not present:
        return None
    if len(present) == 1:
        raise VerificationError(
            f"{folder} has {present[0]}, but {_PIECES} and {_ROWS} belong together.", "Fetch the adapter again."
        )
    where = f"{folder / _PIECES}"
    parse_json(files[_PIECES], where)
    content = delta.parse_vocabulary(files[_PIECES], where)
    check_fits(content, core, where)
    shape = (len(content.pieces), core.hidden_size)
    rows = read_tensors(files[_ROWS], {"rows": shape}, f"{folder / _ROWS}")["rows"]
    return delta.VocabularyDelta(content.base_size, content.tokenizer_sha256, delta.pieces_of(content), rows)
