"""What identifies a core: a hash over weights, config and tokenizer that is the same on every machine."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubkit.durable import sha256, write_json
from hubkit.errors import VerificationError
from hubkit.settings import settings

# Fields of config.json that change without the network changing.
_VOLATILE = {"_name_or_path", "transformers_version", "torch_dtype", "dtype", "_attn_implementation", "use_cache"}
_TOKENIZER_FILES = ("tokenizer.json", "sentencepiece.bpe.model", "spm.model", "vocab.txt", "vocab.json", "merges.txt")


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a transformers folder. Raises :class:`VerificationError` when there are none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise VerificationError(
            f"{folder} has no safetensors weights.",
            "Save the model with save_pretrained(folder); pickled weights are never loaded.",
        )
    return files


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _hash_tensors(files: list[Path]) -> str:
    """sha256 over (name, dtype, shape, bytes) in order of name, whatever the order and sharding on disk."""
    entries: list[tuple[str, str, list[int], Path, int, int]] = []
    for file in files:
        with file.open("rb") as handle:
            (length,) = struct.unpack("<Q", handle.read(8))
            header = json.loads(handle.read(length))
        header.pop("__metadata__", None)
        for name, tensor in header.items():
            start, end = tensor["data_offsets"]
            entries.append((name, tensor["dtype"], tensor["shape"], file, 8 + length + start, end - start))
    digest = hashlib.sha256()
    for name, dtype, shape, file, offset, size in sorted(entries, key=lambda entry: entry[0]):
        digest.update(_canonical([name, dtype, shape]))
        with file.open("rb") as handle:
            handle.seek(offset)
            while size > 0 and (block := handle.read(min(size, 1 << 20))):
                digest.update(block)
                size -= len(block)
    return digest.hexdigest()


def tokenizer_hash(folder: Path) -> str:
    """``sha256:…`` over the tokenizer's files. Raises :class:`VerificationError` when the folder has none."""
    digest = hashlib.sha256()
    present = [folder / name for name in _TOKENIZER_FILES if (folder / name).is_file()]
    if not present:
        raise VerificationError(f"{folder} has no tokenizer.", "Save it with tokenizer.save_pretrained(folder).")
    for file in present:
        digest.update(file.name.encode() + b"\0" + bytes.fromhex(sha256(file)))
    return f"sha256:{digest.hexdigest()}"


def fingerprint(folder: Path, pooling: Mapping[str, Any]) -> str:
    """``sha256:…`` over weights, config, tokenizer and pooling settings of the core in ``folder``.

    Hashing reads every byte once; the result is remembered for files of unchanged size and modification time.
    """
    files = [*weight_files(folder), folder / "config.json"]
    files += [folder / name for name in _TOKENIZER_FILES if (folder / name).is_file()]
    stamp = [[str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    remembered = (
        settings().cache / "fingerprints" / f"{hashlib.sha256(_canonical([stamp, dict(pooling)])).hexdigest()}.json"
    )
    if remembered.is_file():
        try:
            return str(json.loads(remembered.read_text("utf-8"))["fingerprint"])
        except (ValueError, KeyError):
            remembered.unlink()
    value = compute_fingerprint(folder, pooling)
    write_json(remembered, {"fingerprint": value, "files": stamp})
    return value


def compute_fingerprint(folder: Path, pooling: Mapping[str, Any]) -> str:
    """As :func:`fingerprint`, reading every byte again."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    stable = {key: value for key, value in config.items() if key not in _VOLATILE}
    parts = [_hash_tensors(weight_files(folder)), stable, tokenizer_hash(folder), dict(pooling)]
    return f"sha256:{hashlib.sha256(_canonical(parts)).hexdigest()}"
