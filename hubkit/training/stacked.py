"""The network that training works on: hubkit's own runtime with one trainable adapter on top of a frozen recipe.

The frozen layers below the lowest trainable place get no gradient, and can be left out altogether where what they
compute is known (:mod:`hubkit.training.activations`).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from hubkit.adapter.method import method
from hubkit.core import load_model
from hubkit.core.architecture import architecture
from hubkit.errors import UsageError
from hubkit.runtime.forward import Pass
from hubkit.runtime.hooks import acting, install, places
from hubkit.runtime.program import Acts, Fuses, compile_program
from hubkit.runtime.stacks import OneRecipe, Resolving
from hubkit.training.backend import assert_unchanged, checksums, initial_tensors
from hubkit.training.recompute import recompute

if TYPE_CHECKING:
    from hubkit.adapter.sites import Site
    from hubkit.runtime.encoder import Encoder
    from hubkit.runtime.program import Layered, Program

_NAME = "trained"


class TrainableStack:
    """A frozen core, a frozen recipe ``under``, and a trainable adapter on top; see :class:`.backend.Trainable`.

    ``under`` may also be several recipes by name; their names are ``stacks``, and every pass names the one it goes
    through.

    The network shares its weights with ``encoder``'s. ``initial`` are the tensors to begin with, by the method's names;
    without them the adapter begins as ``adapters`` begins it. Raises :class:`UsageError` when ``initial`` does not fit,
    or when what lies under adds tokens.
    """

    def __init__(
        self, encoder: Encoder, method_name: str, config: Mapping[str, Any], seed: int,
        under: OneRecipe | Mapping[str, OneRecipe | None] | None = None, initial: Mapping[str, Tensor] | None = None,
    ) -> None:  # fmt: skip
        self.core, self.config = encoder.core, dict(config)
        chosen, where = method(method_name), architecture(self.core.model_type)
        self.model: Any = load_model(self.core, attention="eager")  # its backward is the faster one on CPU, measured
        self.model.load_state_dict(encoder.network.model.state_dict(), assign=True)
        device = encoder.network.bank.device
        nn.Module.to(self.model, device).requires_grad_(False)
        begun = initial_tensors(self.core, chosen, self.config, seed) if initial is None else dict(initial)
        _check_fits(begun, chosen.expected_tensors(self.config, self.model.config, where))
        self._parameters = {key: nn.Parameter(tensor.float().clone().to(device)) for key, tensor in begun.items()}
        self._method, self._where = chosen, where
        self.stacks = tuple(under) if isinstance(under, Mapping) else ()
        recipes = under if isinstance(under, Mapping) else {None: under}
        self._below = {name: _frozen_layers(encoder, recipe) for name, recipe in recipes.items()}
        self._placed = places(self.model, where)
        self._compiled = {name: self._compile(name) for name in self._below}
        install(self.model, self._placed, {place for one in self._compiled.values() for place in one.wanted})
        self._frozen = checksums(dict(self.model.named_parameters()))
        self.first_layer = min(_first_layer(one.heights, where.layers) for one in self._compiled.values())
        self._upper: _Upper | None = None

    def recompute(self) -> None:
        """From now on keep less of the forward pass, and compute the layers again in the backward pass."""
        recompute(list(self.model.get_submodule(self._where.layers))[self.first_layer :])

    def _compile(self, stack: str | None) -> Program:
        sites = self._method.sites(self.config, self._parameters, self._where)
        self._computed = any(_is_computed(site) for site in sites.values())
        return compile_program([(*self._below[stack], Acts(_NAME, sites))], self._placed, every_row=True)

    def _program(self, stack: str | None) -> Program:
        """What acts in the next forward pass: sites whose tensors are computed from the parameters are made anew."""
        if self._computed:
            self._compiled[stack] = self._compile(stack)
        return self._compiled[stack]

    def hidden(self, input_ids: Tensor, attention_mask: Tensor, stack: str | None = None) -> Tensor:
        """Token ids (b, t) and mask (b, t) → token vectors of the last layer (b, t, h), through one of ``stacks``."""
        with acting(Pass(self._program(stack))):
            hidden: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return hidden

    def from_layer(self, states: Tensor, attention_mask: Tensor, stack: str | None = None) -> Tensor:
        """What :meth:`hidden` gives when ``states`` (b, t, h) enter the layer ``first_layer``."""
        if self._upper is None:
            self._upper = _Upper(self.model, architecture(self.core.model_type), self.first_layer)
        with acting(Pass(self._program(stack))):
            return self._upper(states, attention_mask)

    def trainable(self) -> dict[str, nn.Parameter]:
        """The adapter's parameters by the method's names."""
        return self._parameters

    def adapter_tensors(self) -> dict[str, Tensor]:
        """Copies of the adapter's tensors under the names of :class:`hubkit.adapter.method.Method`."""
        return {key: parameter.detach().cpu().clone() for key, parameter in self._parameters.items()}

    def penalty(self) -> Tensor | None:
        """None: the loss is the objective's alone."""
        return None

    def assert_core_unchanged(self) -> None:
        """Raise :class:`VerificationError` unless every tensor of the core is bit-identical to what was loaded."""
        assert_unchanged(self._frozen, dict(self.model.named_parameters()))


