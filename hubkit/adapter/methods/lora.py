"""LoRA on the linear layers of attention and feed-forward blocks (Hu et al., 2021, arXiv 2106.09685)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hubkit.adapter.method import Config, Shapes, is_finite, random_tensors, setting_problems
from hubkit.adapter.methods import linears
from hubkit.adapter.sites import LowRank, Site
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


class Lora:
    """Rank ``r`` (16) with output factor ``alpha / r`` (2), on query, key, value and both feed-forward layers."""

    name = "lora"
    strength_is_scaling = True

    def adapterhub_config(self, **hyperparameters: Any) -> dict[str, Any]:
        if unknown := sorted(set(hyperparameters) - {"r", "alpha", "attn_matrices", "leave_out"}):
            raise UsageError(
                f"lora has no hyperparameter {', '.join(unknown)}.",
                "It has r, alpha, attn_matrices and leave_out.",
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
        return found + linears.linear_problems(config)

    def expected_tensors(self, config: Config, model_config: Any, architecture: Architecture) -> Shapes:
        shapes: Shapes = {}
        for linear in linears.adapted_linears(config, model_config, architecture):
            shapes[f"{linear.path}.lora_A"] = (config["r"] * linear.parts, linear.inputs)
            shapes[f"{linear.path}.lora_B"] = (linear.outputs, config["r"])
        return shapes

    def to_adapterhub(self, key: str, adapter: str) -> str:
        return linears.to_adapterhub(key, adapter)

    def from_adapterhub(self, tensor: str, adapter: str) -> str:
        return linears.from_adapterhub(tensor, adapter)

    def base_scaling(self, config: Config) -> float:
        return float(config["alpha"] / config["r"])

    def with_scaling(self, config: Config, value: float) -> dict[str, Any]:
        return {**config, "alpha": value * config["r"]}

    def sites(self, config: Config, tensors: Mapping[str, Tensor], architecture: Architecture) -> dict[str, Site]:
        found: dict[str, Site] = {}
        for key, down in tensors.items():
            if key.endswith(".lora_A"):
                path = key.removesuffix(".lora_A")
                up = tensors[f"{path}.lora_B"]
                if (thirds := linears.joint_thirds(path, config, architecture)) is not None:
                    up = _joint_up(up, thirds)
                found[path] = LowRank(down, up, self.base_scaling(config))
        return found

    def initial_tensors(
        self,
        config: Config,
        model_config: Any,
        architecture: Architecture,
        generator: torch.Generator,
        scale_like: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        return random_tensors(self.expected_tensors(config, model_config, architecture), generator, scale_like)


def _joint_up(up: Tensor, thirds: list[int]) -> Tensor:
    """Matrices (n · out/3, r) of n thirds, one below another → one (out, n · r) where each has columns of its own."""
    blocks = up.view(len(thirds), -1, up.shape[1])
    spread = blocks.new_zeros(*blocks.shape[:2], len(thirds), blocks.shape[2])
    for index, block in enumerate(blocks):
        spread[index, :, index] = block
    return linears.in_thirds(spread.flatten(2), thirds, 0.0)
