"""The network that training works on, and the one that ``adapters`` makes: a frozen core with one trainable adapter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from hubkit.adapter.method import Method
from hubkit.core import Core
from hubkit.core.architecture import architecture
from hubkit.errors import VerificationError
from hubkit.runtime.backend import adaptable, add_adapter

_NAME = "trained"


class Trainable(Protocol):
    """What the training loop works on. ``config`` is the adapter's inner AdapterHub configuration."""

    core: Core
    config: dict[str, Any]

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids (b, t) and mask (b, t) → token vectors of the last layer (b, t, h)."""

    def trainable(self) -> dict[str, nn.Parameter]:
        """The adapter's parameters by a name that stays."""

    def adapter_tensors(self) -> dict[str, Tensor]:
        """Copies of the adapter's tensors under the names of :class:`hubkit.adapter.method.Method`."""

    def penalty(self) -> Tensor | None:
        """What is added to the loss, whatever the batch."""

    def assert_core_unchanged(self) -> None:
        """Raise :class:`VerificationError` unless everything that is frozen is bit-identical to what was loaded."""


class TrainableAdapter(nn.Module):
    """A frozen core with one trainable adapter as the ``adapters`` library runs it.

    :class:`hubkit.training.stacked.TrainableStack` computes the same, faster; this is what it is held against.
    """

    def __init__(self, core: Core, method: Method, config: dict[str, Any], seed: int) -> None:
        super().__init__()
        self.core, self.method, self.config = core, method, config
        model = adaptable(core, attention="eager")  # its backward is the faster one on CPU, measured
        self._frozen = checksums(dict(model.named_parameters()))
        add_adapter(model, _NAME, config, seed)
        model.train_adapter(_NAME)
        model.set_active_adapters(_NAME)
        model.eval()
        self.model = model

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids (b, t) and mask (b, t) → token vectors of the last layer (b, t, h)."""
        hidden: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return hidden

    def trainable(self) -> dict[str, nn.Parameter]:
        """The adapter's parameters by their full name."""
        return {name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad}

    def adapter_tensors(self) -> dict[str, Tensor]:
        """Copies of the adapter's tensors under the names of :class:`hubkit.adapter.method.Method`."""
        names = self.method.expected_tensors(self.config, self.model.config, architecture(self.core.model_type))
        state = self.model.state_dict()
        return {name: state[self.method.to_adapterhub(name, _NAME)].detach().clone() for name in names}

    def penalty(self) -> Tensor | None:
        """None: the loss is the objective's alone."""
        return None

    def assert_core_unchanged(self) -> None:
        """Raise :class:`VerificationError` unless every tensor of the core is bit-identical to what was loaded."""
        state = self.model.state_dict()
        assert_unchanged(self._frozen, {name.replace(".base_layer", ""): tensor for name, tensor in state.items()})


def initial_tensors(core: Core, method: Method, config: dict[str, Any], seed: int) -> dict[str, Tensor]:
    """The tensors that ``adapters`` gives a new adapter, by the method's names."""
    model = adaptable(core)
    add_adapter(model, _NAME, config, seed)
    names = method.expected_tensors(config, model.config, architecture(core.model_type))
    state = model.state_dict()
    return {name: state[method.to_adapterhub(name, _NAME)].detach().clone() for name in names}


def checksums(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Name → sha256 of the bytes."""
    return {name: _checksum(tensor) for name, tensor in tensors.items()}


def assert_unchanged(before: Mapping[str, str], tensors: Mapping[str, Tensor]) -> None:
    """Raise :class:`VerificationError` when a tensor is not there, or is another than ``before``."""
    changed = [name for name, one in before.items() if name not in tensors or _checksum(tensors[name]) != one]
    if changed:
        raise VerificationError(
            f"Training changed the frozen core: {', '.join(changed[:3])} ({len(changed)} tensors).",
            "The adapter is not saved; report this with the command that caused it.",
        )


def _checksum(tensor: Tensor) -> str:
    return hashlib.sha256(tensor.detach().contiguous().cpu().numpy().tobytes()).hexdigest()
