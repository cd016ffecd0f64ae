"""The training recipe as data; its defaults are the measured ones (``docs/log.md``)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

PROSE_WORDS = 12  # text whose sentences have so many words, in the median, is prose
UPPER_HALF = 0.5


class Beside(BaseModel):
    """A further objective on the same text; its loss is added to the main one's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    objective: str = Field(description="training objective, as registered")
    parameters: dict[str, Any] = Field(default_factory=dict, description="of the objective")
    weight: float = Field(1.0, gt=0, description="factor on its loss")


class Recipe(BaseModel):
    """Everything that decides an adapter besides its data, its seed and its budget."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str = Field("seq_bn", description="adapter method, as registered")
    hyperparameters: dict[str, Any] = Field(default_factory=dict, description="of the method, e.g. {'r': 16}")
    skip_lower: float | None = Field(
        None, ge=0, lt=1, description="fraction of the core's layers, from below, without an adapter (AdapterDrop); "
        "none: 0 for prose, 0.5 for shorter text",
    )  # fmt: skip
    objective: str = Field("contrastive", description="training objective, as registered")
    objective_parameters: dict[str, Any] = Field(default_factory=dict, description="e.g. {'temperature': 0.02}")
    beside: tuple[Beside, ...] = Field((), description="further objectives on the same text")
    batch_size: int = Field(32, ge=2, description="sentence pairs a step")
    batch_tokens: int | None = Field(
        None, ge=64, description="at most so many tokens a step, padding included, in place of batch_size"
    )
    batch_by: Literal["mixed", "language", "source"] = Field(
        "mixed", description="what the sentences of a batch share: nothing, their language, or its source as well"
    )
    max_tokens: int = Field(64, ge=8, description="longer sentences are cut")
    word_dropout: float = Field(0, ge=0, lt=1, description="share of the tokens that training hides at random")
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0, description="of matrices; biases and scales have none")
    optimiser: Literal["adamw", "schedule_free"] = Field("adamw", description="schedule_free needs that package")
    schedule: Literal["linear", "cosine", "constant"] = Field("linear", description="after the warm-up")
    warmup: float = Field(0.05, ge=0, lt=1, description="fraction of the budget with a rising learning rate")
    clip: float = Field(1.0, gt=0, description="largest gradient norm")
    ema: float = Field(0, ge=0, lt=1, description="decay of a moving average of the weights; 0 is none")
    average: float = Field(0, ge=0, le=1, description="last fraction of the budget whose weights are averaged")
    patience: int | None = Field(
        None, ge=1, description="stop after so many evaluations on development text without a better one"
    )
    alpha: float = Field(0.5, ge=0, le=1, description="a language's share is its number of pairs to this power")
    alpha_end: float | None = Field(None, ge=0, le=1, description="the power at the end of the budget")
    floor: float = Field(0, ge=0, lt=1, description="least share of a language, as far as there is room")
    cap: float = Field(1, gt=0, le=1, description="largest share of a language that is not the target")
    balanced: bool = Field(False, description="every other group of batches draws all languages alike")
    own: float = Field(3.0, gt=0, description="factor on the target language's share")
    curriculum: Literal["none", "related", "distant", "shuffled"] = Field(
        "none", description="the order in which groups of languages join: nearest first, farthest first, by chance"
    )
    easy_first: Literal["none", "length", "coverage", "domain"] = Field(
        "none", description="which sentences of a language come first: short, of known words, of simple domains"
    )
    curriculum_share: float = Field(0.5, gt=0, le=1, description="fraction of the budget until all of the text is used")
    gate: bool = Field(False, description="a group of languages joins as soon as the development score has risen")
    min_words: int = Field(4, ge=1, description="fewest words of an English side")
    max_words: int = Field(30, ge=1, description="most words of an English side")
    cache_activations: bool = Field(
        False, description="keep what the layers below the adapter compute on disk (float16), for the second epoch on"
    )
    recompute: bool = Field(
        False,
        description="layers are computed again in the backward pass instead of kept: less memory, 1.4 times the time",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of the products in training; auto is bfloat16 on a GPU that has it, else float32"
    )

    @property
    def watches(self) -> bool:
        """Whether development text decides how the run goes on."""
        return self.gate or self.patience is not None

    def fitted(self, lengths: Sequence[int]) -> Recipe:
        """The recipe for sentences of these lengths (words), with what it leaves open chosen: ``skip_lower``.

        On prose, adapters in all layers learn more of the language; on the short strings of interfaces they learn as
        much in the upper half alone, which takes less time (``docs/log.md``).
        """
        if self.skip_lower is not None:
            return self
        prose = bool(lengths) and median(lengths) >= PROSE_WORDS and not self.cache_activations
        return self.model_copy(update={"skip_lower": 0.0 if prose else UPPER_HALF})
