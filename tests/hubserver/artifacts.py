"""Adapter folders that are whole as files go; their weights are bytes of any size, no model is needed."""

from __future__ import annotations

import hashlib
import random
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hubkit.adapter.folder import MANIFEST_FILE, read_verified
from hubkit.adapter.manifest import FileReference, Manifest
from hubkit.languages import find
from hubkit.registry.record import Record, record_of

CARD = """---
language:
- "rw"
license: "apache-2.0"
library_name: "adapters"
tags:
- "hubkit"
- "adapter-transformers"
- "lora"
---
# {name}
"""
COMMIT = "0123456789" * 4


def random_bytes(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def reference(path: str, data: bytes) -> FileReference:
    return FileReference(path=path, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def language_of(name: str) -> dict[str, Any]:
    """The language of ``lang-TAG``; Kinyarwanda of everything else."""
    found = find(name.removeprefix("lang-") if name.startswith("lang-") else "rw")
    return {"bcp47": found.tag, "iso639_3": found.iso639_3, "glottocode": found.glottocode, "name": found.name}


def manifest_of(name: str = "lang-rw", version: str = "0.1.0", **changes: Any) -> Manifest:
    core = {"id": "tiny", "pooling": "mean", "prefix": ""}
    content: dict[str, Any] = {
        "name": name,
        "version": version,
        "kind": {"lang": "language", "fam": "family", "task": "task"}[name.split("-")[0]],
        "languages": [language_of(name)],
        "method": "lora",
        "scaling": 1.0,
        "strength": 1.0,
        "core": {**core, "fingerprint": f"sha256:{'a' * 64}", "tokenizer_sha256": f"sha256:{'b' * 64}"},
        "license": "Apache-2.0",
        "training_data": [{"source": "tiny", "origin": "made up", "license": "CC0-1.0", "pairs": 2}],
        "seeds": [0],
        "hyperparameters": {},
        "compute": {"device": "cpu", "seconds": 1.5},
        "hubkit": "0.1.0",
        "created": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
    }
    return Manifest.model_validate({**content, **changes})


def write_adapter(
    folder: Path, name: str = "lang-rw", version: str = "0.1.0", size: int = 5000, seed: int = 0,
    card: str | None = None, extra: dict[str, bytes] | None = None, **changes: Any,
) -> Path:  # fmt: skip
    """An adapter's folder with weights of ``size`` bytes that depend on ``seed``."""
    files = {
        "adapter_config.json": b"{}",
        "adapter.safetensors": random_bytes(size, seed),
        "golden.json": b"[]",
        "golden.safetensors": random_bytes(300, 1),
        "README.md": (CARD if card is None else card).replace("{name}", name).encode(),
        **(extra or {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        (folder / path).write_bytes(data)
    sealed = manifest_of(name, version, **changes).sealed(tuple(reference(*item) for item in sorted(files.items())))
    (folder / MANIFEST_FILE).write_bytes(sealed.json_bytes())
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def record_for(folder: Path, repo_id: str = "org/hubkit-lang-rw", commit: str = COMMIT) -> Record:
    """The record of an adapter folder as if it had been uploaded as ``commit``."""
    files = [reference(path, data) for path, data in contents(folder).items()]
    return record_of(read_verified(folder).manifest, repo_id=repo_id, commit=commit, files=files)
