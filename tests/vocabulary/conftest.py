"""A tiny core with a Unigram tokenizer, whose embedding matrix has more rows than the tokenizer has pieces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from hubkit.core import Core, load_tokenizer, open_core
from hubkit.vocabulary.base import BaseVocabulary, base_vocabulary
from hubkit.vocabulary.delta import Piece, VocabularyDelta

SPECIALS = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
LETTERS = "abcdefghiklmnopqrstuvwz"
PIECES = ["▁ka", "ka", "an", "na", "▁the", "ab", "ba", "▁ba", "ndi", "an.", "ing"]
ROWS = 64  # embedding rows; the tokenizer has fewer pieces


def unigram() -> Tokenizer:
    vocabulary = [(text, 0.0) for text in ("<s>", "<pad>", "</s>", "<unk>")]
    vocabulary += [("▁", -2.0), (".", -3.0), *((letter, -4.0 - number / 10) for number, letter in enumerate(LETTERS))]
    vocabulary += [(text, -5.0 - number / 7) for number, text in enumerate(PIECES)]
    vocabulary += [("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, 3, False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace("▁", "always")]
    )
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", None, [("<s>", 0), ("</s>", 2)])
    return tokenizer


def build(folder: Path, tokenizer: Tokenizer, rows: int, **special: str) -> Core:
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIALS, **special)
    fast.save_pretrained(folder)
    config = BertConfig(
        num_hidden_layers=1,
        hidden_size=32,
        num_attention_heads=4,
        intermediate_size=48,
        vocab_size=rows,
        max_position_embeddings=72,
        pad_token_id=1,
        initializer_range=0.2,
    )
    torch.manual_seed(0)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    (folder / "hubkit_core.json").write_text(json.dumps({"pooling": "mean", "prefix": "", "max_tokens": 64}))
    return open_core(str(folder))


@pytest.fixture(scope="session")
def unigram_core(core_folder: Path) -> Core:
    mask = AddedToken("<mask>", lstrip=True, special=True, normalized=False)
    return build(core_folder / "unigram", unigram(), ROWS, mask_token=mask)


@pytest.fixture(scope="session")
def wordpiece_core(core_folder: Path) -> Core:
    """Lower-casing WordPiece; two ids fewer than the core has rows."""
    texts = ["<s>", "<pad>", "</s>", "<unk>", *LETTERS, *(f"##{letter}" for letter in LETTERS), "."]
    tokenizer = Tokenizer(models.WordPiece({text: number for number, text in enumerate(texts)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", None, [("<s>", 0), ("</s>", 2)])
    return build(core_folder / "wordpiece", tokenizer, len(texts) + 2)


@pytest.fixture
def tokenizer(unigram_core: Core) -> PreTrainedTokenizerFast:
    return load_tokenizer(unigram_core)


@pytest.fixture
def base(unigram_core: Core) -> BaseVocabulary:
    return base_vocabulary(unigram_core)


MakeDelta = Callable[..., VocabularyDelta]


@pytest.fixture
def make_delta() -> MakeDelta:
    """(core, text=score…) → a delta with rows that say their number."""

    def make(core: Core, pieces: dict[str, float], **changes: Any) -> VocabularyDelta:
        size = json.loads((core.folder / "config.json").read_text("utf-8"))["vocab_size"]
        rows = torch.arange(len(pieces), dtype=torch.float32)[:, None].expand(-1, core.hidden_size).contiguous()
        content = {"base_size": size, "tokenizer_sha256": core.tokenizer_sha256, **changes}
        return VocabularyDelta(pieces=tuple(Piece(*piece) for piece in pieces.items()), rows=rows, **content)

    return make
