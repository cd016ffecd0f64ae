"""Which linear layers a LoRA-like AdapterHub configuration adapts, and which parts of a joint query-key-value layer.

Such a layer gives query, key and value one after another, each a third of its output. AdapterHub keeps the matrices
for the thirds that ``attn_matrices`` names, in this order and whatever the order of the setting.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubkit.adapter.method import Config, layers_of
from hubkit.core.architecture import linear_shape

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.core.architecture import Architecture

_ATTENTION = {"q": "query", "k": "key", "v": "value"}
_JOINT = "query_key_value"


@dataclass(frozen=True, slots=True)
class AdaptedLinear:
    """A linear layer with its widths; of its outputs ``outputs`` in all, in ``parts`` equal parts, are adapted."""

    path: str
    inputs: int
    outputs: int
    parts: int = 1


def adapted_linears(config: Config, model_config: Any, architecture: Architecture) -> Iterator[AdaptedLinear]:
    """The layers that have this adapter, from the first to the last."""
    for layer in layers_of(config, model_config):
        for role in _roles(config, architecture):
            inputs, outputs = linear_shape(architecture, model_config, role)
            parts = len(_thirds(config)) if role == _JOINT else 1
            adapted = outputs // 3 * parts if role == _JOINT else outputs
            yield AdaptedLinear(f"{architecture.layers}.{layer}.{architecture.linears[role]}", inputs, adapted, parts)


def joint_thirds(path: str, config: Config, architecture: Architecture) -> list[int] | None:
    """Which thirds of a joint query-key-value layer are adapted, 0 to 2; None when the layer is none."""
    joint = architecture.linears.get(_JOINT)
    return _thirds(config) if joint is not None and path.endswith(f".{joint}") else None


def in_thirds(blocks: Tensor, thirds: list[int], fill: float) -> Tensor:
    """Rows (n, outputs/3, …) of the adapted thirds → (outputs, …), with ``fill`` in the other rows."""
    whole = blocks.new_full((3, *blocks.shape[1:]), fill)
    whole[thirds] = blocks
    return whole.flatten(0, 1)


def linear_problems(config: Config) -> list[str]:
    """Sentences for ``attn_matrices``."""
    letters = config.get("attn_matrices")
    if isinstance(letters, list) and any(letter not in ("q", "k", "v") for letter in letters):
        return [f"attn_matrices may hold q, k and v, not {letters!r}"]
    if letters == [] and config.get("selfattn_lora"):
        return ["attn_matrices must name at least one of q, k and v, or selfattn_lora be false"]
    return []


def to_adapterhub(key: str, adapter: str) -> str:
    """The name in an AdapterHub file."""
    site, _, matrix = key.rpartition(".")
    return f"{site}.loras.{adapter}.{matrix}"


def from_adapterhub(tensor: str, adapter: str) -> str:
    """The inverse of :func:`to_adapterhub`."""
    return tensor.replace(f".loras.{adapter}.", ".", 1)


def _roles(config: Config, architecture: Architecture) -> list[str]:
    roles = []
    if config["selfattn_lora"]:
        separate = [role for letter, role in _ATTENTION.items() if letter in config["attn_matrices"]]
        roles += [_JOINT] if _JOINT in architecture.linears else separate
    roles += ["intermediate"] if config["intermediate_lora"] else []
    return roles + (["output"] if config["output_lora"] else [])


def _thirds(config: Config) -> list[int]:
    return [index for index, letter in enumerate(_ATTENTION) if letter in config["attn_matrices"]]
