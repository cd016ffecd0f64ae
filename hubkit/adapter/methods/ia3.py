"""(IA)³: a trained factor on every key, value and feed-forward activation (Liu et al., 2022, arXiv 2205.05638)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hubkit.adapter.method import Config, Shapes, is_finite, random_tensors, setting_problems
from hubkit.adapter.methods import linears
from hubkit.adapter.sites import Scale, Site
from hubkit.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hubkit.core.architecture import Architecture

_DEFAULTS: Mapping[str, Any] = {
    "alpha": 1,
    "architecture": "lora",
    "attn_matrices": ["k", "v"],
    "composition_mode": "scale",
    "dropout": 0.0,
    "dtype": None,
    "init_weights": "ia3",
    "init_weights_seed": None,
    "intermediate_lora": True,
    "leave_out": [],
    "output_lora": False,
    "r": 1,
    "selfattn_lora": True,
    "use_dora": False,
    "use_gating": False,
    "vera_b": None,
    "vera_d": None,
}
_FREE = {"alpha", "attn_matrices", "intermediate_lora", "leave_out", "output_lora", "selfattn_lora"}
_KNOWN = {"attn_matrices", "leave_out"}
_ENDING = ".lora_B"


class Ia3:
    """The activations times ``alpha`` (1) times the trained vector, at key, value and the first feed-forward layer.

    ``alpha`` is a factor on the vector, not on what it changes, so it cannot carry a strength.
    """

    name = "ia3"
    strength_is_scaling = False

    def adapterhub_config(self, **hyperparameters: Any) -> dict[str, Any]:
        if unknown := sorted(set(hyperparameters) - _KNOWN):
            raise UsageError(f"ia3 has no hyperparameter {', '.join(unknown)}.", f"It has {', '.join(sorted(_KNOWN))}.")
        config = {**_DEFAULTS, **hyperparameters}
        if problems := self.problems(config):
            raise UsageError(f"This ia3 configuration cannot be used: {'; '.join(problems)}.", "Correct it.")
        return config

    def problems(self, config: Config) -> list[str]:
        found = setting_problems(config, _DEFAULTS, _FREE)
        if not is_finite(alpha := config.get("alpha")):
            found.append(f"alpha must be a finite number, not {alpha!r}")
        if config.get("dropout", 0.0) != 0.0:
            found.append(f"dropout={config['dropout']!r} is not supported, only 0.0")
        return found + linears.linear_problems(config)

    def expected_tensors(self, config: Config, model_config: Any, architecture: Architecture) -> Shapes:
        adapted = linears.adapted_linears(config, model_config, architecture)
        return {f"{linear.path}{_ENDING}": (linear.outputs, 1) for linear in adapted}

    def to_adapterhub(self, key: str, adapter: str) -> str:
        return linears.to_adapterhub(key, adapter)

    def from_adapterhub(self, tensor: str, adapter: str) -> str:
        return linears.from_adapterhub(tensor, adapter)

    def base_scaling(self, config: Config) -> float:
        return 1.0

    def with_scaling(self, config: Config, value: float) -> dict[str, Any]:
        if value != 1.0:
            raise UsageError(f"An ia3 configuration cannot say a scaling of {value}.", "Use 1 and a strength.")
        return dict(config)

    def sites(self, config: Config, tensors: Mapping[str, Tensor], architecture: Architecture) -> dict[str, Site]:
        found: dict[str, Site] = {}
        for key, vector in tensors.items():
            path, scale = key.removesuffix(_ENDING), vector.flatten()
            if (thirds := linears.joint_thirds(path, config, architecture)) is not None:
                scale = linears.in_thirds(scale.view(len(thirds), -1), thirds, 1.0)
            found[path] = Scale(scale * config["alpha"])
        return found

    def initial_tensors(
        self,
        config: Config,
        model_config: Any,
        architecture: Architecture,
        generator: torch.Generator,
        scale_like: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Around 1, where nothing changes."""
        shapes = self.expected_tensors(config, model_config, architecture)
        return {key: 1 + noise for key, noise in random_tensors(shapes, generator, scale_like).items()}
