"""What one call of encode has to do: a stack for each sentence (several for an ensemble), batches, means."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from hubkit.composition.recipe import Ensemble, Recipe
from hubkit.errors import UsageError
from hubkit.runtime.batches import ACCELERATOR_TOKENS, TOKENS, batches, check_sentences
from hubkit.runtime.ensemble import combined

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.runtime.encoder import Encoder
    from hubkit.runtime.network import Stacked


class Jobs:
    """The stacks that one call of :meth:`Encoder.encode` needs, kept in memory, and what they give."""

    def __init__(self, encoder: Encoder, rows: Sequence[Recipe | None], centre: Any, held: ExitStack) -> None:
        self._encoder, self._held = encoder, held
        self._stacks: dict[Recipe | None, list[tuple[Stacked, Tensor | None]]] = {}
        for recipe in dict.fromkeys(rows):
            whole: Recipe = encoder.recipe if recipe is None else recipe
            parts = whole.parts if isinstance(whole, Ensemble) else (whole,)
            self._stacks[recipe] = [self._stack(recipe, part, centre) for part in parts]

    def _stack(self, recipe: Recipe | None, part: Any, centre: Any) -> tuple[Stacked, Tensor | None]:
        encoder = self._encoder
        if recipe is None and encoder._own is not None:
            own, name = encoder._own, encoder.adapter.name if encoder.adapter else str(encoder.recipe)
            return own, chosen_mean(encoder, own, centre, name)
        stacked = self._held.enter_context(encoder.network.stacked(part))
        return stacked, chosen_mean(encoder, stacked, centre, str(part))

    def vectors(
        self,
        texts: Sequence[str],
        rows: Sequence[Recipe | None],
        first: int,
        prompt: str | None,
        batch_size: int,
        normalise: bool,
        advance: Any,
    ) -> Tensor:
        """Vectors (n, hidden) of some of the texts, the first of which is number ``first``."""
        network = self._encoder.network
        jobs = [(row, *stack) for row, recipe in enumerate(rows) for stack in self._stacks[recipe]]
        token_ids = self._token_ids(texts, jobs, first, prompt)
        order = self._order(jobs)
        found = torch.empty((len(jobs), self._encoder.core.hidden_size), device=self._encoder.device)
        share = len(texts) / max(len(jobs), 1)
        tokens = TOKENS if self._encoder.device.type == "cpu" else ACCELERATOR_TOKENS
        for batch in batches(token_ids, batch_size, network.tokenise(None).pad_id, order, tokens):
            pooled = network.pooled(batch, [jobs[job][1] for job in batch.rows])
            found[batch.rows] = _finish(pooled, [jobs[job][2] for job in batch.rows], normalise)
            advance(len(batch.rows) * share)
        if len(jobs) == len(texts):
            return found
        return self._combined(rows, found, normalise)

    def _token_ids(
        self, texts: Sequence[str], jobs: Sequence[tuple[int, Stacked, Any]], first: int, prompt: str | None
    ) -> list[list[int]]:
        """Each job's ids, from the tokeniser that knows the tokens of its adapters; each cuts every text once."""
        network = self._encoder.network
        vocabularies = {id(stacked.vocabulary): stacked.vocabulary for _, stacked, _ in jobs}
        if len(vocabularies) == 1 and len(jobs) == len(texts):
            return network.tokenise(*vocabularies.values())(texts, prompt, first)
        wanted: dict[int, list[int]] = {}
        for row, stacked, _ in jobs:
            wanted.setdefault(id(stacked.vocabulary), []).append(row)
        check_sentences(texts, first)  # here, where their numbers are known
        ids: dict[tuple[int, int], list[int]] = {}
        for key, rows in wanted.items():
            found = network.tokenise(vocabularies[key])([texts[row] for row in rows], prompt, first)
            ids |= {(key, row): one for row, one in zip(rows, found, strict=True)}
        return [ids[id(stacked.vocabulary), row] for row, stacked, _ in jobs]

    def _order(self, jobs: Sequence[tuple[int, Stacked, Any]]) -> list[int] | None:
        """Numbers by which jobs with the same adapters, the lowest first, come to lie side by side."""
        stacks = {id(stacked): stacked for _, stacked, _ in jobs}
        if len(stacks) == 1:
            return None
        names = {key: [layer.name for layer in stacked.layers] for key, stacked in stacks.items()}
        place = {key: number for number, key in enumerate(sorted(stacks, key=lambda key: (names[key], key)))}
        return [place[id(stacked)] for _, stacked, _ in jobs]

    def _combined(self, rows: Sequence[Recipe | None], found: Tensor, normalise: bool) -> Tensor:
        vectors, start = [], 0
        for recipe in rows:
            stop = start + len(self._stacks[recipe])
            whole = self._encoder.recipe if recipe is None else recipe
            if isinstance(whole, Ensemble):
                vectors.append(combined(whole, found[start:stop], self._encoder.anchors))
            else:
                vectors.append(found[start])
            start = stop
        stacked = torch.stack(vectors)
        return functional.normalize(stacked, dim=1) if normalise else stacked


def chosen_mean(encoder: Encoder, stacked: Stacked, centre: Any, name: str) -> Tensor | None:
    """The mean (hidden,) that ``centre`` of :meth:`Encoder.encode` asks for; None when none is removed."""
    if centre is None and stacked.centre is not None:
        return stacked.centre
    wanted = encoder.centre if centre is None else centre
    if wanted is False:
        return None
    if wanted is True:
        if stacked.stored is None:
            raise UsageError(
                f"{name if name != 'core' else f'The core {encoder.core.id}'} has no stored mean vector.",
                "Pass centre=encoder.fit_centre(texts) with a few hundred of your own sentences.",
            )
        return stacked.stored.to(encoder.device)
    mean = torch.as_tensor(wanted, dtype=torch.float32, device=encoder.device)
    if mean.shape != (encoder.core.hidden_size,):
        raise UsageError(
            f"centre has shape {tuple(mean.shape)}, expected ({encoder.core.hidden_size},).", "Use fit_centre()."
        )
    return mean


def _finish(pooled: Tensor, means: Sequence[Tensor | None], normalise: bool) -> Tensor:
    """Pooled (n, hidden) → result: to length 1, minus the row's mean, to length 1 again; without a mean as it is."""
    if any(mean is not None for mean in means):
        unit = functional.normalize(pooled, dim=1)
        rows = [
            row if mean is None else unit[place] - mean
            for place, (row, mean) in enumerate(zip(pooled, means, strict=True))
        ]
        pooled = torch.stack(rows)
    return functional.normalize(pooled, dim=1) if normalise else pooled
