"""AdapterFusion: attention over what several adapters would add (Pfeiffer et al., 2021, arXiv 2005.00247).

A fusion acts at blocks: those where a branch acts. AdapterHub's configuration does not name them, its file has their
tensors; here they are the setting ``sites``, which is not written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hubkit.adapter.method import Config, Shapes, random_tensors, setting_problems
from hubkit.adapter.sites import Fusion as FusionSite
from hubkit.adapter.sites import Site
from hubkit.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hubkit.core.architecture import Architecture

NAME, SITES = "fusion", "sites"
_DEFAULTS: Mapping[str, Any] = {
    "dropout_prob": None,
    "key": True,
    "query": True,
    "query_before_ln": False,
    "regularization": True,
    "residual_before": False,
    "temperature": False,
    "value": True,
    "value_before_softmax": True,
    "value_initialized": True,
}
# About training, but for the order of softmax and value, which makes no difference: the value is a matrix without bias.
_FREE = {"dropout_prob", "regularization", "value_before_softmax", "value_initialized"}
_MARK, _THEIRS = ".fusion.", ".adapter_fusion_layer."
_ALMOST_ZERO = 1e-6  # off the diagonal of a value matrix that was not trained


class Fusion:
    """Query, key and value matrices at every block where a branch acts. It has no strength of its own."""

    name = NAME
    strength_is_scaling = False

    def adapterhub_config(self, **hyperparameters: Any) -> dict[str, Any]:
        if unknown := sorted(set(hyperparameters) - {"regularization", SITES}):
            raise UsageError(
                f"fusion has no hyperparameter {', '.join(unknown)}.",
                "It has regularization, and is trained over adapters that are there: `hubkit fuse`.",
            )
        config = {**_DEFAULTS, **hyperparameters}
        if problems := self.problems(config):
            raise UsageError(f"This fusion configuration cannot be used: {'; '.join(problems)}.", "Correct it.")
        return config

    def problems(self, config: Config) -> list[str]:
        found = setting_problems(without_sites(config), _DEFAULTS, _FREE)
        sites = config.get(SITES, [""])
        if not isinstance(sites, list) or not sites or not all(isinstance(site, str) for site in sites):
            found.append(f"sites must name blocks, not {sites!r}")
        return found

    def expected_tensors(self, config: Config, model_config: Any, architecture: Architecture) -> Shapes:
        hidden, shapes = int(model_config.hidden_size), Shapes()
        blocks = list(_blocks(model_config, architecture))
        last = architecture.blocks["output"].site
        for site in config.get(SITES) or [block for block in blocks if block.endswith(f".{last}")]:
            for part in ("query", "key", "value"):
                shapes[f"{site}{_MARK}{part}.weight"] = (hidden, hidden)
                if part != "value":
                    shapes[f"{site}{_MARK}{part}.bias"] = (hidden,)
        return shapes

    def to_adapterhub(self, key: str, adapter: str) -> str:
        return key.replace(_MARK, f"{_THEIRS}{adapter}.", 1)

    def from_adapterhub(self, tensor: str, adapter: str) -> str:
        return tensor.replace(f"{_THEIRS}{adapter}.", _MARK, 1)

    def base_scaling(self, config: Config) -> float:
        return 1.0

    def with_scaling(self, config: Config, value: float) -> dict[str, Any]:
        if value != 1.0:
            raise UsageError(f"A fusion configuration cannot say a scaling of {value}.", "Give its branches strengths.")
        return dict(config)

    def sites(self, config: Config, tensors: Mapping[str, Tensor], architecture: Architecture) -> dict[str, Site]:
        return {
            site: FusionSite(
                query=tensors[f"{site}{_MARK}query.weight"],
                query_bias=tensors[f"{site}{_MARK}query.bias"],
                key=tensors[f"{site}{_MARK}key.weight"],
                key_bias=tensors[f"{site}{_MARK}key.bias"],
                value=tensors[f"{site}{_MARK}value.weight"],
            )
            for site in dict.fromkeys(key.partition(_MARK)[0] for key in tensors)
        }

    def initial_tensors(
        self,
        config: Config,
        model_config: Any,
        architecture: Architecture,
        generator: torch.Generator,
        scale_like: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Where training begins: small queries and keys, so that all branches weigh the same, and values left alone.

        With ``scale_like`` noise in all of them.
        """
        import torch

        drawn = random_tensors(self.expected_tensors(config, model_config, architecture), generator, scale_like)
        if scale_like is not None:
            return drawn
        for key, tensor in drawn.items():
            if key.endswith(".bias"):
                tensor.zero_()
            elif key.endswith("value.weight"):
                drawn[key] = torch.full_like(tensor, _ALMOST_ZERO).fill_diagonal_(1.0)
        return drawn


def without_sites(config: Config) -> dict[str, Any]:
    """The configuration as AdapterHub has it."""
    return {key: value for key, value in config.items() if key != SITES}


def with_sites(
    config: Config, names: Collection[str], adapter: str, model_config: Any, architecture: Architecture
) -> dict[str, Any]:
    """The configuration with the blocks that a file with tensors of these names has."""
    ending = f"{_THEIRS}{adapter}.query.weight"
    sites = [site for site in _blocks(model_config, architecture) if f"{site}{ending}" in names]
    return {**config, SITES: sites} if sites else dict(config)


def _blocks(model_config: Any, architecture: Architecture) -> Iterator[str]:
    """Every block of the model, from the first to the last."""
    for layer in range(int(model_config.num_hidden_layers)):
        for block in architecture.blocks.values():
            yield f"{architecture.layers}.{layer}.{block.site}"
