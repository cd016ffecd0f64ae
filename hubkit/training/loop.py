"""The training loop: seeded, measured by its own clock, checkpointed, and resumed by running it again."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hubkit.adapter.method import method
from hubkit.core.pooling import pool
from hubkit.durable import locked
from hubkit.errors import HubkitError, UsageError
from hubkit.training import distributed
from hubkit.training.activations import Activations
from hubkit.training.backend import Trainable
from hubkit.training.budget import Budget
from hubkit.training.checkpoint import State, load_checkpoint, save_checkpoint
from hubkit.training.cycling import stack_for
from hubkit.training.mixture import Batches, Drawing, Mixture, cut
from hubkit.training.objective import Batch
from hubkit.training.optimiser import Average, evaluating, optimiser_of, rate
from hubkit.training.parts import Collate, Part, Tokens, head_parameters, hide_tokens, parts_of
from hubkit.training.recipe import UPPER_HALF, Recipe
from hubkit.training.stacked import TrainableStack
from hubkit.training.targets import Targets
from hubkit.training.watch import DevScore, Observer, Progress, Watch

if TYPE_CHECKING:
    from hubkit.core import Core

__all__ = ["DevScore", "Observer", "Progress", "Trained", "Training", "adapter_config"]


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished run: the adapter's tensors (names of the method), its configuration and how it went.

    ``heads`` are the tensors of objectives that have parameters of their own.
    """

    tensors: dict[str, Tensor]
    config: dict[str, Any]
    state: State
    resumed: bool
    heads: Mapping[str, Tensor]


