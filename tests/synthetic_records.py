"""Records and indexes for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hubkit.adapter.manifest import required_files
from hubkit.registry.index import Index
from hubkit.registry.names import shard
from hubkit.registry.record import Record, parse_record

CORE = "sha256:" + "a" * 64
OTHER_CORE = "sha256:" + "b" * 64
KINDS = {"fam": "family", "fuse": "fusion", "lang": "language", "task": "task", "finding": "finding"}
CODES = {"rw": "kin", "sw": "swh", "lg": "lug", "rn": "run", "zu": "zul", "de": "deu"}


def metric(gain: float = 0.1, metric: str = "R@1", suite: str = "udhr", **fields: Any) -> dict[str, Any]:
    interval = [round(gain - 0.05, 4), round(gain + 0.05, 4)]
    return {"suite": suite, "metric": metric, "value": round(0.4 + gain, 4), "core": 0.4, "ci95": interval, **fields}


def content(
    name: str = "lang-rw", version: str = "1.0.0", below: Sequence[tuple[str, str]] = (), **fields: Any
) -> dict[str, Any]:
    """A record as plain data; ``fields`` replace others, ``None`` leaves one out."""
    kind = KINDS.get(name.partition("-")[0], "language")
    tag = next((tag for tag in name.split("-") if tag in CODES), "rw")
    paths = ["README.md", "report.json"] if kind == "finding" else sorted(required_files(kind) | {"manifest.json"})
    value: dict[str, Any] = {
        "schema": 1,
        "name": name,
        "version": version,
        "kind": kind,
        "method": "seq_bn",
        "languages": [{"bcp47": tag, "iso639_3": CODES[tag]}],
        "license": "Apache-2.0",
        "core": {"id": "e5-small", "fingerprint": CORE, "tokenizer_sha256": CORE},
        "source": {"repo_id": f"org/{name}", "commit": "0" * 40},
        "files": [{"path": path, "sha256": "c" * 64, "size": 1000} for path in paths],
        "deps": [{"name": name, "spec": spec} for name, spec in below],
        "published": "2026-01-02T03:04:05Z",
    }
    if kind == "finding":
        value |= {"metrics": [metric(0.0)], "conclusion": "no adapter needed"}
    return {key: field for key, field in {**value, **fields}.items() if field is not None}


def record(*arguments: Any, core: str = CORE, owner: str = "org", **fields: Any) -> Record:
    value = content(*arguments, **fields)
    value["core"] = {"id": "e5-small" if core == CORE else "other", "fingerprint": core, "tokenizer_sha256": core}
    if "source" not in fields:
        value["source"]["repo_id"] = f"{owner}/{value['name']}"
    return parse_record(json.dumps(value).encode(), "the test's record")


def write_index(root: Path, records: Iterable[Record]) -> Index:
    """Append records to an index in ``root``."""
    root.mkdir(parents=True, exist_ok=True)
    for each in records:
        path = root.joinpath(*shard(each.name), f"{each.name}.jsonl")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as handle:
            handle.write(each.line())
    return Index(root, root.name)
