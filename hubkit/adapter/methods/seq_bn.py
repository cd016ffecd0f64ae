"""A sequential bottleneck after the feed-forward block of each layer (Pfeiffer et al., 2020, arXiv 2005.00247)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hubkit.adapter.method import Config, Shapes, is_finite, layers_of, random_tensors, setting_problems
from hubkit.adapter.sites import Bottleneck
from hubkit.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hubkit.core.architecture import Architecture

ACTIVATIONS = ("relu", "gelu", "gelu_new", "silu", "swish", "tanh", "leakyrelu")
_DEFAULTS: Mapping[str, Any] = {
    "adapter_residual_before_ln": False,
    "cross_adapter": False,
    "dropout": 0.0,
    "factorized_phm_W": True,
    "factorized_phm_rule": False,
    "hypercomplex_nonlinearity": "glorot-uniform",
    "init_weights": "bert",
    "init_weights_seed": None,
    "inv_adapter": None,
    "inv_adapter_reduction_factor": None,
    "is_parallel": False,
    "learn_phm": True,
    "leave_out": [],
    "ln_after": False,
    "ln_before": False,
    "mh_adapter": False,
    "non_linearity": "relu",
    "original_ln_after": True,
    "original_ln_before": True,
    "output_adapter": True,
    "phm_bias": True,
    "phm_c_init": "normal",
    "phm_dim": 4,
    "phm_init_range": 0.0001,
    "phm_layer": False,
    "phm_rank": 1,
    "reduction_factor": 2,
    "residual_before_ln": True,
    "scaling": 1.0,
    "shared_W_phm": False,
    "shared_phm_rule": True,
    "stochastic_depth": 0.0,
    "use_gating": False,
}
_FREE = {"leave_out", "non_linearity", "reduction_factor", "scaling"}


class SeqBn:
    """Width ``hidden / reduction_factor`` (factor 2), activation ``non_linearity`` (relu), factor ``scaling`` (1)."""

    name = "seq_bn"

    def adapterhub_config(self, **hyperparameters: Any) -> dict[str, Any]:
        known = {"reduction_factor", "non_linearity", "scaling", "dropout", "leave_out"}
        if unknown := sorted(set(hyperparameters) - known):
            raise UsageError(
                f"seq_bn has no hyperparameter {', '.join(unknown)}.", f"It has {', '.join(sorted(known))}."
            )
        config = {**_DEFAULTS, **hyperparameters}
        config["scaling"] = float(config["scaling"])
        if problems := self.problems(config):
            raise UsageError(f"This seq_bn configuration cannot be used: {'; '.join(problems)}.", "Correct it.")
        return config

    def problems(self, config: Config) -> list[str]:
        found = setting_problems(config, _DEFAULTS, _FREE)
        if not is_finite(scaling := config.get("scaling")) or not isinstance(scaling, float):
            found.append(f"scaling must be a finite float, not {scaling!r}")
        if not is_finite(factor := config.get("reduction_factor")) or factor <= 0:
            found.append(f"reduction_factor must be a positive number, not {factor!r}")
        if config.get("non_linearity") not in ACTIVATIONS:
            found.append(f"non_linearity must be one of {', '.join(ACTIVATIONS)}, not {config.get('non_linearity')!r}")
        return found

    def expected_tensors(self, config: Config, model_config: Any, architecture: Architecture) -> Shapes:
        hidden = int(model_config.hidden_size)
        width = max(1, int(hidden // config["reduction_factor"]))
        shapes: Shapes = {}
        for layer in layers_of(config, model_config):
            site = f"{architecture.layers}.{layer}.{architecture.output}"
            shapes[f"{site}.adapter_down.0.weight"] = (width, hidden)
            shapes[f"{site}.adapter_down.0.bias"] = (width,)
            shapes[f"{site}.adapter_up.weight"] = (hidden, width)
            shapes[f"{site}.adapter_up.bias"] = (hidden,)
        return shapes

    def to_adapterhub(self, key: str, adapter: str) -> str:
        site, part, rest = key.partition(".adapter_")
        return f"{site}.adapters.{adapter}{part}{rest}"

    def from_adapterhub(self, tensor: str, adapter: str) -> str:
        return tensor.replace(f".adapters.{adapter}.", ".")

    def base_scaling(self, config: Config) -> float:
        return float(config["scaling"])

    def with_scaling(self, config: Config, value: float) -> dict[str, Any]:
        return {**config, "scaling": float(value)}

    def sites(self, config: Config, tensors: Mapping[str, Tensor]) -> dict[str, Bottleneck]:
        scaling, ending = self.base_scaling(config), ".adapter_down.0.weight"
        return {
            (site := key.removesuffix(ending)): Bottleneck(
                down=down,
                down_bias=tensors[f"{site}.adapter_down.0.bias"],
                up=tensors[f"{site}.adapter_up.weight"] * scaling,
                up_bias=tensors[f"{site}.adapter_up.bias"] * scaling,
                activation=config["non_linearity"],
            )
            for key, down in tensors.items()
            if key.endswith(ending)
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
