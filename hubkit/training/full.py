"""Full fine-tuning: all transformer layers of the core learn, its embeddings stay; what is kept is what changed.

It is a control, no adapter: the weights of a core that was trained are a core of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hubkit.core import Core, load_model
from hubkit.core.architecture import architecture
from hubkit.training.backend import assert_unchanged, checksums


class TrainableCore:
    """A copy of the core whose transformer layers are trainable; see :class:`hubkit.training.backend.Trainable`.

    There is no dropout, as there is none where adapters are trained.
    """

    def __init__(self, core: Core, device: torch.device | str = "cpu") -> None:
        self.core = core
        layers = architecture(core.model_type).layers
        self.config: dict[str, Any] = {"layers": layers}
        model: Any = load_model(core, attention="eager")  # its backward is the faster one on CPU, measured
        self.model = model.to(device)
        self.model.get_submodule(layers).requires_grad_(True)
        self._before = {name: parameter.detach().clone() for name, parameter in self.trainable().items()}
        self._frozen = checksums(self._frozen_tensors())

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids (b, t) and mask (b, t) → token vectors of the last layer (b, t, h)."""
        hidden: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return hidden

    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters of all layers by their names in the core."""
        return {name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad}

    def adapter_tensors(self) -> dict[str, Tensor]:
        """What was added to each tensor of the core that changed, by its name there."""
        with torch.no_grad():
            now = {name: parameter.detach().cpu() for name, parameter in self.trainable().items()}
            changes = {name: now[name] - before.cpu() for name, before in self._before.items()}
        return {name: change for name, change in changes.items() if change.any()}

    def penalty(self) -> Tensor | None:
        """None: the loss is the objective's alone."""
        return None

    def assert_core_unchanged(self) -> None:
        """Raise :class:`VerificationError` unless the embeddings, and what else is frozen, are what was loaded."""
        assert_unchanged(self._frozen, self._frozen_tensors())

    def _frozen_tensors(self) -> dict[str, Tensor]:
        return {name: parameter for name, parameter in self.model.named_parameters() if not parameter.requires_grad}


def changes(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What :func:`hubkit.runtime.changed.changed` takes, from the tensors that were kept: they are that already."""
    return dict(tensors)
