"""What an index relies on in a plugin's further indexes and in its check of records."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hubkit.testing.error import require, require_text


def check_indexes(function: Callable[[], Sequence[str | os.PathLike[str]]]) -> None:
    """Check an implementation of ``register_indexes``: a sequence of folders, each a valid index.

    Raises :class:`hubkit.testing.ConformanceError`.
    """
    from hubkit.registry.index import Index
    from hubkit.registry.index_checks import validate

    found = function()
    require(not isinstance(found, (str, os.PathLike)), f"register_indexes must return a sequence, not {found!r}")
    require(found, "register_indexes returns no folder")
    for each in found:
        require(isinstance(each, (str, os.PathLike)), f"an index is a folder, not {each!r}")
        path = Path(each)
        require(path.is_dir(), f"the index {path} is no folder")
        problems = validate(Index(path, path.name))
        require(not problems, f"the index {path} is not valid: {'; '.join(map(str, problems))}")


def example_record(**fields: Any) -> dict[str, Any]:
    """A valid index record as plain data; ``fields`` replace its own."""
    from hubkit.adapter.folder import MANIFEST_FILE
    from hubkit.adapter.manifest import required_files

    paths = sorted(required_files("language") | {MANIFEST_FILE})
    digest = "a" * 64
    return {
        "schema": 1, "name": "lang-rw", "version": "1.0.0", "kind": "language", "method": "seq_bn",
        "languages": [{"bcp47": "rw", "iso639_3": "kin"}], "license": "Apache-2.0",
        "core": {"id": "e5-small", "fingerprint": f"sha256:{digest}", "tokenizer_sha256": f"sha256:{digest}"},
        "source": {"repo_id": "org/lang-rw", "commit": "0" * 40},
        "files": [{"path": path, "sha256": digest, "size": 1000} for path in paths],
        "deps": [], "published": "2026-01-02T03:04:05Z", **fields,
    }  # fmt: skip


def check_record_hook(
    function: Callable[..., Sequence[str]],
    accepts: Mapping[str, Any] | None = None,
    refuses: Mapping[str, Any] | None = None,
) -> None:
    """Check an implementation of ``check_record`` on :func:`example_record`, and on records whose answer you know.

    It returns sentences, the same ones every time, and leaves the record as it was; ``accepts`` has no problem,
    ``refuses`` has one. Raises :class:`hubkit.testing.ConformanceError`.
    """
    for record in (example_record(), accepts, refuses):
        if record is None:
            continue
        before = copy.deepcopy(record)
        said = function(record=record)
        require(record == before, "check_record changes the record that it is given")
        require(not isinstance(said, str), f"check_record must return a sequence of sentences, not {said!r}")
        for problem in said or ():
            require_text(problem, "a problem")
        require(list(function(record=record) or ()) == list(said or ()), "check_record says something else every time")
        require(record is not accepts or not said, f"check_record refuses what it should accept: {said}")
        require(record is not refuses or said, "check_record accepts what it should refuse")
