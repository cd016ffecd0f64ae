"""Sentences → vectors: a core, and for each sentence a recipe of adapters that act on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hubkit.composition.data import as_recipe
from hubkit.composition.member import Member
from hubkit.composition.recipe import CoreAlone, Recipe
from hubkit.core import Core
from hubkit.errors import UsageError
from hubkit.runtime.bank import Bank, check_core, check_places
from hubkit.runtime.batches import chunks
from hubkit.runtime.ensemble import Anchors
from hubkit.runtime.jobs import Jobs
from hubkit.runtime.network import Network, Stacked
from hubkit.runtime.program import Acts

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from hubkit.adapter.manifest import Manifest
    from hubkit.adapter.store import Adapter
    from hubkit.runtime.languages import Planned

CHUNK = 4096
_PRECISIONS = {"float32": torch.float32, "float16": torch.float16}
Written = str | Mapping[str, Any] | Member | Recipe
"""A recipe, its text or its data."""


class Encoder:
    """Encodes sentences with a core and a recipe of adapters.

    Encoders made by :meth:`adapted` and :meth:`with_recipe` share one model and one bank of adapters, and may be used
    from several threads; adapters act in their own encoder's forward passes only.
    """

    def __init__(
        self,
        core: Core,
        model: Any = None,
        tokenizer: Any = None,
        adapter: Adapter | None = None,
        *,
        recipe: Written | None = None,
        centre: bool = False,
        reason: str | None = None,
        network: Network | None = None,
        planned: Planned | None = None,
    ) -> None:
        if adapter is not None and recipe is not None:
            raise UsageError("An adapter and a recipe were both given.", "Add the adapter to the bank and name it.")
        self.core = core
        self.network = Network.of(core, model, tokenizer) if network is None else network
        self.adapter = adapter
        self.recipe: Recipe = CoreAlone() if recipe is None else as_recipe(recipe)
        self.centre = centre
        self.anchors: Anchors | None = None
        self._reason = reason
        self._planned = planned
        self._own = self.network.folded or self._alone(adapter)

    def adapted(self, adapter: Adapter | None, *, centre: bool = False, reason: str | None = None) -> Encoder:
        """An encoder on the same model with an adapter that is in no bank, or with none."""
        self.network.check_takes_recipes()
        return Encoder(self.core, adapter=adapter, centre=centre, reason=reason, network=self.network)

    def with_recipe(self, recipe: Written, *, centre: bool = False, reason: str | None = None) -> Encoder:
        """An encoder on the same model and bank with another recipe, such as ``"0.5*fam-bantu + lang-rw"``.

        Adapters are looked up when they are first needed: in the bank, else among those installed.
        """
        self.network.check_takes_recipes()
        made = Encoder(
            self.core, recipe=recipe, centre=centre, reason=reason, network=self.network, planned=self._planned
        )
        made.anchors = self.anchors
        return made

    def fold(self) -> Encoder:
        """The same encoder with its recipe as part of its network, so that it is faster; see :mod:`.fold`."""
        from hubkit.runtime.fold import fold

        return fold(self)

    @property
    def bank(self) -> Bank:
        """The adapters in memory."""
        return self.network.bank

    @property
    def model(self) -> Any:
        """The transformers model, unmodified."""
        return self.network.model

    @property
    def tokenizer(self) -> Any:
        """The core's tokenizer."""
        return self.network.tokenizer

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.bank.device

    @property
    def max_seq_length(self) -> int:
        """Tokens of a sentence that are read, special tokens included; the rest is cut."""
        return self.core.max_tokens

    def get_sentence_embedding_dimension(self) -> int:
        """Length of a vector."""
        return self.core.hidden_size

    def explain(self, language: str | None = None) -> str:
        """What answers, at which strength, and why; for this encoder, or for a language given to :meth:`encode`."""
        if language is not None:
            return self._plans().explain(language)
        centring = f"Centring is {'on' if self.centre or self.recipe.centre else 'off'}."
        if self.network.folded is not None:
            centring += f" {self.network.fixed}"
        if self.adapter is not None:
            version = f" {self.adapter.manifest.version}" if self.adapter.manifest else ""
            how = f"{self.adapter.method}, strength {self.adapter.strength:g}"
            what = f"{self.adapter.name}{version} ({how}) on {self.core.id}"
            return f"{what}: {self._reason or 'it was passed in'}. {centring}"
        if isinstance(self.recipe, CoreAlone):
            return self._reason or f"The core {self.core.id} answers alone: no adapter was asked for."
        return f"{self.recipe} on {self.core.id}: {self._reason or 'it was asked for'}. {centring}"

    def encode(
        self,
        sentences: str | Sequence[str],
        *,
        prompt: str | None = None,
        batch_size: int = 32,
        languages: str | Sequence[str] | None = None,
        recipes: Sequence[Written] | None = None,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        normalize_embeddings: bool = True,
        show_progress_bar: bool | None = None,
        precision: str = "float32",
        centre: bool | Tensor | NDArray[Any] | None = None,
    ) -> Any:
        """Vectors (n, hidden) in the order of ``sentences``, of length 1 unless ``normalize_embeddings`` is off.

        A single string gives a single vector (hidden,). ``languages`` (one for all, one a sentence, or "auto") chooses
        the recipe that is planned for each; ``recipes`` gives one a sentence; else the encoder's own acts. All go
        through the core together. ``prompt`` replaces the core's prefix. ``centre`` subtracts a mean vector from the
        unit vectors before they are brought to length 1 again: True the one stored with the adapter, an array (hidden,)
        that one, False none; the default is how the encoder was loaded. ``precision`` of the result is float32 or
        float16. Raises :class:`UsageError` that names the sentence which is no string.
        """
        if precision not in _PRECISIONS or batch_size < 1:
            raise UsageError(
                f"precision={precision!r}, batch_size={batch_size} cannot be used.",
                f"precision is one of {', '.join(_PRECISIONS)}, batch_size is at least 1.",
            )
        single = isinstance(sentences, str)
        texts = [sentences] if isinstance(sentences, str) else _as_list(sentences)
        vectors = torch.empty((len(texts), self.core.hidden_size), dtype=_PRECISIONS[precision])
        with ExitStack() as held:
            rows = self._rows(texts, languages, recipes)
            advance = held.enter_context(_progress(bool(show_progress_bar), len(texts)))
            jobs = Jobs(self, rows, centre, held)
            for start in range(0, len(texts), CHUNK):
                part = slice(start, start + CHUNK)
                found = jobs.vectors(texts[part], rows[part], start, prompt, batch_size, normalize_embeddings, advance)
                vectors[part] = found.to(vectors)
        if single:
            vectors = vectors[0]
        return vectors if convert_to_tensor or not convert_to_numpy else vectors.numpy()

    def encode_stream(
        self, sentences: Iterable[str], chunk_size: int = CHUNK, **options: Any
    ) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """Yield (sentences, vectors) a chunk at a time, in order, in constant memory; options of :meth:`encode`."""
        for chunk in chunks(sentences, chunk_size):
            yield chunk, self.encode(chunk, **options)

    def fit_centre(self, sentences: Iterable[str], **options: Any) -> NDArray[np.float32]:
        """The mean (hidden,) of the sentences' unit vectors, to be passed as ``centre``.

        Fit it on unlabelled text of the kind that will be encoded, each language apart.
        """
        total, count = np.zeros(self.core.hidden_size), 0
        for chunk, vectors in self.encode_stream(sentences, **{**options, "centre": False}):
            total += vectors.sum(axis=0, dtype=np.float64)
            count += len(chunk)
        if count == 0:
            raise UsageError("A mean needs at least one sentence.", "Pass a few hundred sentences.")
        return np.asarray(total / count, dtype=np.float32)

    def fit_anchors(self, sentences: Sequence[str], **options: Any) -> Encoder:
        """Choose the texts by which an entropy-weighted ensemble judges how sure each of its recipes is; return self.

        A few hundred sentences of what will be searched; the core alone encodes them.
        """
        vectors = self.adapted(None).encode(sentences, convert_to_tensor=True, **options)
        self.anchors = Anchors(vectors.float())
        return self

    def _alone(self, adapter: Adapter | None) -> Stacked | None:
        if adapter is None:
            return None
        check_core(adapter, self.core)
        if adapter.fused:
            raise UsageError(
                f"{adapter.name} is a fusion, which acts on other adapters.",
                "Add it to the bank and name it in a recipe: fuse(…, fusion=…).",
            )
        sites = {path: _moved(site, self.bank) for path, site in adapter.sites().items()}
        check_places(adapter.name, sites, self.bank.placed)
        return self.network.prepared((Acts(adapter.name, sites),), adapter.vocabulary, None, adapter.centre)

    def _plans(self) -> Planned:
        if self._planned is None:
            from hubkit.runtime.languages import Planned

            self._planned = Planned(self.core)
        return self._planned

    def _rows(
        self, texts: list[str], languages: str | Sequence[str] | None, recipes: Sequence[Written] | None
    ) -> Sequence[Recipe | None]:
        """The recipe of each sentence; None is the encoder's own."""
        if recipes is not None or languages is not None:
            self.network.check_takes_recipes()
        if recipes is not None:
            if languages is not None or len(recipes) != len(texts):
                raise UsageError(
                    f"{len(recipes)} recipes were given for {len(texts)} sentences"
                    f"{', and languages too' if languages is not None else ''}.",
                    "Give one recipe a sentence, and no languages.",
                )
            return [as_recipe(recipe) for recipe in recipes]
        if self.adapter is not None and self.adapter.manifest is not None and languages is not None:
            return self._rows_of_adapter(texts, languages, self.adapter.manifest)
        if languages is None and (self._planned is None or not self._planned.is_default):
            return [None] * len(texts)
        return self._plans().recipes(texts, languages)

    def _rows_of_adapter(
        self, texts: list[str], languages: str | Sequence[str], manifest: Manifest
    ) -> list[Recipe | None]:
        """As :meth:`_rows` for an adapter that is in no plan: it serves its own languages."""
        from hubkit.languages import find

        own = {language.bcp47 for language in manifest.languages}
        tags = [languages] * len(texts) if isinstance(languages, str) else languages
        planned = self._plans().recipes(texts, tags)
        return [None if tag != "auto" and find(tag).tag in own else row for tag, row in zip(tags, planned, strict=True)]


def _moved(site: Any, bank: Bank) -> Any:
    from dataclasses import fields, replace

    values = {part.name: getattr(site, part.name) for part in fields(site)}
    tensors = {
        key: value.detach().to(bank.device, bank.dtype)
        for key, value in values.items()
        if isinstance(value, torch.Tensor)
    }
    return replace(site, **tensors)


def _as_list(sentences: Any) -> list[str]:
    if isinstance(sentences, (bytes, bytearray)) or not isinstance(sentences, Iterable):
        raise UsageError(
            f"sentences is a {type(sentences).__name__}, not a string or a sequence of strings.", "Pass strings."
        )
    return list(sentences)


def _progress(shown: bool, total: int) -> AbstractContextManager[Any]:
    if not shown:
        return nullcontext(lambda count: None)
    from hubkit.runtime.progress import progress_bar

    return progress_bar("encoding", total)
