"""Trains an AdapterFusion over frozen branches, in hubkit's own runtime, so that a branch may be a stack or a merge.

Pfeiffer et al., 2021 (arXiv 2005.00247). Values begin as the identity and, unless ``regularization`` is off, are drawn
back to it: 0.01 · Σ ‖V − I‖² is added to the loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hubkit.adapter.adapterhub import BRANCHES
from hubkit.adapter.method import method
from hubkit.adapter.methods.fusion import NAME
from hubkit.adapter.sites import Fusion
from hubkit.adapter.store import Adapter, adapter_from_state
from hubkit.composition.recipe import Fuse
from hubkit.composition.resolve import without_versions
from hubkit.core.architecture import architecture
from hubkit.errors import UsageError
from hubkit.runtime.forward import Pass
from hubkit.runtime.hooks import acting
from hubkit.runtime.program import Acts, Fuses
from hubkit.runtime.stacks import Resolving
from hubkit.training.backend import assert_unchanged, checksums
from hubkit.training.loop import DevScore, Observer, Trained, Training
from hubkit.training.recipe import Recipe

if TYPE_CHECKING:
    from hubkit.runtime.encoder import Encoder
    from hubkit.runtime.network import Network
    from hubkit.training.budget import Budget
    from hubkit.training.mixture import Mixture
    from hubkit.training.targets import Targets

RECIPE = Recipe(method=NAME, learning_rate=1e-3, weight_decay=0.0, own=1.0)
_REGULARISATION = 0.01
Branches = tuple[tuple[Acts, ...], ...]


@dataclass(frozen=True, slots=True)
class TrainedFusion:
    """A finished run. ``branches`` are as they were trained on, with the adapters that they need under them."""

    adapter: Adapter
    branches: Fuse
    trained: Trained


def train_fusion(
    encoder: Encoder, branches: Fuse, name: str, mixture: Mixture, targets: Targets, budget: Budget, folder: Path, *,
    recipe: Recipe = RECIPE, seed: int = 0, observe: Observer | None = None, dev_score: DevScore | None = None,
) -> TrainedFusion:  # fmt: skip
    """Train the fusion ``name`` of these branches, whose adapters the encoder's bank has or finds.

    The run keeps its checkpoint in ``folder`` and goes on where it stopped. Raises :class:`UsageError` for branches
    that cannot be fused: those that act elsewhere than in bottlenecks at blocks, or add tokens.
    """
    network = encoder.network
    network.check_takes_recipes()
    with ExitStack() as held:
        resolving = Resolving(network.bank, held)
        expanded: Fuse = resolving.expanded(Fuse(*branches.parts))
        texts = branch_texts(expanded)
        if resolving.vocabulary() is not None:
            raise UsageError(f"{expanded} has an adapter that adds tokens.", "Fuse adapters that add none.")
        trainable = TrainableFusion(network, resolving.branches(expanded), recipe.hyperparameters, seed)
        training = Training(encoder.core, recipe, mixture, targets, budget, seed, folder, trainable)
        trained = training.run(observe, dev_score)
    config = {"config": trained.config, BRANCHES: texts}
    return TrainedFusion(adapter_from_state(name, NAME, config, trained.tensors, encoder.core), expanded, trained)


def branch_texts(branches: Fuse) -> list[str]:
    """What a fusion's configuration says of its branches. Raises :class:`UsageError` when two of them say the same."""
    texts = [str(without_versions(branch)) for branch in branches.parts]
    if twice := {text for text in texts if texts.count(text) > 1}:
        raise UsageError(f"Two branches are {min(twice)}, in different versions.", "Fuse one version of an adapter.")
    return texts


class TrainableFusion:
    """A frozen core with frozen branches and a trainable fusion over them; see :class:`.backend.Trainable`."""

    def __init__(self, network: Network, branches: Branches, hyperparameters: Mapping[str, Any], seed: int) -> None:
        self.core, self._network, self._branches = network.core, network, branches
        if network.bank.dtype != torch.float32:
            raise UsageError(f"This encoder computes in {network.bank.dtype}.", "Train with one in float32.")
        chosen, places = method(NAME), architecture(network.core.model_type)
        self.config = chosen.adapterhub_config(**hyperparameters, sites=fused_blocks(network, branches))
        generator = torch.Generator().manual_seed(seed)
        drawn = chosen.initial_tensors(self.config, network.model.config, places, generator)
        self._parameters = {key: nn.Parameter(tensor.to(network.bank.device)) for key, tensor in drawn.items()}
        sites = chosen.sites(self.config, self._parameters, places)
        self._values = [site.value for site in sites.values() if isinstance(site, Fusion)]
        self._program = network.prepared((Fuses("the fusion in training", sites, branches),)).program
        self._frozen = checksums(self._frozen_tensors())

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids (b, t) and mask (b, t) → token vectors of the last layer (b, t, h)."""
        with acting(Pass(self._program)):
            found = self._network.model(input_ids=input_ids, attention_mask=attention_mask)
        hidden: Tensor = found.last_hidden_state
        return hidden

    def trainable(self) -> dict[str, nn.Parameter]:
        """Query, key and value of every block."""
        return self._parameters

    def adapter_tensors(self) -> dict[str, Tensor]:
        """Copies of the fusion's tensors."""
        return {key: parameter.detach().cpu().clone() for key, parameter in self._parameters.items()}

    def penalty(self) -> Tensor | None:
        """What draws the values back to the identity."""
        if not self.config["regularization"]:
            return None
        one = torch.eye(len(self._values[0]), device=self._values[0].device)
        return _REGULARISATION * torch.stack([(value - one).square().sum() for value in self._values]).sum()

    def assert_core_unchanged(self) -> None:
        """Raise :class:`VerificationError` unless the core and the branches are bit-identical to what was loaded."""
        assert_unchanged(self._frozen, self._frozen_tensors())

    def _frozen_tensors(self) -> dict[str, Tensor]:
        found = dict(self._network.model.named_parameters())
        for member in (member for branch in self._branches for member in branch):
            for path, site in member.sites.items():
                for part in ("down", "down_bias", "up", "up_bias"):
                    found[f"{member.name} {path} {part}"] = getattr(site, part)
        return found


def fused_blocks(network: Network, branches: Branches) -> list[str]:
    """The blocks where a branch acts, in the model's order. Raises :class:`UsageError` when one acts elsewhere."""
    paths = {path for branch in branches for member in branch for path in member.sites}
    blocks = network.bank.placed.blocks
    if elsewhere := sorted(paths - set(blocks)):
        name = next(member.name for branch in branches for member in branch if elsewhere[0] in member.sites)
        raise UsageError(
            f"{name} cannot be fused: it acts at {elsewhere[0]}, and a fusion weighs what bottlenecks at blocks add.",
            "Fuse adapters of the methods seq_bn, double_seq_bn and par_bn.",
        )
    return [path for path in blocks if path in paths]
