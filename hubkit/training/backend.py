"""The only file that imports ``adapters``: builds the trainable network and takes the adapter out of it."""

from __future__ import annotations

import copy
import hashlib
import logging
from typing import Any

import torch
from torch import Tensor, nn

from hubkit.adapter.method import Method
from hubkit.core import Core, load_model
from hubkit.core.architecture import architecture
from hubkit.core.pooling import pool
from hubkit.errors import VerificationError

_NAME = "trained"


class TrainableAdapter(nn.Module):
    """A frozen core with one trainable adapter, built by the ``adapters`` library."""

    def __init__(self, core: Core, method: Method, config: dict[str, Any], seed: int) -> None:
        super().__init__()
        import adapters

        self.core, self.method, self.config = core, method, config
        model: Any = load_model(core, attention="eager")  # its backward is the faster one on CPU, measured
        self._frozen = {name: _checksum(tensor) for name, tensor in model.state_dict().items()}
        logging.getLogger("adapters").setLevel(logging.ERROR)  # it warns of its own dummy pass
        adapters.init(model)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model.add_adapter(_NAME, config=adapters.AdapterConfig.load(copy.deepcopy(config)))
        model.train_adapter(_NAME)
        model.set_active_adapters(_NAME)
        model.eval()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids (b, t) and mask (b, t) → unit sentence vectors (b, h)."""
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return nn.functional.normalize(pool(hidden, attention_mask, self.core.pooling), dim=-1)

    def trainable(self) -> dict[str, nn.Parameter]:
        """The adapter's parameters by their full name."""
        return {name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad}

    def adapter_tensors(self) -> dict[str, Tensor]:
        """Copies of the adapter's tensors under the names of :class:`hubkit.adapter.method.Method`."""
        names = self.method.expected_tensors(self.config, self.model.config, architecture(self.core.model_type))
        state = self.model.state_dict()
        return {name: state[self.method.to_adapterhub(name, _NAME)].detach().clone() for name in names}

    def assert_core_unchanged(self) -> None:
        """Raise :class:`VerificationError` unless every tensor of the core is bit-identical to what was loaded."""
        state = {name.replace(".base_layer", ""): tensor for name, tensor in self.model.state_dict().items()}
        changed = [
            name for name, checksum in self._frozen.items() if name not in state or _checksum(state[name]) != checksum
        ]
        if changed:
            raise VerificationError(
                f"Training changed the frozen core: {', '.join(changed[:3])} ({len(changed)} tensors).",
                "The adapter is not saved; report this with the command that caused it.",
            )


def _checksum(tensor: Tensor) -> str:
    return hashlib.sha256(tensor.detach().contiguous().cpu().numpy().tobytes()).hexdigest()
