"""A core's network with a bank of adapters: batches whose rows have their own stacks → pooled vectors."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch

from hubkit.core import Core, load_model, load_tokenizer
from hubkit.core.architecture import architecture
from hubkit.core.pooling import pool
from hubkit.errors import UsageError
from hubkit.runtime.bank import Bank, Open
from hubkit.runtime.batches import Batch, Tokenise
from hubkit.runtime.device import default_device
from hubkit.runtime.forward import Pass
from hubkit.runtime.hooks import Where, acting, install, places
from hubkit.runtime.program import Layered, Program, compile_program
from hubkit.runtime.stacks import OneRecipe, Resolving
from hubkit.vocabulary.base import as_loaded, base_vocabulary
from hubkit.vocabulary.segmenter import Segmenter

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.vocabulary.delta import VocabularyDelta


@dataclass(frozen=True, eq=False)
class Stacked:
    """A recipe, resolved: the stack, the mean vector that it removes, and the tokens that its adapters add.

    ``stored`` is the mean stored with its topmost adapter, which :meth:`hubkit.Encoder.encode` removes when asked to.
    """

    layers: Layered
    program: Program
    vocabulary: VocabularyDelta | None = None
    centre: Tensor | None = None
    stored: Tensor | None = None


@dataclass(eq=False)
class Network:
    """What encoders on one model share. Threads may use it at the same time.

    ``folded`` is the recipe that is a part of the model, its added tokens included; such a network takes no other, and
    ``fixed`` says why.
    """

    core: Core
    model: Any
    tokenizer: Any
    bank: Bank
    folded: Stacked | None = None
    fixed: str = "A recipe is folded into this model."
    _tokenisers: WeakKeyDictionary[VocabularyDelta, Tokenise] = field(default_factory=WeakKeyDictionary, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._tokenise = Tokenise(self.tokenizer, self.core.prefix, self.core.max_tokens)

    @classmethod
    def of(
        cls,
        core: Core,
        model: Any = None,
        tokenizer: Any = None,
        open_: Open | None = None,
        byte_limit: int | None = None,
    ) -> Network:
        """The network of ``core``; a model or tokenizer that is given is used as it is, and where it is."""
        model = load_model(core).to(default_device()) if model is None else model  # type: ignore[arg-type]
        tokenizer = load_tokenizer(core) if tokenizer is None else tokenizer
        like = next(model.parameters())
        bank = Bank(core, places(model, architecture(core.model_type)), like, open_, byte_limit)
        return cls(core, model, tokenizer, bank)

    def check_takes_recipes(self) -> None:
        """Raise :class:`UsageError` when a recipe is a part of the model."""
        if self.folded is not None:
            raise UsageError(self.fixed, "Use the encoder as it is, or load another.")

    def prepared(
        self,
        layers: Layered,
        vocabulary: VocabularyDelta | None = None,
        centre: Tensor | None = None,
        stored: Tensor | None = None,
    ) -> Stacked:
        """Prepare a stack: its program is compiled and the places that it needs are hooked."""
        program = compile_program([layers], self.bank.placed, every_row=True)
        extra: set[tuple[Where, str]] = set()
        if vocabulary is not None:
            extra = {("word_embeddings", self.bank.placed.word_embeddings)}
        install(self.model, self.bank.placed, program.wanted | extra)
        return Stacked(layers, program, vocabulary, centre, stored)

    @contextmanager
    def stacked(self, recipe: OneRecipe) -> Iterator[Stacked]:
        """What acts for this recipe; its adapters stay in memory until the block ends."""
        with self.bank.recalling(recipe) as known:
            if known is not None:
                yield known
                return
        with ExitStack() as held:
            resolving = Resolving(self.bank, held)
            layers, expanded = resolving.layers(recipe)
            centre, stored = resolving.centre(expanded), resolving.stored(expanded)
            made = self.prepared(layers, resolving.vocabulary(), centre, stored)
            self.bank.remember(recipe, made, list(resolving.entries.values()))
            yield made

    def tokenise(self, vocabulary: VocabularyDelta | None) -> Tokenise:
        """The core's tokeniser, or one that knows the tokens of ``vocabulary`` too."""
        if vocabulary is None:
            return self._tokenise
        with self._lock:
            if (found := self._tokenisers.get(vocabulary)) is None:
                base = as_loaded(base_vocabulary(self.core), self.tokenizer)
                segmenter = Segmenter(self.tokenizer, base, vocabulary)
                found = Tokenise(self.tokenizer, self.core.prefix, self.core.max_tokens, segmenter)
                self._tokenisers[vocabulary] = found
        return found

    def pooled(self, batch: Batch, stacks: Sequence[Stacked]) -> Tensor:
        """Pooled vectors (n, hidden), float32, of a batch whose row i has ``stacks[i]``."""
        with torch.inference_mode():
            hidden, mask = self.hidden(batch, stacks)
            return pool(hidden, mask, self.core.pooling).float()

    def hidden(self, batch: Batch, stacks: Sequence[Stacked]) -> tuple[Tensor, Tensor | None]:
        """Token vectors (n, t, hidden) of the last layer and their mask, of a batch whose row i has ``stacks[i]``."""
        device = self.bank.device
        ids, mask = batch.ids.to(device), None if batch.mask is None else batch.mask.to(device)
        one = all(stack is stacks[0] for stack in stacks)
        with torch.inference_mode():
            added = self._added(ids, stacks)
            if added is not None:
                ids = torch.where(added[1], self._unknown(), ids)
            program = stacks[0].program if one else compile_program([s.layers for s in stacks], self.bank.placed)
            what = Pass(program, added) if program.heights or added is not None else None
            with acting(what):
                return self.model(input_ids=ids, attention_mask=mask).last_hidden_state, mask

    def _unknown(self) -> int:
        return int(self.tokenizer.unk_token_id or 0)

    def _added(self, ids: Tensor, stacks: Sequence[Stacked]) -> tuple[Tensor, Tensor] | None:
        """Embeddings (n, t, hidden) of the tokens that adapters add, and where these are (n, t)."""
        if self.folded is not None or all(stack.vocabulary is None for stack in stacks):
            return None
        rows = torch.zeros((*ids.shape, self.core.hidden_size), device=ids.device, dtype=self.bank.dtype)
        is_added = torch.zeros_like(ids, dtype=torch.bool)
        for row, stack in enumerate(stacks):
            if (vocabulary := stack.vocabulary) is None:
                continue
            here = ids[row] >= vocabulary.base_size
            is_added[row] = here
            rows[row, here] = vocabulary.rows.to(rows)[ids[row, here] - vocabulary.base_size]
        return rows, is_added
