"""The training recipe as data; its defaults are the measured ones (``docs/log.md``)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Recipe(BaseModel):
    """Everything that decides an adapter besides its data, its seed and its budget."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str = Field("seq_bn", description="adapter method, as registered")
    hyperparameters: dict[str, Any] = Field(default_factory=dict, description="of the method, e.g. {'r': 16}")
    skip_lower: float = Field(
        0.5, ge=0, lt=1, description="fraction of the core's layers, from below, without an adapter (AdapterDrop)"
    )
    objective: str = Field("contrastive", description="training objective, as registered")
    objective_parameters: dict[str, Any] = Field(default_factory=dict, description="e.g. {'temperature': 0.02}")
    batch_size: int = Field(32, ge=2, description="sentence pairs a step")
    max_tokens: int = Field(64, ge=8, description="longer sentences are cut")
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    warmup: float = Field(0.05, ge=0, lt=1, description="fraction of the budget with a rising learning rate")
    clip: float = Field(1.0, gt=0, description="largest gradient norm")
    alpha: float = Field(0.5, ge=0, le=1, description="a language's share is its number of pairs to this power")
    own: float = Field(3.0, gt=0, description="factor on the target language's share")
    min_words: int = Field(4, ge=1, description="fewest words of an English side")
    max_words: int = Field(30, ge=1, description="most words of an English side")
