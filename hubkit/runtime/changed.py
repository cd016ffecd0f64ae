"""An encoder whose core has other weights in places: what fine-tuning made of it, at any strength."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn

from hubkit.errors import UsageError
from hubkit.runtime.bank import Bank
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.fold import shared_copy
from hubkit.runtime.hooks import Places
from hubkit.runtime.network import Network, Stacked
from hubkit.runtime.program import compile_program

if TYPE_CHECKING:
    from torch import Tensor


def changed(encoder: Encoder, changes: Mapping[str, Tensor], strength: float, reason: str) -> Encoder:
    """An encoder on a copy of the core's network with W + ``strength`` · change for each parameter W that is named.

    What does not change is shared. Between the core (0) and the fine-tuned network (1) lies their interpolation:
    Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (arXiv 2109.01903). The encoder takes no recipe.
    Raises :class:`UsageError` for a change that fits no parameter of the core.
    """
    core, model = encoder.core, shared_copy(encoder.model)
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    if odd := [name for name, change in changes.items() if shapes.get(name) != change.shape]:
        raise UsageError(f"{odd[0]} is no parameter of {core.id}, or has another shape there.", "Use its own core.")
    with torch.inference_mode(False), torch.no_grad():
        for name, change in changes.items():
            path, _, leaf = name.rpartition(".")
            module = model.get_submodule(path)
            weight = getattr(module, leaf)
            setattr(module, leaf, nn.Parameter(weight + strength * change.to(weight), requires_grad=False))
    placed = encoder.bank.placed
    nowhere = Places({}, {}, placed.embeddings, placed.word_embeddings, placed.hidden_size)
    own = Stacked((), compile_program([()], nowhere, every_row=True))
    bank = Bank(core, nowhere, next(model.parameters()))
    fixed = "The weights of this model are changed, and adapters are made for the core as it is."
    network = Network(core, model, encoder.tokenizer, bank, folded=own, fixed=fixed)
    return Encoder(core, network=network, reason=reason)
