"""The task of the tokenizer: what a suite's sentences cost in tokens, and how much of them it does not know.

Fertility and the share of continued words: Rust et al. 2021, "How Good is Your Tokenizer?" (ACL, arXiv 2012.15613).
Premium over English: Petrov et al. 2023, "Language Model Tokenizers Introduce Unfairness Between Languages" (NeurIPS,
arXiv 2305.15425).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hubkit.evaluation.measure import Measure, Rows
from hubkit.evaluation.strata import length_classes
from hubkit.evaluation.suite import ParallelSuite, Suite
from hubkit.evaluation.task import Level, Tested
from hubkit.evaluation.tasks.udhr import Udhr
from hubkit.vocabulary.measure import TokenizerMeasure, each
from hubkit.vocabulary.tokenizer import extended

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from hubkit.languages import Language
    from hubkit.runtime.encoder import Encoder
    from hubkit.vocabulary.delta import VocabularyDelta

# metric → numerator, denominator, and whether more of it is better
RATIOS: dict[str, tuple[str, str, bool]] = {
    "fertility": ("tokens", "words", False),
    "characters per token": ("characters", "tokens", True),
    "continued words": ("continued_words", "words", False),
    "unknown tokens": ("unknown_tokens", "tokens", False),
    "unknown characters": ("unknown_characters", "characters", False),
    "cut sentences": ("truncated", "sentences", False),
}


class TokenizerTask:
    """Measures the tokenizer of a system, the pieces that its adapter adds included; no vector is computed."""

    level: Level = "standard"

    def __init__(self, suite: Suite, name: str = "tokenizer") -> None:
        self._suite, self.name = suite, name

    def items(self, language: Language) -> ParallelSuite | None:
        """The suite in ``language``, or ``None``."""
        return self._suite.load(language)

    def texts(self, items: ParallelSuite) -> Sequence[str]:
        """Both sides of the suite."""
        return [*items.texts, *items.english]

    def measure(self, items: ParallelSuite, system: Tested) -> Sequence[Measure]:
        """The ratios of :data:`RATIOS` over all sentences, and ``premium``: tokens per token of the English side.

        None of a system that is no encoder of hubkit's.
        """
        if system.encoder is None:
            return []
        core, own = system.encoder.core, tokenizer_of(system.encoder)
        found = list(each(own, items.texts, core.max_tokens, core.prefix))
        english = list(each(system.encoder.tokenizer, items.english, core.max_tokens, core.prefix))
        measures = [
            _ratio(metric, _column(found, over), _column(found, under), higher, items)
            for metric, (over, under, higher) in RATIOS.items()
        ]
        return [*measures, _ratio("premium", _column(found, "tokens"), _column(english, "tokens"), False, items)]


def tokenizer() -> TokenizerTask:
    """The tokenizer on the Universal Declaration of Human Rights."""
    return TokenizerTask(Udhr())


def tokenizer_of(encoder: Encoder) -> PreTrainedTokenizerFast:
    """The core's tokenizer, with the pieces that the encoder's adapter or recipe adds."""
    own: PreTrainedTokenizerFast = encoder.tokenizer
    delta = _added(encoder)
    return own if delta is None else extended(own, delta)


def _added(encoder: Encoder) -> VocabularyDelta | None:
    from hubkit.composition.recipe import Ensemble

    if encoder.network.folded is not None:
        return encoder.network.folded.vocabulary
    if encoder.adapter is not None:
        return encoder.adapter.vocabulary
    if isinstance(encoder.recipe, Ensemble):
        return None  # its members cut each in their own way
    with encoder.network.stacked(encoder.recipe) as stacked:
        return stacked.vocabulary


def ratio_of_sums(rows: Rows) -> npt.NDArray[np.float64]:
    """Sum of the first column over that of the second; 0 where the second is 0."""
    over, under = rows[..., 0].sum(axis=-1), rows[..., 1].sum(axis=-1)
    ratios: npt.NDArray[np.float64] = over / np.where(under > 0, under, 1)
    return ratios


def _column(found: Sequence[TokenizerMeasure], field: str) -> npt.NDArray[np.float64]:
    return np.array([getattr(one, field) for one in found], dtype=np.float64)


def _ratio(
    metric: str, over: npt.NDArray[np.float64], under: npt.NDArray[np.float64], higher: bool, items: ParallelSuite
) -> Measure:
    strata = {"domain": (items.domain,) * len(items), "length": length_classes(items.english)}
    rows = np.column_stack([over, under])
    return Measure(metric, rows, ratio_of_sums, items.keys, higher_is_better=higher, strata=strata)