def _check_fits(tensors: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]) -> None:
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    if shapes != dict(expected):
        other = sorted(key for key in {*shapes, *expected} if shapes.get(key) != expected.get(key))
        raise UsageError(
            f"The adapter to begin with has other tensors than this recipe's, {other[0]} for one.",
            "Take its method and hyperparameters into the recipe, or begin without it.",
        )


def _frozen_layers(encoder: Encoder, under: OneRecipe | None) -> Layered:
    if under is None:
        return ()
    with ExitStack() as held:
        resolving = Resolving(encoder.bank, held)
        layers, expanded = resolving.layers(under)
        if resolving.vocabulary() is not None:
            raise UsageError(f"{expanded} has an adapter that adds tokens.", "Train over one that adds none.")
        return tuple(_copied(layer) for layer in layers)


def _copied(layer: Acts | Fuses) -> Acts | Fuses:
    """The layer with tensors of its own: the bank may give its slots to other adapters later."""
    return copy.deepcopy(layer)


def _is_computed(site: Site) -> bool:
    """Whether a tensor of the site is another than a parameter itself, such as a part of one."""
    tensors = (getattr(site, part.name) for part in fields(site))
    return any(isinstance(tensor, Tensor) and not tensor.is_leaf for tensor in tensors)


def _first_layer(paths: Mapping[str, object], layers: str) -> int:
    """The lowest layer where something acts; 0 also when something acts before the layers."""
    numbers = [path.removeprefix(f"{layers}.").split(".")[0] for path in paths]
    return min((int(number) if number.isdigit() else 0 for number in numbers), default=0)


class _Given(nn.Module):
    """Gives what was set, whatever it is called with."""

    states: Tensor | None = None

    def forward(self, *_: Any, **__: Any) -> Tensor:
        assert self.states is not None
        return self.states


class _Upper:
    """The upper layers of a model, on the model's own modules: its embeddings are replaced by what is given."""

    def __init__(self, model: Any, where: Any, first: int) -> None:
        self._given = _Given()
        self._model = _with_module(model, where.embeddings, self._given)
        layers = model.get_submodule(where.layers)
        self._model = _with_module(self._model, where.layers, nn.ModuleList(list(layers)[first:]))

    def __call__(self, states: Tensor, attention_mask: Tensor) -> Tensor:
        self._given.states = states
        ids = attention_mask.new_ones(attention_mask.shape)
        try:
            hidden: Tensor = self._model(input_ids=ids, attention_mask=attention_mask).last_hidden_state
        finally:
            self._given.states = None
        return hidden


def _with_module(model: Any, path: str, module: nn.Module) -> Any:
    """A copy of the model in which ``module`` stands at ``path``; every other module is shared."""
    name, _, rest = path.partition(".")
    made = copy.copy(model)
    made._modules = dict(model._modules)
    made._modules[name] = _with_module(model._modules[name], rest, module) if rest else module
    return made
