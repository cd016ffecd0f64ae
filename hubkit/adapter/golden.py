"""Golden vectors: what an adapter is known to answer, so that another machine can tell whether it answers the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hubkit.adapter.strict_json import parse_json
from hubkit.durable import write_json
from hubkit.errors import UsageError, VerificationError
from hubkit.settings import settings

if TYPE_CHECKING:
    from torch import Tensor

PROBES = (
    "The boat comes back before the rain.",
    "Le marché ouvre à six heures du matin.",
    "Сегодня ночью на крышу упала звезда.",
    "جدتي تزرع النعناع قرب الباب.",
    "पुल के नीचे बच्चे पतंग उड़ा रहे हैं।",
    "山上的小屋里有一盏灯。",
    "ጠዋት ላይ ቡና እንጠጣለን።",
    "Mama anapika wali na samaki jikoni.",
    "Η γάτα κοιμάται πάνω στο παλιό πιάνο.",
    "42 km · 7:30 😀 — OK?",
)
MINIMUM = 8
TOLERANCE = 1e-4
MAX_TOLERANCE = 1e-2


@dataclass(frozen=True, slots=True)
class Golden:
    """Sentences and their unit vectors (n, hidden), float32, without centring; ``tolerance`` bounds |difference|."""

    sentences: tuple[str, ...]
    vectors: Tensor
    tolerance: float = TOLERANCE


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Tolerance(_Model):
    """Largest absolute difference per component, for each precision that has vectors."""

    float32: Annotated[float, Field(gt=0, le=MAX_TOLERANCE)]


class GoldenSentences(_Model):
    """The content of ``golden.json``."""

    schema_version: Literal[1] = 1
    sentences: Annotated[tuple[str, ...], Field(min_length=MINIMUM)]
    tolerance: Tolerance


def probe_sentences(in_the_language: Sequence[str]) -> tuple[str, ...]:
    """hubkit's own probes and at least two sentences in the adapter's language."""
    if len(in_the_language) < 2:
        raise UsageError(
            f"Golden vectors need 2 sentences in the language, {len(in_the_language)} were given.", "Give more."
        )
    return (*PROBES, *in_the_language)


def write_golden(golden: Golden, folder: Path) -> None:
    """Write ``golden.json`` and ``golden.safetensors``. Raises :class:`UsageError` when they would be refused later."""
    from hubkit.adapter.tensors import write_tensors

    try:
        content = GoldenSentences(sentences=golden.sentences, tolerance=Tolerance(float32=golden.tolerance))
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"These golden sentences cannot be stored: {reason}.", "Use probe_sentences().") from error
    write_json(folder / "golden.json", content.model_dump(mode="json"))
    write_tensors(folder / "golden.safetensors", {"float32": golden.vectors})


def parse_golden(sentences: bytes, vectors: bytes, hidden_size: int, folder: Path) -> Golden:
    """Read golden vectors strictly. Raises :class:`VerificationError` that names the file."""
    from hubkit.adapter.tensors import read_tensors

    where = f"{folder / 'golden.json'}"
    parse_json(sentences, where)
    try:
        content = GoldenSentences.model_validate_json(sentences, strict=True)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise VerificationError(f"{where} is not valid: {reason}.", "Fetch the adapter again.") from error
    shapes = {"float32": (len(content.sentences), hidden_size)}
    tensor = read_tensors(vectors, shapes, f"{folder / 'golden.safetensors'}")["float32"]
    if bool(((tensor.norm(dim=1) - 1).abs() > 1e-3).any()):
        raise VerificationError(
            f"{folder / 'golden.safetensors'} holds vectors that are not of length 1.", "Fetch the adapter again."
        )
    return Golden(content.sentences, tensor, content.tolerance.float32)


def check_golden(golden: Golden, vectors: Tensor, folder: Path) -> None:
    """Compare what was computed here with the stored vectors. Raises :class:`VerificationError` when they differ."""
    found = vectors.detach().float().cpu()
    difference = float((found - golden.vectors).abs().max()) if found.shape == golden.vectors.shape else float("inf")
    if not difference <= golden.tolerance:
        raise VerificationError(
            f"The adapter in {folder} gives other vectors here than where it was made: they differ by up to "
            f"{difference:.2g}, {folder / 'golden.json'} allows {golden.tolerance:.2g}.",
            "Fetch the adapter again; if that does not help, install the torch and transformers versions that "
            "hubkit asks for.",
        )


def _marker(manifest_sha256: str, core_fingerprint: str) -> Path:
    import torch

    identity = "\n".join([manifest_sha256, core_fingerprint, torch.__version__])
    return settings().cache / "golden" / f"{hashlib.sha256(identity.encode()).hexdigest()}.json"


def is_remembered(manifest_sha256: str, core_fingerprint: str) -> bool:
    """Whether this adapter's golden vectors matched before on this machine, with this core and this torch."""
    return _marker(manifest_sha256, core_fingerprint).is_file()


def remember(manifest_sha256: str, core_fingerprint: str) -> None:
    """Note that the golden vectors matched."""
    write_json(_marker(manifest_sha256, core_fingerprint), {"manifest_sha256": manifest_sha256})
