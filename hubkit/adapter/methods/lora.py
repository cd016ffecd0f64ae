"""LoRA on the linear layers of attention and feed-forward blocks (Hu et al., 2021, arXiv 2106.09685)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hubkit.adapter.method import Config, Shapes, is_finite, layers_of, random_tensors, setting_problems
from hubkit.adapter.sites import LowRank
from hubkit.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hubkit.core.architecture import Architecture

_DEFAULTS: Mapping[str, Any] = {
    "alpha": 32,
    "architecture": "lora",
    "attn_matrices": ["q", "k", "v"],
    "composition_mode": "add",
    "dropout": 0.0,
    "dtype": None,
    "init_weights": "lora",
    "init_weights_seed": None,
    "intermediate_lora": True,
    "leave_out": [],
    "output_lora": True,
    "r": 16,
    "selfattn_lora": True,
    "use_dora": False,
    "use_gating": False,
    "vera_b": None,
    "vera_d": None,
}
_FREE = {"alpha", "attn_matrices", "intermediate_lora", "leave_out", "output_lora", "r", "selfattn_lora"}
_ATTENTION = {"q": "query", "k": "key", "v": "value"}


class Lora:
    """Rank ``r`` (16) with output factor ``alpha / r`` (2), on query, key, value and both feed-forward layers."""

    name = "lora"

    def adapterhub_config(self, **hyperparameters: Any) -> dict[str, Any]:
        if unknown := sorted(set(hyperparameters) - {"r", "alpha", "dropout", "attn_matrices", "leave_out"}):
            raise UsageError(
                f"lora has no hyperparameter {', '.join(unknown)}.",
                "It has r, alpha, dropout, attn_matrices and leave_out.",
            )
        config = {**_DEFAULTS, **hyperparameters}
        if "alpha" not in hyperparameters:
            config["alpha"] = 2 * config["r"]
        if problems := self.problems(config):
            raise UsageError(f"This lora configuration cannot be used: {'; '.join(problems)}.", "Correct it.")
        return config

    def problems(self, config: Config) -> list[str]:
        found = setting_problems(config, _DEFAULTS, _FREE)
        if not is_finite(rank := config.get("r")) or not isinstance(rank, int) or rank < 1:
            found.append(f"r must be a positive integer, not {rank!r}")
        if not is_finite(alpha := config.get("alpha")):
            found.append(f"alpha must be a finite number, not {alpha!r}")
        letters = config.get("attn_matrices")
        if isinstance(letters, list) and any(letter not in ("q", "k", "v") for letter in letters):
            found.append(f"attn_matrices may hold q, k and v, not {letters!r}")
        return found

    def _roles(self, config: Config) -> list[str]:
        roles = [_ATTENTION[letter] for letter in config["attn_matrices"]] if config["selfattn_lora"] else []
        roles += ["intermediate"] if config["intermediate_lora"] else []
        return roles + (["output"] if config["output_lora"] else [])

    def expected_tensors(self, config: Config, model_config: Any, architecture: Architecture) -> Shapes:
        hidden, wide, rank = int(model_config.hidden_size), int(model_config.intermediate_size), config["r"]
        widths = {"intermediate": (hidden, wide), "output": (wide, hidden)}
        shapes: Shapes = {}
        for layer in layers_of(config, model_config):
            for role in self._roles(config):
                site = f"{architecture.layers}.{layer}.{architecture.linears[role]}"
                inputs, outputs = widths.get(role, (hidden, hidden))
                shapes[f"{site}.lora_A"] = (rank, inputs)
                shapes[f"{site}.lora_B"] = (outputs, rank)
        return shapes

    def to_adapterhub(self, key: str, adapter: str) -> str:
        site, _, matrix = key.rpartition(".")
        return f"{site}.loras.{adapter}.{matrix}"

    def from_adapterhub(self, tensor: str, adapter: str) -> str:
        return tensor.replace(f".loras.{adapter}.", ".")

    def base_scaling(self, config: Config) -> float:
        return float(config["alpha"] / config["r"])

    def with_scaling(self, config: Config, value: float) -> dict[str, Any]:
        return {**config, "alpha": value * config["r"]}

    def sites(self, config: Config, tensors: Mapping[str, Tensor]) -> dict[str, LowRank]:
        scaling = self.base_scaling(config)
        return {
            (site := key.removesuffix(".lora_A")): LowRank(down, tensors[f"{site}.lora_B"] * scaling)
            for key, down in tensors.items()
            if key.endswith(".lora_A")
        }

    def initial_tensors(
        self,
        config: Config,
        model_config: Any,
        architecture: Architecture,
        generator: torch.Generator,
        scale_like: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        return random_tensors(self.expected_tensors(config, model_config, architecture), generator, scale_like)
