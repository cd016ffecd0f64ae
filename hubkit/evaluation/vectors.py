"""Systems whose vectors are kept: an evaluation that is run again, or goes further, encodes only what is new.

A vector is kept by core (the file), system and sentence. A system is known by its label (what is known of its recipe,
and hubkit's version) and by the vectors that it gives for probe sentences: whatever it is made of, one that answers
otherwise is another system.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hubkit.adapter.golden import probe_sentences
from hubkit.evaluation.task import Encode, Tested
from hubkit.runtime.vector_cache import VectorCache
from hubkit.settings import settings
from hubkit.version import __version__

PROBES_IN_LANGUAGE = 6


def open_cache(core_fingerprint: str) -> VectorCache:
    """The vectors that are kept for a core."""
    return VectorCache(settings().cache / "vectors" / f"{core_fingerprint.removeprefix('sha256:')[:16]}.sqlite")


def remembered(system: Tested, cache: VectorCache, texts: Sequence[str], recipe: str = "") -> Tested:
    """The system with both its functions remembered. ``texts`` are some in the language that will be encoded.

    ``recipe`` is what is known of its make-up beside its answers: digests of the adapters in it.
    """
    probes = [*probe_sentences(tuple(texts[:2])), *texts[2:PROBES_IN_LANGUAGE]]
    return replace(
        system,
        encode=_remembered(system.encode, cache, probes, recipe),
        english=_remembered(system.english, cache, probes, ""),
    )


def _remembered(encode: Encode, cache: VectorCache, probes: list[str], recipe: str) -> Encode:
    label = f"hubkit {__version__}; {recipe}; {probes!r}"
    number: list[int] = []

    def vectors(sentences: list[str]) -> npt.NDArray[Any]:
        if not number:  # a system that is never asked is never probed
            number.append(cache.system(label, np.asarray(encode(list(probes)), np.float32)))
        return cache.vectors(number[0], sentences, encode)

    return vectors
