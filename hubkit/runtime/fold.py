"""A recipe as part of the network: folded into its weights where that is exact, else built into it as plain modules.

What is folded costs nothing at run time, what is built in costs what it computes. Either way no hook runs, and every
weight that does not change is shared with the core's network.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from hubkit.adapter.sites import LowRank, Scale
from hubkit.composition.recipe import Ensemble
from hubkit.core.architecture import architecture
from hubkit.errors import UsageError
from hubkit.runtime.bank import Bank
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.hooks import Places, places
from hubkit.runtime.jobs import chosen_mean
from hubkit.runtime.modules import SentenceModel, adapt_block, couple_embeddings
from hubkit.runtime.network import Network, Stacked
from hubkit.runtime.program import Program, Step, compile_program

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def fold(encoder: Encoder) -> Encoder:
    """The encoder with its recipe as part of a network of its own; the given encoder stays as it is.

    LoRA and (IA)³ become part of the weights: W + factor · up · down, and (1 + factor (scale − 1)) times the rows of W
    and of the bias, in the order of the stack. Tokens that an adapter adds become rows of the embedding matrix. Other
    methods and fusions become plain modules. The result encodes and centres the same, and takes no other recipe.

    Raises :class:`UsageError` for an ensemble and for an encoder that chooses a recipe for each sentence.
    """
    if encoder.network.folded is not None:
        return encoder
    _check_is_one(encoder)
    with ExitStack() as held:
        stacked = encoder._own or held.enter_context(encoder.network.stacked(encoder.recipe))  # type: ignore[arg-type]
        model = model_with(encoder.model, encoder.core.model_type, stacked)
    placed = _nowhere(encoder.bank.placed)
    done = replace(stacked, layers=(), program=compile_program([()], placed, every_row=True))
    bank = Bank(encoder.core, placed, next(model.parameters()))
    network = Network(encoder.core, model, encoder.tokenizer, bank, folded=done)
    made = Encoder(encoder.core, centre=encoder.centre, reason=encoder._reason, network=network)
    made.recipe, made.adapter = encoder.recipe, encoder.adapter
    return made


def compiled(encoder: Encoder, centre: bool | Tensor | NDArray[Any] | None = None) -> SentenceModel:
    """The encoder's recipe, pooling, centring and normalisation as one module that :mod:`torch.export` and ONNX take.

    Its forward takes ``input_ids`` and ``attention_mask``, both (n, t), and gives unit vectors (n, hidden), as
    :meth:`Encoder.encode` does with this ``centre``. Text is cut into tokens outside of it (:class:`Tokenise`).

    Raises :class:`UsageError` for what :func:`fold` refuses.
    """
    folded = fold(encoder)
    assert folded.network.folded is not None
    mean = chosen_mean(folded, folded.network.folded, centre, folded.explain())
    return SentenceModel(folded.model, folded.core.pooling, mean).eval()


def _check_is_one(encoder: Encoder) -> None:
    if encoder._planned is not None and encoder._planned.is_default:
        raise UsageError(
            "This encoder chooses a recipe for each sentence, and a network has one.",
            'Fold one language at a time: hubkit.load("rw", fold=True).',
        )
    if isinstance(encoder.recipe, Ensemble):
        raise UsageError(
            f"{encoder.recipe} encodes each text several times, which one network cannot.",
            "Fold each of its recipes, or choose a merge or a stack.",
        )


def model_with(model: nn.Module, model_type: str, stacked: Stacked) -> nn.Module:
    """A copy of a core's network with this recipe in it, its added tokens included; what is equal is shared."""
    with torch.inference_mode(False), torch.no_grad():  # weights made in inference mode could not be exported
        copied = shared_copy(model)
        placed, program = places(copied, architecture(model_type)), stacked.program
        if stacked.vocabulary is not None:
            _append_rows(copied, placed.word_embeddings, stacked.vocabulary.rows)
        for path, steps in _steps(program).items():
            if path in placed.linears:
                fold_linear(placed.linears[path], steps)
            elif path == placed.embeddings:
                couple_embeddings(copied, path, steps)
            else:
                adapt_block(copied, placed.blocks[path], steps, program.reads[path])
    return copied


def shared_copy(model: nn.Module) -> nn.Module:
    """The same modules without their forward hooks; their parameters and buffers lie in the same memory."""
    modules: dict[int, nn.Module] = {}
    parameters: dict[int, nn.Parameter] = {}

    def shared(parameter: nn.Parameter) -> nn.Parameter:
        # A parameter of its own, or moving or halving the copy would move or halve the model too.
        new = nn.Parameter(parameter.detach(), requires_grad=parameter.requires_grad)
        return parameters.setdefault(id(parameter), new)

    def copied(module: nn.Module) -> nn.Module:
        if id(module) in modules:
            return modules[id(module)]
        new = modules[id(module)] = module.__class__.__new__(module.__class__)
        for name, value in module.__dict__.items():
            is_hooks = name.startswith("_forward_") and isinstance(value, OrderedDict)
            new.__dict__[name] = OrderedDict() if is_hooks else copy.copy(value) if isinstance(value, dict) else value
        new._parameters = {name: own if own is None else shared(own) for name, own in module._parameters.items()}
        new._modules = {name: inner if inner is None else copied(inner) for name, inner in module._modules.items()}
        return new

    return copied(model)


def _steps(program: Program) -> dict[str, Sequence[Step]]:
    """Per path, the steps of a program that is the same for every row, in order."""
    return {path: [height[0].step for height in heights] for path, heights in program.heights.items()}


def fold_linear(linear: nn.Module, steps: Sequence[Step]) -> None:
    """Give a linear layer new parameters: its own, changed by ``steps`` in their order, computed in float64."""
    weight: Any = linear.weight
    bias: Any = linear.bias
    made, shift = _exact(weight), None if bias is None else _exact(bias)
    for step in steps:
        site = step.site
        if isinstance(site, Scale):
            rows = 1 + step.factor * (_exact(site.scale) - 1)
            made, shift = rows.unsqueeze(1) * made, None if shift is None else rows * shift
        else:
            assert isinstance(site, LowRank)
            made = made + step.factor * (_exact(site.up) @ _exact(site.down))
    linear.weight = nn.Parameter(made.to(weight), requires_grad=False)
    if shift is not None and any(isinstance(step.site, Scale) for step in steps):
        linear.bias = nn.Parameter(shift.to(bias), requires_grad=False)


def _exact(tensor: Tensor) -> Tensor:
    """In float64 on the CPU, because not every device has it."""
    return tensor.detach().cpu().double()


def _append_rows(model: nn.Module, path: str, rows: Tensor) -> None:
    embedding: Any = model.get_submodule(path)
    embedding.weight = nn.Parameter(torch.cat((embedding.weight, rows.to(embedding.weight))), requires_grad=False)
    embedding.num_embeddings = len(embedding.weight)
    config: Any = copy.copy(model.config)
    config.vocab_size = len(embedding.weight)
    model.config = config


def _nowhere(placed: Places) -> Places:
    """No places at all: what is folded takes no adapters."""
    return Places({}, {}, placed.embeddings, placed.word_embeddings, placed.hidden_size)
