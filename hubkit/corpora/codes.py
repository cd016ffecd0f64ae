"""Which codes a source uses for a language: the tag, with its script, and a small table of exceptions."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkit.languages import Language


@lru_cache(maxsize=1)
def _exceptions() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = json.loads(
        files("hubkit.corpora").joinpath("data/codes.json").read_text("utf-8")
    )
    return table


def codes(language: Language, source: str) -> list[str]:
    """Codes (lower case, hyphens) under which ``source`` may keep ``language``, the best first."""
    tag = language.tag.lower()
    found = [tag]
    if (exception := _exceptions().get(source, {}).get(language.tag)) is not None:
        found.insert(0, exception)
    if "-" not in tag:
        found += [f"{tag}-{language.script.lower()}", language.iso639_3]
    return list(dict.fromkeys(found))


def normal(code: str) -> str:
    """A source's own code in the spelling :func:`codes` uses: ``zh_Hans`` → ``zh-hans``."""
    return code.replace("_", "-").lower()
