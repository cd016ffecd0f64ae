"""Where the parts of an encoder are, per transformers model type: data in ``architectures/``, one JSON each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hubkit.errors import NotFoundError

_FOLDER = Path(__file__).with_name("architectures")


@dataclass(frozen=True, slots=True)
class Architecture:
    """Module paths of one model type; all but ``layers`` and ``word_embeddings`` are relative to a layer."""

    model_type: str
    layers: str
    linears: Mapping[str, str]
    output: str
    output_norm: str
    attention_output: str
    attention_norm: str
    word_embeddings: str


@cache
def architecture(model_type: str) -> Architecture:
    """The map of ``model_type``. Raises :class:`NotFoundError` that lists the known types."""
    file = _FOLDER / f"{model_type}.json"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in _FOLDER.glob("*.json")))
        raise NotFoundError(f"There is no architecture map for model type {model_type!r}.", f"Known: {known}.")
    return Architecture(**json.loads(file.read_text("utf-8")))