class Training:
    """One run in ``folder``, where it keeps its checkpoint: of the ``network``, or of one adapter on the core.

    ``further`` are parts with data of their own, beside those that the recipe makes of ``mixture``; ``labels`` are the
    names of classes or tags, in the order of their numbers.
    """

    def __init__(
        self, core: Core, recipe: Recipe, mixture: Mixture, targets: Targets, budget: Budget, seed: int, folder: Path,
        network: Trainable | None = None, further: Sequence[Part] = (), labels: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        distributed.join()
        self.recipe, self.mixture, self.targets = recipe, mixture, targets
        self.budget, self.seed, self.folder = budget, seed, folder
        self.parts = [*parts_of(recipe, mixture), *further]
        config = adapter_config(core, recipe) if network is None else {}
        self.network = network or TrainableStack(targets.frozen, recipe.method, config, seed)
        if recipe.recompute:
            self._recompute()
        self._collate = Collate(targets, recipe.max_tokens)
        self._device = next(iter(self.network.trainable().values())).device
        for part in self.parts:
            part.prepare_head(self._collate, labels, seed, self._device)
        self.parameters = {**self.network.trainable(), **head_parameters(self.parts)}
        self.optimiser = optimiser_of(recipe, self.parameters)
        self.average = Average(recipe, self.parameters)
        self.state, self._random = State(), torch.Generator().manual_seed(seed).get_state()
        if (restored := load_checkpoint(folder, self.parameters, self.optimiser, self.average)) is not None:
            self.state, self._random = restored
        self.resumed = self.state.step > 0
        self._stacks = self.network.stacks if isinstance(self.network, TrainableStack) else ()
        self._drawing = Drawing.of(recipe, seed)
        if self._stacks and recipe.batch_by == "mixed":  # a batch goes through one stack
            self._drawing = replace(self._drawing, batch_by="language")
        self._activations = self._cache()

    def run(self, observe: Observer | None = None, dev_score: DevScore | None = None) -> Trained:
        """Train until the budget is spent. Interrupted (Ctrl-C), the state is saved and the interrupt goes on.

        Raises :class:`BusyError` when another process works in the folder, and :class:`HubkitError` when the loss is no
        number: the last checkpoint, which is from before, stays.
        """
        with self._alone(), torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._random)
            watch = Watch(self, observe, dev_score)
            try:
                self._train(watch)
            except KeyboardInterrupt:
                self.save()
                raise
            self.save()
            return self._finished(watch)

    def _alone(self) -> AbstractContextManager[None]:
        """No other run may work in the folder; of the processes of this one the first holds the lock."""
        if distributed.number():
            return nullcontext()
        return locked(self.folder / "run.lock", f"The training run in {self.folder}")

    def _train(self, watch: Watch) -> None:
        while self.fraction() < 1 and not self.state.stopped:
            group = [self._batches(part) for part in self.parts]
            count = len(group[0])
            while self.state.batch < count and self.fraction() < 1:
                batches = [batches[self.state.batch % len(batches)] for batches in group]
                encoded = [
                    replace(self._collate(part.data, batch), languages=batch.languages)
                    for part, batch in zip(self.parts, batches, strict=True)
                ]
                started = time.perf_counter()
                losses = self._step(encoded, watch.wants_norms(self.state.batch))
                self.state.seconds += time.perf_counter() - started
                self.state.step += 1
                self.state.batch += 1
                self.state.sentences += len(encoded[0])
                self.state.tokens += int(encoded[0].attention_mask.sum())
                self.average.stepped(self.fraction())
                watch.stepped(losses)
            if self.state.batch >= count:
                self.state.group, self.state.batch = self.state.group + 1, 0
            watch.group_done()

    def fraction(self) -> float:
        """Fraction of the budget that is spent; all processes of a run agree on it."""
        return distributed.agreed(self.own_fraction())

    def own_fraction(self) -> float:
        """The same as this process sees it."""
        return self.budget.progress(self.state.seconds, self.state.step)

    def save(self) -> None:
        """Write the checkpoint."""
        if distributed.number() == 0:
            save_checkpoint(self.folder, self.parameters, self.optimiser, self.state, self.average)

    def _finished(self, watch: Watch) -> Trained:
        self.network.assert_core_unchanged()
        with evaluating(self.optimiser), self.average.acting():
            tensors = watch.best_tensors() or self.network.adapter_tensors()
            heads = {name: p.detach().cpu().clone() for name, p in head_parameters(self.parts).items()}
        return Trained(tensors, self.network.config, self.state, self.resumed, heads)

    def _recompute(self) -> None:
        if not isinstance(self.network, TrainableStack):
            raise UsageError("This network keeps what its layers compute.", "Leave recompute out of its recipe.")
        self.network.recompute()

    def _cache(self) -> Activations | None:
        if not self.recipe.cache_activations:
            return None
        first = getattr(self.network, "first_layer", 0)
        if not first:
            raise HubkitError(
                "There is nothing to keep: the adapter, or what it is stacked on, acts in the lowest layer.",
                "Leave cache_activations out.",
            )
        return Activations(self.targets.frozen, first, self.recipe.max_tokens)

    def _batches(self, part: Part) -> Batches:
        number, groups = self.state.group, self.state.groups
        group = self._drawing.group(part.mixture, number, min(1.0, self.fraction_at_group()), groups)
        if self.recipe.batch_tokens is None:
            return group
        return cut(group, self._collate.lengths, self.recipe.batch_tokens, self._drawing.batch_by)

    def fraction_at_group(self) -> float:
        """Fraction of the budget that was spent when the current group of batches began.

        It decides what is drawn, so a run that is resumed in the middle of a group has to find the same.
        """
        if self.state.batch == 0:
            self.state.group_fraction = self.fraction()
        return self.state.group_fraction

    def _step(self, encoded: Sequence[Tokens], norms: bool) -> dict[str, float]:
        for group in self.optimiser.param_groups:
            group["lr"] = rate(self.recipe, self.fraction())
        losses = [self._loss(part, tokens) for part, tokens in zip(self.parts, encoded, strict=True)]
        total = torch.stack([part.weight * loss for part, loss in zip(self.parts, losses, strict=True)]).sum()
        told = {part.objective.name: float(loss.detach()) for part, loss in zip(self.parts, losses, strict=True)}
        if not math.isfinite(float(total.detach())):
            self._not_finite(told, encoded)
        if norms and len(losses) > 1:
            told |= {f"gradient of {part.objective.name}": self._norm(part.weight * loss) for part, loss in
                     zip(self.parts, losses, strict=True)}  # fmt: skip
        if (penalty := self.network.penalty()) is not None and distributed.number() == 0:
            total = total + penalty
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        distributed.add_gradients(self.parameters.values())
        norm = torch.nn.utils.clip_grad_norm_(self.parameters.values(), self.recipe.clip)
        self.optimiser.step()
        return {"loss": float(total.detach()), "gradient": float(norm), **told}

    def _loss(self, part: Part, tokens: Tokens) -> Tensor:
        """The loss of the whole batch; its gradient reaches the rows of this process."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.state.step)
        ids, labels = part.prepared(tokens, generator)
        mask = hide_tokens(tokens.attention_mask, self.recipe.word_dropout, generator)
        rows = distributed.own_rows(len(tokens))
        own_mask = mask[rows].to(self._device)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._in_bfloat16()):
            unchanged, language = ids is tokens.input_ids, tokens.languages[0]
            hidden = self._hidden(ids[rows], tokens.attention_mask[rows], own_mask, unchanged, language)
        hidden = hidden.float()
        student = nn.functional.normalize(pool(hidden, own_mask, self.network.core.pooling), dim=-1)
        batch = Batch(
            student=distributed.whole(student, len(tokens)),
            teacher=self._moved(tokens.teacher), same=self._moved(tokens.same),
            hidden=distributed.whole(hidden, len(tokens)) if part.wants_hidden else None,
            input_ids=self._moved(ids), attention_mask=self._moved(mask), labels=self._moved(labels),
            languages=tokens.languages,
        )  # fmt: skip
        return part.objective(batch).value

    def _hidden(self, ids: Tensor, attention_mask: Tensor, seen: Tensor, unchanged: bool, language: str) -> Tensor:
        if not isinstance(self.network, TrainableStack):
            return self.network.hidden(ids.to(self._device), seen)
        stack = stack_for(language, self._stacks, self.seed, self.state.step) if self._stacks else None
        if self._activations is not None and unchanged:
            return self.network.from_layer(self._activations(ids, attention_mask).to(self._device), seen, stack)
        return self.network.hidden(ids.to(self._device), seen, stack)

    def _moved(self, tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor.to(self._device)

    def _in_bfloat16(self) -> bool:
        if self.recipe.precision != "auto":
            return self.recipe.precision == "bfloat16"
        return self._device.type == "cuda" and torch.cuda.is_bf16_supported()

    def _norm(self, loss: Tensor) -> float:
        """Norm of the gradient of one objective alone."""
        found = torch.autograd.grad(loss, list(self.parameters.values()), retain_graph=True, allow_unused=True)
        return float(torch.stack([one.norm() for one in found if one is not None]).norm())

    def _not_finite(self, losses: Mapping[str, float], encoded: Sequence[Tokens]) -> None:
        what = ", ".join(f"{name} {value}" for name, value in losses.items())
        raise HubkitError(
            f"The loss is no number in step {self.state.step + 1} (group {self.state.group}, batch {self.state.batch}, "
            f"{len(encoded[0])} rows): {what}.",
            f"The last checkpoint in {self.folder} is from before. Lower learning_rate or clip, and run it again.",
        )


def adapter_config(core: Core, recipe: Recipe) -> dict[str, Any]:
    """The AdapterHub configuration that ``recipe`` asks for on ``core``.

    The lower layers get no adapter, so that no gradient goes through them: Rücklé et al. 2021, "AdapterDrop"
    (arXiv 2010.11918).
    """
    from transformers import AutoConfig

    layers = int(AutoConfig.from_pretrained(core.folder).num_hidden_layers)
    skip_lower = UPPER_HALF if recipe.skip_lower is None else recipe.skip_lower
    skipped = list(range(int(layers * skip_lower)))
    return method(recipe.method).adapterhub_config(**{"leave_out": skipped, **recipe.hyperparameters})
