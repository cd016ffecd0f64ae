"""Encoders of other people as reference columns: any sentence-transformers model, and static tables of vectors.

They are no controls of what training did, but say where the whole thing stands. Both sides are encoded by them, English
too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.evaluation.controls.context import NotHadError
from hubkit.evaluation.controls.static_table import open_table
from hubkit.evaluation.task import Tested

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH = 32


def sentence_transformer(name: str) -> Tested:
    """The system of ``sentence-transformers:NAME``; NAME is a folder, or a model of the Hub, @REVISION if wanted."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise NotHadError('sentence-transformers is not installed: pip install "hubkit[evaluation]"') from error
    model_name, revision = (name, None) if Path(name).exists() else _at(name)
    try:
        model: Any = SentenceTransformer(
            model_name, revision=revision, device="cpu", trust_remote_code=False, model_kwargs={"use_safetensors": True}
        )
        width = model.encode(["one"], show_progress_bar=False).shape[1]
    except Exception as error:  # of whatever kind: the model is a stranger's
        raise NotHadError(f"{name} cannot be loaded: {type(error).__name__}: {_first_line(error)}") from error

    def encode(texts: list[str]) -> NDArray[Any]:
        vectors: NDArray[Any] = model.encode(texts, batch_size=_BATCH, show_progress_bar=False)
        return vectors

    prompt = f", prompt {model.default_prompt_name!r}" if model.default_prompt_name else ""
    description = f"{name}, by sentence-transformers ({width} dimensions{prompt}), English too"
    return Tested(system_name("st", model_name), description, encode, encode)


def static_table(name: str) -> Tested:
    """The system of ``static:PATH``: the mean of the vectors of a text's tokens or words."""
    table = open_table(Path(name))
    description = (
        f"{Path(name).name}: the mean of static vectors, {table.rows:,} of {table.width} dimensions, English too"
    )
    return Tested(system_name("static", name), description, table, table)


def system_name(kind: str, name: str) -> str:
    """A name that a report takes: ``st-multilingual-e5-small``."""
    last = Path(name.rstrip("/")).stem if kind == "static" else name.rstrip("/").rpartition("/")[2]
    return f"{kind}-{re.sub(r'[^a-z0-9]+', '-', last.casefold()).strip('-') or 'model'}"


def _at(name: str) -> tuple[str, str | None]:
    model, _, revision = name.partition("@")
    return model, revision or None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:200]
