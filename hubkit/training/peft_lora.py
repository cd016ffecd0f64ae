"""LoRA as the library PEFT trains it, on every linear layer of the core (Hu et al. 2021, arXiv 2106.09685).

It is a control: what anybody would do who had not heard of hubkit. It shares no code with hubkit's method ``lora``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hubkit.core import Core, load_model
from hubkit.core.architecture import architecture
from hubkit.errors import HubkitError
from hubkit.training.backend import assert_unchanged, checksums

RANK, ALPHA = 16, 32
_NAME = "trained"


class TrainableLora:
    """A frozen core with PEFT's LoRA; see :class:`hubkit.training.backend.Trainable`.

    ``config`` has ``r``, ``alpha`` and ``target_modules``. Tensors are called ``<path of the layer>.lora_A`` (r, in)
    and ``.lora_B`` (out, r). Raises :class:`HubkitError` when PEFT is not installed.
    """

    def __init__(
        self, core: Core, seed: int, device: torch.device | str = "cpu", rank: int = RANK, alpha: int = ALPHA
    ) -> None:
        try:
            from peft import LoraConfig, inject_adapter_in_model
        except ImportError as error:
            raise HubkitError("PEFT is not installed.", 'Run `pip install "hubkit[evaluation]"`.') from error
        self.core = core
        model: Any = load_model(core, attention="eager")
        self._frozen = checksums(dict(model.named_parameters()))
        targets = linear_layers(core, model)
        self.config: dict[str, Any] = {"r": rank, "alpha": alpha, "target_modules": targets}
        config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, lora_dropout=0.0, bias="none")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model: Any = inject_adapter_in_model(config, model, adapter_name=_NAME)
        self.model.to(device).eval()

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids (b, t) and mask (b, t) → token vectors of the last layer (b, t, h)."""
        hidden: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return hidden

    def trainable(self) -> dict[str, nn.Parameter]:
        """Both matrices of every layer."""
        suffix = f".{_NAME}.weight"
        found = {name: parameter for name, parameter in self.model.named_parameters() if name.endswith(suffix)}
        return {name.removesuffix(suffix): parameter for name, parameter in found.items()}

    def adapter_tensors(self) -> dict[str, Tensor]:
        """Copies of both matrices of every layer."""
        return {name: parameter.detach().cpu().clone() for name, parameter in self.trainable().items()}

    def penalty(self) -> Tensor | None:
        """None: the loss is the objective's alone."""
        return None

    def assert_core_unchanged(self) -> None:
        """Raise :class:`VerificationError` unless every tensor of the core is bit-identical to what was loaded."""
        names = dict(self.model.named_parameters())
        assert_unchanged(self._frozen, {name.replace(".base_layer", ""): tensor for name, tensor in names.items()})


def linear_layers(core: Core, model: Any) -> list[str]:
    """Paths of all linear layers of the core's transformer layers, from below."""
    where = architecture(core.model_type)
    count = len(model.get_submodule(where.layers))
    return [f"{where.layers}.{layer}.{path}" for layer in range(count) for path in where.linears.values()]


def changes(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What LoRA adds to each weight, alpha / r · B A: what :func:`hubkit.runtime.changed.changed` takes."""
    factor = float(config["alpha"]) / float(config["r"])
    return {
        f"{path}.weight": factor * (tensors[f"{path}.lora_B"] @ tensors[f"{path}.lora_A"])
        for path in config["target_modules"]
    }
