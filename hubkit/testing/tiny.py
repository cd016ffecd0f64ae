"""A core so small that a test can train on it: random weights, two layers, hidden 32, a tokenizer of bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkit.core import Core

_SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
_SIZES = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 48}


def tiny_core(folder: Path, seed: int = 0) -> Core:
    """Write a tiny random BERT core into ``folder`` and open it; ``--core FOLDER`` takes it too."""
    import torch
    from transformers import BertConfig, BertModel

    from hubkit.core import open_core

    config = BertConfig(  # type: ignore[no-untyped-call]
        **_SIZES, vocab_size=260, max_position_embeddings=72, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        initializer_range=0.2,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertModel(config, add_pooling_layer=False)  # type: ignore[no-untyped-call]
        model.save_pretrained(folder)
    _write_tokenizer(folder)
    settings = {"pooling": "mean", "prefix": "q: ", "max_tokens": 64}
    (folder / "hubkit_core.json").write_text(json.dumps(settings), "utf-8")
    return open_core(str(folder))


def _write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = (*_SPECIALS, *sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer = Tokenizer(models.BPE({piece: index for index, piece in enumerate(pieces)}, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", None, [("<s>", 0), ("</s>", 2)])
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
