"""The Tatoeba test set as the Hub has it: a pinned commit of the dataset that mteb reads, one file for each language.

Where a language's file lies is read from the repository's own README (``configs``). A file is fetched once, from
``HF_ENDPOINT``, and kept in ``settings().downloads / "hub"``.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hubkit.corpora.source import SourceUnavailable
from hubkit.errors import HubkitError, VerificationError
from hubkit.evaluation.published import published
from hubkit.settings import settings

if TYPE_CHECKING:
    from hubkit.languages import Language

REPOSITORY = "mteb/tatoeba-bitext-mining"
REVISION = "69e8f12da6e31d59addadda9a9c8a2e601a0e282"
RETRY_AFTER = 120.0  # seconds in which the Hub is not asked again after it failed
_failed: dict[tuple[str, Path], tuple[float, str]] = {}  # revision and cache → when, and why


def pairs(language: Language, revision: str = REVISION) -> list[tuple[str, str]] | None:
    """Sentences with their English; ``None`` when the test set lacks the language, for which no network is needed.

    Raises :class:`SourceUnavailable` where a file can neither be fetched nor has been, and
    :class:`hubkit.errors.VerificationError` for one that is not laid out as expected.
    """
    if not published("tatoeba", language):  # mteb reports every language of the test set
        return None
    files = _files(_fetched("README.md", revision).read_text("utf-8"))
    codes = [code for code in (language.iso639_3, language.macrolanguage, language.tag) if code]
    path = next((files[pair] for pair in (f"{code}-eng" for code in codes) if pair in files), None)
    if path is None:
        return None
    if not (rows := list(_rows(_fetched(path, revision)))):
        raise _odd(path, "has no rows")
    return rows


def _fetched(path: str, revision: str) -> Path:
    """A file of the repository. What failed a moment ago is not tried again: many languages may ask for it."""
    from hubkit.registry.hub import dataset_file

    cache = settings().downloads / "hub"
    when, why = _failed.get((revision, cache), (float("-inf"), ""))
    if time.monotonic() - when < RETRY_AFTER:
        raise _unavailable(why)
    try:
        return dataset_file(REPOSITORY, path, revision, cache)
    except (HubkitError, OSError) as error:
        why = error.what if isinstance(error, HubkitError) else str(error)
        _failed[revision, cache] = time.monotonic(), why
        raise _unavailable(why) from error


def _unavailable(why: str) -> SourceUnavailable:
    return SourceUnavailable(
        f"The suite tatoeba cannot be had from the Hub: {why.rstrip('.')}.",
        "Run it once with a connection, set HF_ENDPOINT to a mirror, or put the files in HUBKIT_SUITES/tatoeba.",
    )


def _files(readme: str) -> dict[str, str]:
    """Pair of languages → file of the split ``test``, by the README's front matter."""
    try:
        card = yaml.safe_load(readme.split("---\n", 2)[1])
        listed: list[Any] = card["configs"]
        return {
            config["config_name"]: file["path"]
            for config in listed
            for file in config["data_files"]
            if file["split"] == "test" and isinstance(file["path"], str) and "*" not in file["path"]
        }
    except (IndexError, KeyError, TypeError, yaml.YAMLError) as error:
        raise _odd("README.md", f"does not say where its files are ({error!r})") from error


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    """The rows of a file of JSON lines, packed or not."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                row = json.loads(line)
                text, english = row["sentence1"].strip(), row["sentence2"].strip()
                if not text or not english:
                    raise ValueError(f"an empty sentence in line {number}")
                yield text, english
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _odd(path.name, f"is not read ({error!r})") from error


def _odd(name: str, what: str) -> VerificationError:
    return VerificationError(
        f"{name} of the dataset {REPOSITORY} {what}.", "Remove downloads/hub in HUBKIT_HOME, or use a folder instead."
    )
