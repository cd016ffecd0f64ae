"""What a step is made of: one objective or several, each with a mixture of examples, and how they become tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hubkit.errors import UsageError
from hubkit.plugins import load_registered
from hubkit.training.mixture import Mixture
from hubkit.training.objective import UNLABELLED, HasHead, Objective, Prepares, Setup

if TYPE_CHECKING:
    from hubkit.training.recipe import Recipe
    from hubkit.training.targets import Targets

_AT_ONCE = 1000
_NEEDED = {"pairs": "english", "text": "text", "labelled": "label", "scored": "score", "tagged": "tags"}


@dataclass(slots=True)
class Part:
    """An objective, the examples that it is trained on, and the weight of its loss."""

    objective: Objective
    mixture: Mixture
    weight: float = 1.0
    head: nn.Module | None = None

    @property
    def data(self) -> str:
        """What kind of example the objective needs: "pairs", "text", "labelled", "tagged" or "scored"."""
        return str(getattr(self.objective, "data", "pairs"))

    @property
    def wants_hidden(self) -> bool:
        """Whether the objective looks at token vectors."""
        return self.data in {"text", "tagged"}

    def prepare_head(self, collate: Collate, labels: tuple[str, ...], seed: int, device: torch.device) -> None:
        """Build the objective's own head, where it has one, on the network's device."""
        if isinstance(self.objective, HasHead):
            setup = collate.setup(self, labels)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                self.head = self.objective.head(collate.core.hidden_size, setup).to(device)

    def prepared(self, tokens: Tokens, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """The token ids that the network sees, and the labels."""
        if isinstance(self.objective, Prepares):
            return self.objective.prepare(tokens.input_ids, tokens.attention_mask, generator)
        return tokens.input_ids, tokens.labels


@dataclass(frozen=True, slots=True)
class Tokens:
    """A batch as tensors, before the network sees it; see :class:`hubkit.training.objective.Batch`."""

    input_ids: Tensor
    attention_mask: Tensor
    teacher: Tensor | None = None
    same: Tensor | None = None
    labels: Tensor | None = None
    languages: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.input_ids)


def parts_of(recipe: Recipe, mixture: Mixture) -> list[Part]:
    """The recipe's main objective and those beside it, all on ``mixture``."""
    parts = [Part(load_registered("objectives", recipe.objective)(**recipe.objective_parameters), mixture)]
    for other in recipe.beside:
        made = load_registered("objectives", other.objective)(**other.parameters)
        parts.append(Part(made, mixture, other.weight))
    for part in parts:
        check_data(part)
    return parts


def check_data(part: Part) -> None:
    """Raise :class:`UsageError` when the examples lack what the objective needs."""
    needed = _NEEDED[part.data]
    for tag, found in part.mixture.pairs.items():
        if found and not hasattr(found[0], needed):
            raise UsageError(
                f"The objective {part.objective.name} needs {part.data} data, and the examples in {tag} are "
                f"{type(found[0]).__name__}s.",
                "Choose an objective that fits the data, or give other data.",
            )


class Collate:
    """Examples → tensors, as the core's tokeniser and the frozen teacher make them."""

    def __init__(self, targets: Targets, max_tokens: int) -> None:
        self._targets, self._max_tokens = targets, max_tokens
        self.core = targets.frozen.core
        self._tokenizer, self._prefix = targets.frozen.tokenizer, self.core.prefix

    def lengths(self, examples: Sequence[Any]) -> list[int]:
        """Tokens of each example (those of a pair of texts: of its first)."""
        found = self._tokenizer(
            [self._prefix + example.text for example in examples], truncation=True, max_length=self._max_tokens
        )
        return [len(ids) for ids in found["input_ids"]]

    def setup(self, part: Part, labels: tuple[str, ...]) -> Setup:
        """What the head of an objective may need."""
        if part.data != "text":
            return Setup(labels)
        special = tuple(sorted(self._tokenizer.all_special_ids))
        found: set[int] = set()
        for examples in part.mixture.pairs.values():
            for start in range(0, len(examples), _AT_ONCE):
                texts = [self._prefix + example.text for example in examples[start : start + _AT_ONCE]]
                for ids in self._tokenizer(texts, truncation=True, max_length=self._max_tokens)["input_ids"]:
                    found.update(ids)
        embeddings = self._targets.frozen.model.get_input_embeddings().weight
        pieces = torch.tensor(sorted(found - set(special)))
        return Setup(labels, pieces, embeddings, self._tokenizer.mask_token_id, special)

    def __call__(self, data: str, examples: Sequence[Any]) -> Tokens:
        """The tensors of a batch of this kind of data."""
        if data == "tagged":
            return self._tagged(examples)
        found = self._tokenizer(
            [self._prefix + example.text for example in examples],
            padding=True, truncation=True, max_length=self._max_tokens, return_tensors="pt",
        )  # fmt: skip
        ids, mask = found["input_ids"], found["attention_mask"]
        if data == "pairs":
            english = [example.english for example in examples]
            numbers = torch.tensor([english.index(text) for text in english])
            same = numbers[:, None] == numbers[None, :]
            return Tokens(ids, mask, torch.from_numpy(self._targets(english)), same)
        if data == "labelled":
            return Tokens(ids, mask, self._others(examples), labels=torch.tensor([one.label for one in examples]))
        if data == "scored":
            return Tokens(ids, mask, self._others(examples), labels=torch.tensor([one.score for one in examples]))
        return Tokens(ids, mask)

    def _others(self, examples: Sequence[Any]) -> Tensor | None:
        """The frozen core's vectors (b, h) of the second sentences, where every example has one."""
        others = [example.other for example in examples]
        return None if None in others else torch.from_numpy(self._targets(others))

    def _tagged(self, examples: Sequence[Any]) -> Tokens:
        """Words with a label each: the first piece of a word has it, the others have none."""
        found = self._tokenizer(
            [list(example.words) for example in examples],
            is_split_into_words=True, padding=True, truncation=True, max_length=self._max_tokens, return_tensors="pt",
        )  # fmt: skip
        labels = torch.full_like(found["input_ids"], UNLABELLED)
        for row, example in enumerate(examples):
            last = None
            for at, word in enumerate(found.word_ids(row)):
                if word is not None and word != last:
                    labels[row, at] = example.tags[word]
                last = word
        return Tokens(found["input_ids"], found["attention_mask"], labels=labels)


def hide_tokens(mask: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """The mask (b, t) with ``share`` of the tokens hidden by chance, the first and the last of each row never."""
    if not share:
        return mask
    hidden = torch.rand(mask.shape, generator=generator) < share
    hidden[:, 0] = False
    hidden[torch.arange(len(mask)), mask.sum(1) - 1] = False
    return mask * ~hidden


def head_parameters(parts: Sequence[Part]) -> dict[str, nn.Parameter]:
    """The parameters of the objectives' own heads, by a name that stays."""
    found: dict[str, nn.Parameter] = {}
    for part in parts:
        if part.head is not None:
            for name, parameter in part.head.named_parameters():
                found[f"head.{part.objective.name}.{name}"] = parameter
    return found
