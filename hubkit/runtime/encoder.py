"""Sentences → vectors: a core, and at most one adapter that acts on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from hubkit.core import Core, load_model, load_tokenizer
from hubkit.core.architecture import architecture
from hubkit.core.pooling import pool
from hubkit.errors import UsageError, VerificationError
from hubkit.runtime.apply import apply_adapter
from hubkit.runtime.batches import Batch, Tokenise, batches, chunks
from hubkit.runtime.hooks import acting, install

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from hubkit.adapter.store import Adapter

CHUNK = 4096
_PRECISIONS = {"float32": torch.float32, "float16": torch.float16}


class Encoder:
    """Encodes sentences with a core, and with an adapter where there is one.

    Encoders made by :meth:`adapted` share one model and may be used from several threads; each adapter acts in its own
    encoder's forward passes only.
    """

    def __init__(
        self,
        core: Core,
        model: Any = None,
        tokenizer: Any = None,
        adapter: Adapter | None = None,
        *,
        centre: bool = False,
        reason: str | None = None,
    ) -> None:
        if adapter is not None and adapter.manifest and adapter.manifest.core.fingerprint != core.fingerprint:
            raise VerificationError(
                f"Adapter {adapter.name} was made for core {adapter.manifest.core.fingerprint[:19]}…, this encoder's "
                f"core {core.id} is {core.fingerprint[:19]}….",
                f"Run `hubkit core fetch {adapter.manifest.core.id}` or pass that core.",
            )
        self.core = core
        self.model = load_model(core) if model is None else model
        self.tokenizer = load_tokenizer(core) if tokenizer is None else tokenizer
        self.adapter = adapter
        self.centre = centre
        self._reason = reason
        self._tokenise = Tokenise(self.tokenizer, core.prefix, core.max_tokens)
        self._acting = None
        if adapter is not None:
            self._acting = apply_adapter(adapter, self.model, core.model_type)
            install(self.model, architecture(core.model_type))

    def adapted(self, adapter: Adapter | None, *, centre: bool = False, reason: str | None = None) -> Encoder:
        """An encoder on the same model with another adapter, or with none."""
        return Encoder(self.core, self.model, self.tokenizer, adapter, centre=centre, reason=reason)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @property
    def max_seq_length(self) -> int:
        """Tokens of a sentence that are read, special tokens included; the rest is cut."""
        return self.core.max_tokens

    def get_sentence_embedding_dimension(self) -> int:
        """Length of a vector."""
        return self.core.hidden_size

    def explain(self) -> str:
        """Which adapter answers, at which strength, and why."""
        if self.adapter is None:
            return self._reason or f"The core {self.core.id} answers alone: no adapter was asked for."
        version = f" {self.adapter.manifest.version}" if self.adapter.manifest else ""
        how = f"{self.adapter.method}, strength {self.adapter.strength:g}"
        what = f"{self.adapter.name}{version} ({how}) on {self.core.id}"
        return f"{what}: {self._reason or 'it was passed in'}. Centring is {'on' if self.centre else 'off'}."

    def encode(
        self,
        sentences: str | Sequence[str],
        *,
        prompt: str | None = None,
        batch_size: int = 32,
        languages: str | Sequence[str] | None = None,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        normalize_embeddings: bool = True,
        show_progress_bar: bool | None = None,
        precision: str = "float32",
        centre: bool | Tensor | NDArray[Any] | None = None,
    ) -> Any:
        """Vectors (n, hidden) in the order of ``sentences``, of length 1 unless ``normalize_embeddings`` is off.

        A single string gives a single vector (hidden,). ``prompt`` replaces the core's prefix. ``centre`` subtracts a
        mean vector from the unit vectors before they are brought to length 1 again: True the one stored with the
        adapter, an array (hidden,) that one; the default is how the encoder was loaded. ``precision`` of the result is
        float32 or float16. Raises :class:`UsageError` that names the sentence which is no string.
        """
        self._check_languages(languages)
        if precision not in _PRECISIONS or batch_size < 1:
            raise UsageError(
                f"precision={precision!r}, batch_size={batch_size} cannot be used.",
                f"precision is one of {', '.join(_PRECISIONS)}, batch_size is at least 1.",
            )
        single = isinstance(sentences, str)
        texts = [sentences] if isinstance(sentences, str) else _as_list(sentences)
        mean = self._mean(centre)
        vectors = torch.empty((len(texts), self.core.hidden_size), dtype=_PRECISIONS[precision])
        with _progress(bool(show_progress_bar), len(texts)) as advance:
            for start in range(0, len(texts), CHUNK):
                token_ids = self._tokenise(texts[start : start + CHUNK], prompt, start)
                for batch in batches(token_ids, batch_size, self._tokenise.pad_id):
                    found = _finish(self._pooled(batch), mean, normalize_embeddings)
                    vectors[[start + row for row in batch.rows]] = found.to(vectors)
                    advance(len(batch.rows))
        result = vectors[0] if single else vectors
        return result if convert_to_tensor or not convert_to_numpy else result.numpy()

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

    def _pooled(self, batch: Batch) -> Tensor:
        ids, mask = batch.ids.to(self.device), batch.mask.to(self.device)
        with torch.inference_mode(), acting(self._acting):
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
            return pool(hidden, mask, self.core.pooling).float()

    def _mean(self, centre: bool | Tensor | NDArray[Any] | None) -> Tensor | None:
        wanted = self.centre if centre is None else centre
        if wanted is False:
            return None
        if wanted is True:
            if self.adapter is None or self.adapter.centre is None:
                raise UsageError(
                    f"{self.adapter.name if self.adapter else f'The core {self.core.id}'} has no stored mean vector.",
                    "Pass centre=encoder.fit_centre(texts) with a few hundred of your own sentences.",
                )
            return self.adapter.centre.to(self.device)
        mean = torch.as_tensor(wanted, dtype=torch.float32, device=self.device)
        if mean.shape != (self.core.hidden_size,):
            raise UsageError(
                f"centre has shape {tuple(mean.shape)}, expected ({self.core.hidden_size},).", "Use fit_centre()."
            )
        return mean

    def _check_languages(self, languages: str | Sequence[str] | None) -> None:
        wanted = {languages} if isinstance(languages, str) else set(languages or ())
        manifest = self.adapter.manifest if self.adapter else None
        known = {language.bcp47 for language in manifest.languages} if manifest else set()
        if unknown := sorted(wanted - known):
            raise UsageError(
                f"This encoder has no adapter for {', '.join(unknown)}.", "Load an encoder for each language."
            )


def _as_list(sentences: Any) -> list[str]:
    if isinstance(sentences, (bytes, bytearray)) or not isinstance(sentences, Iterable):
        raise UsageError(
            f"sentences is a {type(sentences).__name__}, not a string or a sequence of strings.", "Pass strings."
        )
    return list(sentences)


def _finish(pooled: Tensor, mean: Tensor | None, normalise: bool) -> Tensor:
    """Pooled (n, hidden) → result: to length 1, minus the mean, to length 1 again."""
    if mean is not None:
        pooled = functional.normalize(pooled, dim=1) - mean
    return functional.normalize(pooled, dim=1) if normalise else pooled


def _progress(shown: bool, total: int) -> AbstractContextManager[Any]:
    if not shown:
        return nullcontext(lambda count: None)
    from hubkit.runtime.progress import progress_bar

    return progress_bar("encoding", total)
