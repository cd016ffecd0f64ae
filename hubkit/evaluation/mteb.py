"""Any hubkit encoder as a model of mteb, the Massive Text Embedding Benchmark (Muennighoff et al. 2023).

``mteb.evaluate(mteb_model(hubkit.load("sw")), tasks)`` measures an encoder; docs/tasks.md has an example.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hubkit.composition.member import CORE
from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hubkit.runtime.encoder import Encoder

_PROBES = ["Mwaramutse neza", "Good morning"]


def mteb_model(encoder: Encoder, name: str | None = None, **options: Any) -> MtebModel:
    """``encoder`` for ``mteb.evaluate``; ``options`` go to every :meth:`hubkit.Encoder.encode`.

    mteb does not say which side of a pair it asks for, so an adapter acts on English too; ``languages="auto"`` has each
    sentence's language found out. The prefix is the core's, whatever the task. ``name`` is ``organisation/model``.
    Raises :class:`HubkitError` when mteb is not installed.
    """
    _imported()
    return MtebModel(encoder, name or f"hubkit/{_called(encoder)}", options)


class MtebModel:
    """Has the protocol ``mteb.models.EncoderProtocol``: made by :func:`mteb_model`."""

    def __init__(self, encoder: Encoder, name: str, options: Mapping[str, Any]) -> None:
        self._encoder, self._options = encoder, dict(options)
        self.mteb_model_meta = _meta(encoder, name, self._options)

    def encode(
        self,
        inputs: Iterable[Mapping[str, Any]],
        *,
        task_metadata: Any = None,
        hf_split: str = "",
        hf_subset: str = "",
        prompt_type: Any = None,
        **settings: Any,
    ) -> npt.NDArray[np.float32]:
        """Unit vectors (n, hidden) of batches with a list ``text`` each."""
        sentences = [str(text) for batch in inputs for text in batch["text"]]
        if not sentences:
            return np.zeros((0, self._encoder.core.hidden_size), dtype=np.float32)
        chosen = {"batch_size": settings["batch_size"]} if settings.get("batch_size") else {}
        vectors: npt.NDArray[np.float32] = self._encoder.encode(sentences, **{**chosen, **self._options})
        return vectors

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosines (n, m)."""
        return _imported().similarity_functions.cos_sim(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosines (n,) row by row."""
        return _imported().similarity_functions.pairwise_cos_sim(embeddings1, embeddings2)


def _imported() -> Any:
    try:
        import mteb
        import mteb.similarity_functions
    except ImportError as error:
        raise HubkitError(f"mteb is not installed ({error}).", 'pip install "hubkit[evaluation]"') from error
    return mteb


def _called(encoder: Encoder) -> str:
    """What tells the encoder from others on the same core."""
    adapter = encoder.adapter
    if adapter is not None:
        return f"{adapter.name}-{adapter.manifest.version}" if adapter.manifest else adapter.name
    recipe = str(encoder.recipe)
    return re.sub(r"[^\w.-]+", "-", encoder.core.id if recipe == CORE else recipe).strip("-")


def _revision(encoder: Encoder, options: Mapping[str, Any]) -> str:
    """A hash of what it computes: results that mteb keeps under a name and revision are never those of another."""
    rounded = np.round(np.asarray(encoder.encode(_PROBES, **options), dtype=np.float64), 3) + 0.0
    return hashlib.sha256(rounded.tobytes()).hexdigest()[:16]


def _meta(encoder: Encoder, name: str, options: Mapping[str, Any]) -> Any:
    """What mteb writes beside the results; the revision tells apart what has the same name."""
    from mteb.models.model_meta import ModelMeta, ScoringFunction

    core = encoder.core
    return ModelMeta(
        loader=None,
        name=name,
        revision=_revision(encoder, options),
        release_date=None,
        languages=None,
        n_parameters=sum(parameter.numel() for parameter in encoder.model.parameters()),
        memory_usage_mb=None,
        max_tokens=core.max_tokens,
        embed_dim=core.hidden_size,
        license=None,
        open_weights=True,
        public_training_code=None,
        public_training_data=None,
        framework=["PyTorch"],
        similarity_fn_name=ScoringFunction.COSINE,
        use_instructions=bool(core.prefix),
        training_datasets=None,
        experiment_kwargs={key: str(value) for key, value in options.items()} or None,
    )
