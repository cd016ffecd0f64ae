"""Bottlenecks beside or after the blocks of a layer: four AdapterHub methods, which differ in a few settings alone.

An AdapterHub configuration says all of it: ``output_adapter`` and ``mh_adapter`` at which blocks, ``is_parallel`` and
``original_ln_before`` what the bottleneck reads, ``inv_adapter`` whether there is a coupling at the embeddings too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubkit.adapter.method import Config, Shapes, is_finite, layers_of, random_tensors, setting_problems
from hubkit.adapter.sites import Bottleneck, Coupling, Reads, Site
from hubkit.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hubkit.core.architecture import Architecture, BlockName

ACTIVATIONS = ("relu", "gelu", "gelu_new", "silu", "swish", "tanh", "leakyrelu")
_COMMON: Mapping[str, Any] = {
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
    "original_ln_before": False,
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
_HYPERPARAMETERS = {"reduction_factor", "non_linearity", "scaling", "leave_out"}
_FREE = {"leave_out", "non_linearity", "reduction_factor", "scaling"}
_INVERTIBLE, _INVERTIBLE_FACTOR = "invertible_adapters.", "inv_adapter_reduction_factor"
_DOWN = ".adapter_down.0.weight"


@dataclass(frozen=True)
class BottleneckMethod:
    """One of the four: ``own`` holds what it sets otherwise than the rest."""

    name: str
    own: Mapping[str, Any]

    @property
    def defaults(self) -> dict[str, Any]:
        """The whole AdapterHub configuration."""
        return {**_COMMON, **self.own}

    @property
    def strength_is_scaling(self) -> bool:
        return self.defaults["inv_adapter"] is None

    def _with_factor(self, names: set[str]) -> set[str]:
        return names if self.strength_is_scaling else names | {_INVERTIBLE_FACTOR}

    def adapterhub_config(self, **hyperparameters: Any) -> dict[str, Any]:
        known = self._with_factor(_HYPERPARAMETERS)
        if unknown := sorted(set(hyperparameters) - known):
            raise UsageError(
                f"{self.name} has no hyperparameter {', '.join(unknown)}.", f"It has {', '.join(sorted(known))}."
            )
        config = {**self.defaults, **hyperparameters}
        if is_finite(config["scaling"]):
            config["scaling"] = float(config["scaling"])
        if problems := self.problems(config):
            raise UsageError(f"This {self.name} configuration cannot be used: {'; '.join(problems)}.", "Correct it.")
        return config

    def problems(self, config: Config) -> list[str]:
        found = setting_problems(config, self.defaults, self._with_factor(_FREE))
        if not is_finite(scaling := config.get("scaling")) or not isinstance(scaling, float):
            found.append(f"scaling must be a finite float, not {scaling!r}")
        for key in sorted(self._with_factor({"reduction_factor"})):
            if not is_finite(factor := config.get(key)) or factor <= 0:
                one = ", one for all layers" if isinstance(factor, Mapping) else ""
                found.append(f"{key} must be a positive number{one}, not {factor!r}")
        if config.get("non_linearity") not in ACTIVATIONS:
            found.append(f"non_linearity must be one of {', '.join(ACTIVATIONS)}, not {config.get('non_linearity')!r}")
        return found

    def expected_tensors(self, config: Config, model_config: Any, architecture: Architecture) -> Shapes:
        hidden = int(model_config.hidden_size)
        width = max(1, int(hidden // config["reduction_factor"]))
        shapes: Shapes = _coupling_shapes(config, hidden) if config["inv_adapter"] else {}
        for layer in layers_of(config, model_config):
            for block in _blocks(config):
                site = f"{architecture.layers}.{layer}.{architecture.blocks[block].site}"
                shapes[f"{site}{_DOWN}"] = (width, hidden)
                shapes[f"{site}.adapter_down.0.bias"] = (width,)
                shapes[f"{site}.adapter_up.weight"] = (hidden, width)
                shapes[f"{site}.adapter_up.bias"] = (hidden,)
        return shapes

    def to_adapterhub(self, key: str, adapter: str) -> str:
        if key.startswith(_INVERTIBLE):
            return f"{_INVERTIBLE}{adapter}.{key.removeprefix(_INVERTIBLE)}"
        site, part, rest = key.partition(".adapter_")
        return f"{site}.adapters.{adapter}{part}{rest}"

    def from_adapterhub(self, tensor: str, adapter: str) -> str:
        if tensor.startswith(whose := f"{_INVERTIBLE}{adapter}."):
            return _INVERTIBLE + tensor.removeprefix(whose)
        return tensor.replace(f".adapters.{adapter}.", ".", 1)

    def base_scaling(self, config: Config) -> float:
        return float(config["scaling"])

    def with_scaling(self, config: Config, value: float) -> dict[str, Any]:
        return {**config, "scaling": float(value)}

    def sites(self, config: Config, tensors: Mapping[str, Tensor], architecture: Architecture) -> dict[str, Site]:
        found: dict[str, Site] = {}
        if config["inv_adapter"]:
            found[architecture.embeddings] = _coupling(config, tensors)
        for key, down in tensors.items():
            if key.endswith(_DOWN):
                site = key.removesuffix(_DOWN)
                found[site] = Bottleneck(
                    down=down,
                    down_bias=tensors[f"{site}.adapter_down.0.bias"],
                    up=tensors[f"{site}.adapter_up.weight"],
                    up_bias=tensors[f"{site}.adapter_up.bias"],
                    activation=config["non_linearity"],
                    reads=_reads(config),
                    factor=self.base_scaling(config),
                )
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


def _blocks(config: Config) -> list[BlockName]:
    at: list[BlockName] = ["attention"] if config["mh_adapter"] else []
    return [*at, "output"] if config["output_adapter"] else at


def _reads(config: Config) -> Reads:
    if config["is_parallel"]:
        return "residual"
    return "norm" if config["original_ln_before"] else "hidden"


def _coupling_shapes(config: Config, hidden: int) -> Shapes:
    """F leads from the second half to the first, G back; each is narrowed by the factor of its own input."""
    first, second, factor = hidden // 2, hidden - hidden // 2, config[_INVERTIBLE_FACTOR]
    shapes: Shapes = {}
    for network, inputs, outputs in (("F", second, first), ("G", first, second)):
        width = int(inputs // factor)
        shapes[f"{_INVERTIBLE}{network}.0.weight"] = (width, inputs)
        shapes[f"{_INVERTIBLE}{network}.0.bias"] = (width,)
        shapes[f"{_INVERTIBLE}{network}.2.weight"] = (outputs, width)
        shapes[f"{_INVERTIBLE}{network}.2.bias"] = (outputs,)
    return shapes


def _coupling(config: Config, tensors: Mapping[str, Tensor]) -> Coupling:
    return Coupling(
        f_down=tensors[f"{_INVERTIBLE}F.0.weight"],
        f_down_bias=tensors[f"{_INVERTIBLE}F.0.bias"],
        f_up=tensors[f"{_INVERTIBLE}F.2.weight"],
        f_up_bias=tensors[f"{_INVERTIBLE}F.2.bias"],
        g_down=tensors[f"{_INVERTIBLE}G.0.weight"],
        g_down_bias=tensors[f"{_INVERTIBLE}G.0.bias"],
        g_up=tensors[f"{_INVERTIBLE}G.2.weight"],
        g_up_bias=tensors[f"{_INVERTIBLE}G.2.bias"],
        activation=config["non_linearity"],
    )


def seq_bn() -> BottleneckMethod:
    """After the feed-forward block, reading the norm's output (Pfeiffer et al., 2020, arXiv 2005.00247)."""
    return BottleneckMethod("seq_bn", {"original_ln_before": True})


def seq_bn_inv() -> BottleneckMethod:
    """seq_bn and an additive coupling (NICE) at the embeddings: MAD-X (Pfeiffer et al., 2020, arXiv 2005.00052)."""
    own = {"original_ln_before": True, "inv_adapter": "nice", _INVERTIBLE_FACTOR: 2}
    return BottleneckMethod("seq_bn_inv", own)


def double_seq_bn() -> BottleneckMethod:
    """After both blocks, reading what they computed; as large as seq_bn (Houlsby et al., 2019, arXiv 1902.00751)."""
    return BottleneckMethod("double_seq_bn", {"mh_adapter": True, "non_linearity": "swish", "reduction_factor": 4})


def par_bn() -> BottleneckMethod:
    """Beside the feed-forward block, reading its input (He et al., 2021, arXiv 2110.04366)."""
    return BottleneckMethod("par_bn", {"is_parallel": True, "init_weights": "mam_adapter", "scaling": 4.0})
