"""Where the parts of an encoder are, per transformers model type: data in ``architectures/``, one JSON each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from hubkit.errors import NotFoundError

_FOLDER = Path(__file__).with_name("architectures")
BlockName = Literal["attention", "output"]


@dataclass(frozen=True, slots=True)
class Block:
    """One half of a layer: it computes h from x and adds the two; paths are relative to the layer.

    ``site`` is where AdapterHub keeps the adapters of this block, ``dense`` the linear layer whose output is h,
    ``input`` the linear layer whose input is x, ``norm`` the norm that follows the sum (None when there is none).
    """

    site: str
    dense: str
    input: str
    norm: str | None


@dataclass(frozen=True, slots=True)
class Architecture:
    """Module paths of one model type; those in ``linears`` and ``blocks`` are relative to a layer.

    ``intermediate_size`` names the setting with the width between the feed-forward layers; when they are ``gated``, the
    first of them gives that width twice. With ``norm_first`` the norm of a block belongs to the next one and the sum
    goes on without it (pre-norm); else the norm's output goes on (post-norm).
    """

    model_type: str
    layers: str
    linears: Mapping[str, str]
    blocks: Mapping[BlockName, Block]
    intermediate_size: str
    gated: bool
    norm_first: bool
    embeddings: str
    word_embeddings: str


@cache
def architecture(model_type: str) -> Architecture:
    """The map of ``model_type``. Raises :class:`NotFoundError` that lists the known types."""
    file = _FOLDER / f"{model_type}.json"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in _FOLDER.glob("*.json")))
        raise NotFoundError(f"There is no architecture map for model type {model_type!r}.", f"Known: {known}.")
    content = json.loads(file.read_text("utf-8"))
    blocks = {name: Block(**block) for name, block in content.pop("blocks").items()}
    return Architecture(**content, blocks=blocks)


def linear_shape(places: Architecture, model_config: Any, role: str) -> tuple[int, int]:
    """Inputs and outputs of the linear layer with this role in ``linears``."""
    hidden, wide = int(model_config.hidden_size), int(getattr(model_config, places.intermediate_size))
    shapes = {
        "query_key_value": (hidden, 3 * hidden),
        "intermediate": (hidden, 2 * wide if places.gated else wide),
        "output": (wide, hidden),
    }
    return shapes.get(role, (hidden, hidden))
