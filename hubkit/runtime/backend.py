"""The only file that imports ``adapters``: a core as that library runs it, with an adapter of any of its methods."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

from hubkit.core import Core, load_model
from hubkit.errors import VerificationError

# What it raises for settings that it does not expect.
_REFUSALS = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, MemoryError, RuntimeError, TypeError,
    ValueError,
)  # fmt: skip


def adaptable(core: Core, attention: Literal["sdpa", "eager"] = "sdpa") -> Any:
    """The core's network, prepared for adapters; it computes what it did before.

    The bias that ``adapters`` gives layers without one (ModernBERT's Wqkv) is random, and is set to 0 here.
    """
    import adapters

    logging.getLogger("adapters").setLevel(logging.ERROR)  # it warns of its own dummy pass
    model: Any = load_model(core, attention=attention)
    own = set(model.state_dict())
    adapters.init(model)
    for name, parameter in model.named_parameters():
        if name.endswith(".bias") and name.replace(".base_layer", "") not in own:
            nn.init.zeros_(parameter)
            parameter.requires_grad_(False)
    return model


def add_adapter(model: Any, name: str, config: Mapping[str, Any], seed: int = 0) -> None:
    """Add an adapter with random tensors to the network; ``config`` is AdapterHub's inner configuration.

    Of ReFT it may have ``subtract_projection``, which ``adapters`` does not read: False is DiReFT.
    """
    import adapters

    given = copy.deepcopy(dict(config))
    is_direft = given.pop("subtract_projection", None) is False
    read = adapters.DiReftConfig.from_dict if is_direft else adapters.AdapterConfig.load
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model.add_adapter(name, config=read(given))


def adapter_state(model: Any, name: str) -> dict[str, Tensor]:
    """The tensors of an adapter in the network, by their full names; what layers share has several."""
    return {key: tensor for key, tensor in model.state_dict().items() if f".{name}." in key}


class AdaptedModel(nn.Module):
    """A core with one adapter, which acts in every forward pass; called as the core's own network is.

    ``tensors`` are AdapterHub's, of an adapter that is called ``name`` in them; in the network it has another name, for
    ``adapters`` does not take all. Raises :class:`VerificationError` that names ``where`` when they are not exactly
    those of the configuration, or when ``adapters`` does not run it on this core.
    """

    _NAME = "hubkit_adapter"

    def __init__(
        self, core: Core, config: Mapping[str, Any], tensors: Mapping[str, Tensor], name: str, where: str
    ) -> None:
        super().__init__()
        self._config = config
        self.model = adaptable(core)
        with _refusing(where, core):
            add_adapter(self.model, self._NAME, _without_training(config))
        state = adapter_state(self.model, self._NAME)
        _fill({key.replace(f".{self._NAME}.", f".{name}."): tensor for key, tensor in state.items()}, tensors, where)
        self.model.eval()
        self.model.requires_grad_(False)
        with _refusing(where, core), torch.inference_mode():
            self._hidden(torch.ones((1, 4), dtype=torch.long))

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> BaseModelOutput:
        """``last_hidden_state`` (n, t, hidden) of token ids (n, t), 0 where ``attention_mask`` is.

        Rows of each length run together without padding: with it some methods give other vectors (prompt tuning,
        DistilBERT's prefix tuning, UniPELT, whose gates are means over all tokens).
        """
        lengths = (torch.ones_like(input_ids) if attention_mask is None else attention_mask).sum(1)
        hidden = torch.zeros((*input_ids.shape, self.model.config.hidden_size), device=input_ids.device)
        for length in sorted(set(lengths.tolist())):
            rows = lengths == length
            hidden[rows, :length] = self._hidden(input_ids[rows, :length])
        return BaseModelOutput(last_hidden_state=hidden)  # type: ignore[arg-type]

    def _hidden(self, ids: Tensor) -> Tensor:
        """Hidden states of the given tokens, without those that prompt tuning puts between them."""
        import adapters

        with adapters.AdapterSetup(self._NAME):
            hidden: Tensor = self.model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        more = hidden.shape[1] - ids.shape[1]
        first = 1 if self._config.get("combine") == "prefix_after_bos" else 0
        return torch.cat((hidden[:, :first], hidden[:, first + more :]), 1) if more else hidden


@contextmanager
def _refusing(where: str, core: Core) -> Iterator[None]:
    """Say of what ``adapters`` raises that it does not run the configuration."""
    try:
        yield
    except _REFUSALS as error:
        raise VerificationError(
            f"{where} is a configuration that `adapters` does not run on a {core.model_type}: "
            f"{type(error).__name__}: {str(error)[:200]}.",
            "Train the adapter again with another method, or load it on the core it was made for.",
        ) from error


def _without_training(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without what is for training only, which may need a tokenizer or torchvision."""
    idle = {
        "prompt_init": "random_uniform", "prompt_init_text": None, "init_weights_seed": None, "stochastic_depth": 0.0,
    }  # fmt: skip
    found = {key: idle.get(key, value) for key, value in config.items()}
    if isinstance(parts := found.get("configs"), list):
        found["configs"] = [_without_training(part) if isinstance(part, dict) else part for part in parts]
    return found


def _fill(expected: Mapping[str, Tensor], given: Mapping[str, Tensor], where: str) -> None:
    """Copy the given tensors into those expected, all of them; of one with several names one is enough."""
    again = (
        "Save the adapter again, or load it on the core it was made for. (Of Compacter and VeRA `adapters` saves the "
        "shared parameters only from a model with a head.)"
    )
    if unexpected := sorted(set(given) - set(expected)):
        raise VerificationError(
            f"{where} has {len(unexpected)} tensors that its configuration does not have on this core, the first is "
            f"{unexpected[0]!r}.",
            again,
        )
    names: dict[tuple[int, tuple[int, ...]], list[str]] = {}
    for key, tensor in expected.items():
        names.setdefault((tensor.data_ptr(), tuple(tensor.shape)), []).append(key)
    for shared in names.values():
        values = [given[key] for key in shared if key in given]
        tensor = expected[shared[0]]
        if not values:
            raise VerificationError(f"{where} lacks the tensor {shared[0]}.", again)
        if any(value.shape != tensor.shape or not torch.equal(value, values[0]) for value in values):
            raise VerificationError(
                f"{where}: tensor {shared[0]} has shape {tuple(values[0].shape)}, expected {tuple(tensor.shape)}, or "
                "it is there in several versions.",
                again,
            )
        with torch.no_grad():
            tensor.copy_(values[0])
