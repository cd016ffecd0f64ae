"""What an adapter method is: its AdapterHub configuration, its tensors, and what they do where."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from hubkit.errors import HubkitError
from hubkit.plugins import OWN, make_registered, registered

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hubkit.adapter.sites import Site
    from hubkit.core.architecture import Architecture

log = logging.getLogger("hubkit")
Config = Mapping[str, Any]
"""The inner ``config`` object of an AdapterHub ``adapter_config.json``."""
Shapes = dict[str, tuple[int, ...]]
_INITIAL = {"dropout", "init_weights", "init_weights_seed", "stochastic_depth"}


class Method(Protocol):
    """One adapter method. Tensor keys are AdapterHub's names without the part that holds the adapter's name."""

    name: str

    @property
    def strength_is_scaling(self) -> bool:
        """Whether a factor on all that an adapter does can be said by its configuration's scaling."""

    def adapterhub_config(self, **hyperparameters: Any) -> dict[str, Any]:
        """The full AdapterHub configuration. Raises :class:`hubkit.errors.UsageError` for an unknown hyperparameter."""

    def problems(self, config: Config) -> list[str]:
        """Why this configuration cannot be used, as sentences; empty when it can."""

    def expected_tensors(self, config: Config, model_config: Any, architecture: Architecture) -> Shapes:
        """Key and shape of every tensor that an adapter of this configuration has on this core."""

    def to_adapterhub(self, key: str, adapter: str) -> str:
        """The tensor's name in an AdapterHub file of an adapter with this name."""

    def from_adapterhub(self, tensor: str, adapter: str) -> str:
        """The inverse of :meth:`to_adapterhub`; a name that is not of this form comes back as it is."""

    def base_scaling(self, config: Config) -> float:
        """The factor on the adapter's output that the configuration asks for."""

    def with_scaling(self, config: Config, value: float) -> dict[str, Any]:
        """A copy of the configuration whose :meth:`base_scaling` is ``value``."""

    def sites(self, config: Config, tensors: Mapping[str, Tensor], architecture: Architecture) -> dict[str, Site]:
        """Module path in the core → what happens there; the scaling of ``config`` is the site's ``factor``."""

    def initial_tensors(
        self,
        config: Config,
        model_config: Any,
        architecture: Architecture,
        generator: torch.Generator,
        scale_like: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """A random adapter of the same shapes; with ``scale_like``, each tensor with the deviation of that one."""


def method(name: str) -> Method:
    """The registered method ``name``. Raises :class:`hubkit.errors.NotFoundError` that lists the known ones."""
    found: Method = make_registered("methods", name)
    return found


def method_of(config: Config) -> str | None:
    """The registered method that runs this configuration, hubkit's own before a plugin's; None when none does.

    A plugin's method that fails, or that says of its problems anything but a list, runs nothing.
    """
    known = registered("methods")
    for name in sorted(known, key=lambda name: known[name].plugin != OWN):
        try:
            problems = known[name].run(lambda: method(name).problems(copy.deepcopy(config)))  # noqa: B023 - called here
        except HubkitError as error:
            log.warning("method %s is not asked: %s", name, error.what)
            continue
        if isinstance(problems, list) and not problems:
            return name
    return None


def layers_of(config: Config, model_config: Any) -> list[int]:
    """Numbers of the layers that have this adapter, lowest first."""
    left_out = set(config.get("leave_out") or ())
    return [layer for layer in range(int(model_config.num_hidden_layers)) if layer not in left_out]


def setting_problems(config: Config, defaults: Config, free: Collection[str]) -> list[str]:
    """Sentences for settings that are unknown, missing, or differ from the only supported value.

    The settings in ``free`` and those about initialisation and dropout, which a trained adapter no longer needs, may
    have any value of the default's type.
    """
    found = []
    if extra := sorted(map(str, set(config) - set(defaults))):
        found.append(f"it has unknown settings: {', '.join(extra)}")
    if missing := sorted(set(defaults) - set(config)):
        found.append(f"it lacks settings: {', '.join(missing)}")
    for key in sorted(set(defaults) & set(config)):
        value, default = config[key], defaults[key]
        if key in free or key in _INITIAL:
            if default is not None and not isinstance(value, type(default)) and type(default) in (bool, list, str):
                found.append(f"{key} must be a {type(default).__name__}, not {value!r}")
        elif value != default or isinstance(value, bool) != isinstance(default, bool):
            found.append(f"{key}={value!r} is not supported, only {default!r}")
    leave_out = config.get("leave_out")
    if isinstance(leave_out, list) and not all(type(layer) is int and layer >= 0 for layer in leave_out):
        found.append(f"leave_out must hold layer numbers, not {leave_out!r}")
    return found


def is_finite(value: object) -> TypeGuard[float]:
    """Whether a setting is a finite number; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def random_tensors(
    shapes: Shapes, generator: torch.Generator, scale_like: Mapping[str, Tensor] | None = None, std: float = 0.02
) -> dict[str, Tensor]:
    """Normal tensors of these shapes, float32, drawn in order of key; see :meth:`Method.initial_tensors`."""
    import torch

    drawn = {}
    for key in sorted(shapes):
        deviation = std if scale_like is None else float(scale_like[key].float().std(unbiased=False))
        drawn[key] = torch.randn(shapes[key], generator=generator) * deviation
    return drawn
